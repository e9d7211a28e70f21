"""``runtime-roles``: the roles offered to the user, for one compute or for all."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from ..config import EMRConnect
from .base import EMRHandler


class RuntimeRolesHandler(EMRHandler):
    """GET alone."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """List roles in the order to offer them; ``compute`` is an id, an ARN or a name."""
        compute = self.query("compute")
        self.answer(await self.while_wanted(self.blocking(_roles, self.services.config, compute or None)))


def _roles(config: EMRConnect, compute: str | None) -> dict[str, Any]:
    from ..services.lookup import find
    from ..services.roles import list_roles

    found = find(config, compute) if compute else None
    return {"items": [role.to_json() for role in list_roles(config, found)], "errors": []}
