"""``kernels``: the kernels that were started from here, on gateways and in Livy sessions, wherever they are now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from ...errors import AWSUnavailable
from ...executors import LEDGER, import_in_thread, run_in
from .base import AWS_DEADLINE_S, KERNELS, STORE_DEADLINE_S, EMRHandler, authorized_for

if TYPE_CHECKING:
    from ...services.kernels.listing import ListedKernel


class KernelsHandler(EMRHandler):
    """``GET kernels``: every kernel of the ledger."""

    deadline_s = AWS_DEADLINE_S
    late_error = AWSUnavailable

    @authenticated
    @authorized
    @authorized_for(KERNELS)
    async def get(self) -> None:
        """List the ledger; ``check=false`` asks no gateways, ``notebooks=true`` adds each kernel's API path."""
        await import_in_thread("services.kernels.listing")
        from ...services.kernels.listing import list_kernels

        check = self.flag("check") is not False
        listed = await self.while_wanted(list_kernels(self.services.config, check=check))
        body = listed.to_json()
        if self.flag("notebooks") is True:
            for kernel in (*body["items"], *body["starts"]):
                path = kernel["path"]
                kernel["notebook"] = self.services.paths.api_path(path) if path else None
        self.answer(body)


class OneKernelHandler(EMRHandler):
    """``DELETE kernels/{id}``: one kernel of the ledger, by its id on the gateway or in Jupyter."""

    deadline_s = AWS_DEADLINE_S
    late_error = AWSUnavailable

    @authenticated
    @authorized
    @authorized_for(KERNELS)
    async def delete(self, kernel_id: str) -> None:
        """Delete the kernel on its gateway; one that this server has is shut down, one that starts here cancelled."""
        await import_in_thread("services.kernels.listing", "services.kernels.starts")
        from ...services.kernels.listing import find_kernel, shut_down
        from ...services.kernels.starts import cancel_start

        force = self.flag("force") is True
        with self.services.audit.kernel_change("delete", kernel_id, force=force, user=self.user_name) as about:
            if not cancel_start(kernel_id):
                found = await self.while_wanted(run_in(LEDGER, find_kernel, self.services.config, kernel_id))
                about.record = found.record
                if self._is_here(found):
                    manager: Any = self.kernel_manager
                    await self.in_time(asyncio.shield(ensure_async(manager.shutdown_kernel(found.record.local_id))))
                elif not cancel_start(found.record.local_id):
                    await self.while_wanted(shut_down(self.services.config, found.record.kernel_id, force=force))
        self.set_status(204)
        await self.finish()

    def _is_here(self, kernel: ListedKernel) -> bool:
        from ...services.kernels.ownership import ownership

        mine = kernel.record.owner_id == ownership(self.services.config.state_file).owner.id
        manager: Any = self.kernel_manager
        return mine and kernel.record.local_id in manager


class AdoptKernelHandler(EMRHandler):
    """POST alone."""

    deadline_s = STORE_DEADLINE_S + 30.0  # for which another machine's heartbeat may have to be watched

    @authenticated
    @authorized
    @authorized_for(KERNELS)
    async def post(self, kernel_id: str) -> None:
        """Let a notebook of this server go on with it when its kernel starts next."""
        await import_in_thread("services.kernels.listing")
        from ...services.kernels.listing import adopt

        sent = self.fields(optional=("path",)) if self.request.body else {}
        force = self.flag("force") is True
        path = sent.get("path")
        with self.services.audit.kernel_change("adopt", kernel_id, force=force, user=self.user_name) as about:
            key = await self.while_wanted(self.services.paths.key(path)) if path else None
            found = await self.in_time(adopt(self.services.config, kernel_id, path=key, force=force))
            about.record = found.record
        self.answer(found.to_json())
