"""Kernels that are shut down, and servers that stop, while a kernel starts or restarts.

jupyter_client (8.10) asks such a kernel for the outcome of a start that has none yet, which raises
``InvalidStateError``: a shutdown is answered with 500, and a server that stops never ends. One whose restart has failed
it forgets without ending it. So what is under way is broken off first, and what has failed is ended here.

Our kernels are known by what their provisioner can do (``give_up``): this layer does not import it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from jupyter_core.utils import ensure_async

from ...tasks import report_failure

SETTLES_WITHIN_S = 5.0


class Shutdowns:
    """The ends of one server's kernels; made by the extension. ``kernels`` is its kernel manager. On its loop."""

    def __init__(self, kernels: Any, log: logging.Logger) -> None:
        self._kernels = kernels
        self._log = log
        self._jupyters: Any = None

    def install(self) -> None:
        """Let all who shut a kernel down by the kernel manager (routes, sessions, the culler) do it in this order."""
        self._jupyters, self._kernels.shutdown_kernel = self._kernels.shutdown_kernel, self.shutdown_kernel

    async def shutdown_kernel(self, kernel_id: str, *args: Any, **kwargs: Any) -> None:
        """Break off a start or restart of the kernel, and have Jupyter shut it down; raises what that raises."""
        if kernel_id in self._kernels:
            await self._settle(kernel_id)
            await self._end_failed(kernel_id)
        await ensure_async(self._jupyters(kernel_id, *args, **kwargs))

    async def settle_all(self) -> None:
        """Break off whatever starts or restarts; called as the server stops, before its kernels are ended or left."""
        await asyncio.gather(self._forget_starts(), *map(self._settle, self._kernels.list_kernel_ids()))

    async def end_all_failed(self) -> None:
        """End the kernels that Jupyter would only forget; called as a server stops that is to leave none."""
        await asyncio.gather(*map(self._end_failed, self._kernels.list_kernel_ids()))

    async def _forget_starts(self) -> None:
        """Cancel first starts, and forget those that failed.

        jupyter_client (8.10) keeps both in ``_pending_kernels``. jupyter_server (2.21) means to end them with the
        others, is answered that it knows no such kernel, and then never ends.
        """
        pending = self._pending()
        strays = {kernel_id: start for kernel_id, start in pending.items() if kernel_id not in self._kernels}
        for start in strays.values():
            start.cancel()
        if strays:
            await asyncio.wait(strays.values(), timeout=SETTLES_WITHIN_S)
        for kernel_id in strays:
            pending.pop(kernel_id, None)

    def _pending(self) -> dict[str, asyncio.Future[None]]:
        """Return what Jupyter waits for by itself: starts that the browser does not wait for, and shutdowns."""
        pending: dict[str, asyncio.Future[None]] = getattr(self._kernels, "_pending_kernels", {})
        return pending

    async def _settle(self, kernel_id: str) -> None:
        """Have the kernel's start or restart come to its end; one that does not is given up by us."""
        manager = self._kernels.get_kernel(kernel_id)
        give_up = getattr(getattr(manager, "provisioner", None), "give_up", None)
        if give_up is not None:
            await give_up()
        loop = asyncio.get_running_loop()
        end = loop.time() + SETTLES_WITHIN_S
        # A restart is two such futures, one after the other.
        while not (ready := manager.ready).done() and kernel_id not in self._pending():
            future = ready if isinstance(ready, asyncio.Future) else asyncio.wrap_future(ready)
            await asyncio.wait({future}, timeout=max(end - loop.time(), 0.0))
            if loop.time() >= end and not ready.done():
                self._log.warning("Kernel %s is shut down although its restart did not end.", kernel_id)
                ready.cancel()

    async def _end_failed(self, kernel_id: str) -> None:
        """End a kernel of ours of which Jupyter only knows that its last start failed."""
        manager = self._kernels.get_kernel(kernel_id)
        ready, provisioner = manager.ready, getattr(manager, "provisioner", None)
        if not hasattr(provisioner, "give_up") or not ready.done() or ready.cancelled():
            return
        if ready.exception() is not None:
            try:
                await manager.cleanup_resources()
            except Exception as error:  # the ledger still has it
                report_failure(self._log, "A kernel whose restart had failed could not be ended.", error)
