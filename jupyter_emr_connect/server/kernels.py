"""``kernels``: the gateway kernels and sessions that were started from here."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from .base import EMRHandler


class KernelsHandler(EMRHandler):
    """GET alone."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """List the ledger; ``check=false`` does not ask the gateways whether the kernels live."""
        from ..services.kernels import list_kernels

        check = self.flag("check") is not False
        found = await self.while_wanted(list_kernels(self.services.config, check=check))
        self.answer({"items": [record.to_json() for record in found]})
