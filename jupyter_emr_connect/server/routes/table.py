"""The table of routes; ``openapi.yaml`` describes them, and a test holds the two against each other."""

from __future__ import annotations

import re

from .attachments import AttachmentsHandler, OneAttachmentHandler
from .base import EMRHandler
from .compute import ComputesHandler, OneComputeHandler
from .identity import IdentityHandler
from .kernels import AdoptKernelHandler, KernelsHandler, OneKernelHandler
from .recording import RecordingHandler
from .runtime_roles import RuntimeRolesHandler
from .specification import SpecificationHandler, UnknownHandler

PREFIX = "/jupyter-emr-connect"

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
    "/openapi.yaml": SpecificationHandler,
}


def patterns() -> list[tuple[str, type[EMRHandler]]]:
    """Return the table as tornado wants it, unknown routes last; called by the extension at start."""
    known = [(PREFIX + _pattern(path), cls) for path, cls in ROUTES.items()]
    return [*known, (f"{PREFIX}(?:/.*)?", UnknownHandler)]


def _pattern(path: str) -> str:
    """Return the pattern of a route; an endpoint's id has a ``/`` of its own, with ``%2F`` or as it is."""
    part = ".+" if path == "/compute/{kind}/{id}" else "[^/]+"
    head, _, tail = re.sub(r"\\{\w+\\}", "{}", re.escape(path)).rpartition("{}")
    return f"{head.replace('{}', '([^/]+)')}({part}){tail}" if head else tail
