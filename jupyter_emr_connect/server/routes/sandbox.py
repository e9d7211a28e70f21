"""``sandbox``: an EMR on this machine, for who has none at AWS; started from the panel where its extra is installed."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from ..kernels.websocket import is_ours
from .base import KERNELS, STORE_DEADLINE_S, EMRHandler, authorized_for


class SandboxHandler(EMRHandler):
    """GET tells, POST starts it and lets this server use it, DELETE breaks the start off.

    Who may start it may start a kernel: it runs processes as the server's user.
    """

    deadline_s = STORE_DEADLINE_S

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer with whether it is offered, and how far a start is."""
        self.answer(self.services.sandbox.to_json())

    @authenticated
    @authorized
    @authorized_for(KERNELS)
    async def post(self) -> None:
        """Begin a start, unless one is under way."""
        manager = self.kernel_manager
        kernels = sum(is_ours(manager.get_kernel(one)) for one in list(manager.list_kernel_ids()))
        self.services.sandbox.start(kernels=kernels, user=self.user_name)
        self.answer(self.services.sandbox.to_json(), 202)

    @authenticated
    @authorized
    @authorized_for(KERNELS)
    async def delete(self) -> None:
        """Break a start off, and answer once its command has ended."""
        await self.in_time(self.services.sandbox.cancel())
        self.answer(self.services.sandbox.to_json())
