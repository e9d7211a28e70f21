"""``runtime-roles``: the roles offered to the user, for one compute or for all."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from ...errors import AWSUnavailable
from ...executors import AWS, run_in
from .base import AWS_DEADLINE_S, EMRHandler


class RuntimeRolesHandler(EMRHandler):
    """GET alone."""

    deadline_s = AWS_DEADLINE_S
    late_error = AWSUnavailable

    @authenticated
    @authorized
    async def get(self) -> None:
        """List roles in the order to offer them; ``compute`` is an id, an ARN or a name."""
        from ...services.roles import offered_roles

        compute, refresh = self.query("compute") or None, self.flag("refresh") or False
        listed = await self.while_wanted(run_in(AWS, offered_roles, self.services.config, compute, refresh=refresh))
        self.answer(listed.to_json())
