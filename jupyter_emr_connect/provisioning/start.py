"""A new kernel requested of its gateway and waited for; one that dies as it comes up is started once more."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ..errors import GatewayUnreachable, KernelStartFailed
from ..gateway.channels.bridge import Bridge
from ..gateway.failures import may_have_reached_gateway
from ..gateway.rest import LAUNCH_PAD, GatewayClient, missing_kernelspec
from ..services.stages import READY, REQUESTED
from .ledger_entry import LedgerEntry
from .spec import StartSpec, choose
from .stages import StartStages
from .watch import comes_up

ATTEMPTS = 2
LOST_PAUSES = (0.2, 1.0, 2.0, 4.0)


class KernelStart:
    """The start of one kernel, on the gateway loop.

    A gateway chooses free ports for a kernel, and another process may take one before the kernel does; the more kernels
    start at once, the likelier. Enterprise Gateway lets such a kernel die five times on the same ports, though it logs
    new ones, and forgets it after 15 s. Another request gets other ports.
    ``was_requested`` says whether the gateway may have something of it.
    """

    def __init__(
        self, order: StartSpec, client: GatewayClient, bridge: Bridge, entry: LedgerEntry, log: logging.Logger | Any
    ) -> None:
        self.was_requested = False
        self._order = order
        self._client = client
        self._bridge = bridge
        self._entry = entry
        self._kernel_id = entry.record.kernel_id
        self._log = log
        self._session_id = entry.record.session_id
        self._died = asyncio.Event()

    def died(self) -> None:
        """Take note that the gateway says so of the kernel's process."""
        self._died.set()

    async def run(self, stages: StartStages) -> None:
        """Return when the kernel answers; raises :class:`KernelStartFailed`, or what the gateway's client raises."""
        for attempt in range(1, ATTEMPTS + 1):
            self._died.clear()
            stages.enter(REQUESTED)
            await stages.bounded(self._request(), self._order.launch_timeout + 2 * LAUNCH_PAD)
            stages.enter(READY)
            if await stages.bounded(self._wait(last=attempt == ATTEMPTS), self._order.ready_timeout):
                return
            self._log.warning("Kernel %s died while it started; it is started anew.", self._kernel_id)

    async def _request(self) -> None:
        order = self._order
        async with self._client.turn():
            offered = await self._client.kernelspecs()
            name = choose(offered, order.candidates, order.language, spark=order.spark)
            if name is None:
                raise missing_kernelspec(order.candidates, offered, order.target)
            if not self.was_requested:  # before the gateway is asked, so that a crash in between cannot lose a kernel
                await self._entry.add()
            self.was_requested = True
            seconds = order.launch_timeout
            await self._client.start_kernel(name, order.env, kernel_id=self._kernel_id, launch_timeout=seconds)

    async def _wait(self, *, last: bool) -> bool:
        if await comes_up(self._client, self._kernel_id, self.connect(), self._died.wait()):
            return True
        if last:
            message = f"The kernel died while it started on {self._order.target.label}, {ATTEMPTS} times."
            raise KernelStartFailed(message, fix="See the kernel's output in the gateway's log.")
        if self._bridge.link is not None:
            await self._bridge.link.close()
        self._session_id = None  # the gateway may still be at the attempt under this one, and would wait for its end
        await self._client.delete(self._kernel_id)
        return False

    async def connect(self, *, resume: bool = False) -> None:
        """Open the WebSocket, and wait for the kernel's answer; with ``resume`` it runs already and may be busy."""
        await self._open(resume)
        if not resume:
            await self._bridge.ready()

    async def _open(self, resume: bool) -> None:
        """Open the WebSocket, which a gateway does once its kernel is up; anew when the line is cut meanwhile."""
        pauses, lost = list(LOST_PAUSES), False
        offer, session_id = self._order.offer_v1, self._session_id
        while True:
            try:
                await self._bridge.connect(
                    self._client, self._kernel_id, offer_v1=offer, session_id=session_id, resume=resume
                )
            except GatewayUnreachable as error:
                lost = lost or may_have_reached_gateway(error)
                if not lost or not pauses:
                    raise
                if not resume:  # the gateway may still be at the attempt that was lost, and has nothing for us yet
                    session_id = None
                await asyncio.sleep(pauses.pop(0))
            else:
                return
