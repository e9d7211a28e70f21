"""``runtime-roles``: the roles offered to the user, for one compute or for all."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from ...config import EMRConnect
from ...errors import AWSError, EMRConnectError
from ...models import Compute
from .base import EMRHandler


class RuntimeRolesHandler(EMRHandler):
    """GET alone."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """List roles in the order to offer them; ``compute`` is an id, an ARN or a name."""
        compute = self.query("compute")
        refresh = self.flag("refresh") or False
        self.answer(await self.while_wanted(self.blocking(_roles, self.services.config, compute or None, refresh)))


def _roles(config: EMRConnect, compute: str | None, refresh: bool) -> dict[str, Any]:
    from ...services.compute.lookup import find
    from ...services.credentials.aws_sessions import session_of
    from ...services.roles import forget_checks, list_roles

    if refresh:
        forget_checks()
    found = find(config, compute) if compute else None
    offered = list_roles(config, found, session=session_of(config, found) if found else None)
    return {
        "items": [role.to_json() for role in offered.items],
        "errors": [error_entry(error, found) for error in offered.errors],
    }


def error_entry(error: EMRConnectError, compute: Compute | None) -> dict[str, Any]:
    """Return an entry of ``errors`` in the form that ``GET compute`` has as well."""
    return {
        "kind": compute.kind if compute else None,
        "region": compute.region if compute else None,
        "code": error.code,
        "message": error.message,
        "iam_action": error.iam_action if isinstance(error, AWSError) else None,
        "fix": error.fix,
    }
