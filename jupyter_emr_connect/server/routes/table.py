"""The table of routes, their description, and the answer where there is none.

``openapi.yaml`` describes them all; a test holds the two against each other.
"""

from __future__ import annotations

import re
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from tornado.web import HTTPError, authenticated

from ...executors import FILES, run_in
from .attachments import AttachmentsHandler, OneAttachmentHandler
from .backups import (
    BackupConflictHandler,
    BackupContentHandler,
    BackupNowHandler,
    BackupResolveHandler,
    BackupRestoreHandler,
    BackupStatusHandler,
    BackupVersionsHandler,
)
from .base import STORE_DEADLINE_S, EMRHandler
from .compute import ComputesHandler, OneComputeHandler, RuntimeRolesHandler
from .identity import IdentityHandler
from .kernels import AdoptKernelHandler, KernelsHandler, OneKernelHandler
from .recording import RecordingHandler
from .sandbox import SandboxHandler

PREFIX = "/jupyter-emr-connect"
SPECIFICATION = Path(__file__).with_name("openapi.yaml")


class SpecificationHandler(EMRHandler):
    """``openapi.yaml``, the description of all routes."""

    deadline_s = STORE_DEADLINE_S

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the file."""
        text = await self.while_wanted(run_in(FILES, SPECIFICATION.read_bytes))
        await self.finish(text, set_content_type="application/yaml")


class UnknownHandler(EMRHandler):
    """Everything under our prefix that is no route."""

    deadline_s = STORE_DEADLINE_S

    @authenticated
    @authorized
    async def get(self) -> None:
        """Refuse with the contract's JSON; so do the other verbs."""
        message = f"There is no route {self.request.path[:200]!a}."
        raise HTTPError(404, message.replace("%", "%%"))

    head = post = put = patch = delete = get


# path as in openapi.yaml -> handler; a {parameter} is one part of the path.
ROUTES: dict[str, type[EMRHandler]] = {
    "/compute": ComputesHandler,
    "/compute/{kind}/{id}": OneComputeHandler,
    "/identity": IdentityHandler,
    "/runtime-roles": RuntimeRolesHandler,
    "/attachments": AttachmentsHandler,
    "/attachments/{id}": OneAttachmentHandler,
    "/kernels": KernelsHandler,
    "/kernels/{id}": OneKernelHandler,
    "/kernels/{id}/adopt": AdoptKernelHandler,
    "/kernels/{id}/recording": RecordingHandler,
    "/backups": BackupVersionsHandler,
    "/backups/content": BackupContentHandler,
    "/backups/restore": BackupRestoreHandler,
    "/backups/status": BackupStatusHandler,
    "/backups/now": BackupNowHandler,
    "/backups/conflict": BackupConflictHandler,
    "/backups/resolve": BackupResolveHandler,
    "/sandbox": SandboxHandler,
    "/openapi.yaml": SpecificationHandler,
}


def patterns() -> list[tuple[str, type[EMRHandler]]]:
    """Return the table as tornado wants it, unknown routes last; called by the extension at start."""
    handlers = [(PREFIX + _pattern(path), cls) for path, cls in ROUTES.items()]
    return [*handlers, (f"{PREFIX}(?:/.*)?", UnknownHandler)]


def _pattern(path: str) -> str:
    """Return the pattern of a route; an endpoint's id has a ``/`` of its own, with ``%2F`` or as it is."""
    part = ".+" if path == "/compute/{kind}/{id}" else "[^/]+"
    head, _, tail = re.sub(r"\\{\w+\\}", "{}", re.escape(path)).rpartition("{}")
    return f"{head.replace('{}', '([^/]+)')}({part}){tail}" if head else tail
