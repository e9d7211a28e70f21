"""``openapi.yaml``: the description of all routes, and the answer for those that are not there."""

from __future__ import annotations

from pathlib import Path

from jupyter_server.auth.decorator import authorized
from tornado.web import HTTPError, authenticated

from ...executors import FILES, run_in
from .base import STORE_DEADLINE_S, EMRHandler

SPECIFICATION = Path(__file__).with_name("openapi.yaml")


class SpecificationHandler(EMRHandler):
    """GET alone."""

    deadline_s = STORE_DEADLINE_S

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the file."""
        text = await self.while_wanted(run_in(FILES, SPECIFICATION.read_bytes))
        await self.finish(text, set_content_type="application/yaml")


class UnknownHandler(EMRHandler):
    """Everything else under our prefix."""

    deadline_s = STORE_DEADLINE_S

    @authenticated
    @authorized
    async def get(self) -> None:
        """Refuse with the contract's JSON; so do the other verbs."""
        message = f"There is no route {self.request.path[:200]!a}."
        raise HTTPError(404, message.replace("%", "%%"))

    head = post = put = patch = delete = get
