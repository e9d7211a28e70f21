"""The start of a gateway kernel: requested, connected to, waited for; one that dies as it comes up is started again."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Coroutine
from typing import Any

from ..errors import EMRConnectError, GatewayUnreachable, KernelGone, KernelStartFailed
from ..gateway.channels.bridge import Bridge
from ..gateway.failures import may_have_reached_gateway
from ..gateway.rest import LAUNCH_PAD_S, GatewayClient, missing_kernelspec
from ..http.deadlines import within
from ..services.stages import READY, REQUESTED
from .ledger_entry import LedgerEntry
from .spec import StartSpec, choose
from .stages import StartStages

ATTEMPTS = 2
RECONNECT_PAUSES_S = (0.2, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)  # a gateway needs 5 to 20 s to come back
GONE_CHECK_EVERY_S = 1.0


class KernelStart:
    """The start of one kernel, on the gateway loop.

    A gateway chooses free ports for a kernel, and another process may take one before the kernel does; the more kernels
    start at once, the likelier. Enterprise Gateway lets such a kernel die five times on the same ports, though it logs
    new ones, and forgets it after 15 s. Another request gets other ports. Where the port is free again by the second
    process, that one runs, and the gateway opens no connection to it for a minute: it has asked the first for its info
    (``request_kernel_info`` of jupyter_server 1.24). So a kernel that is not heard of for half of the time that it may
    take is started anew, once.
    ``was_requested`` says whether the gateway may have something of it.
    """

    def __init__(
        self, spec: StartSpec, client: GatewayClient, bridge: Bridge, entry: LedgerEntry, log: logging.Logger | Any
    ) -> None:
        self.was_requested = False
        self._spec = spec
        self._client = client
        self._bridge = bridge
        self._entry = entry
        self._kernel_id = entry.record.kernel_id
        self._log = log
        self._session_id = entry.record.session_id
        self._died = asyncio.Event()

    def died(self) -> None:
        """Take note that the kernel's process died, as the gateway says; called by the kernel."""
        self._died.set()

    async def run(self, stages: StartStages) -> None:
        """Return when the kernel answers; raises :class:`KernelStartFailed`, or what the gateway's client raises."""
        for attempt in range(1, ATTEMPTS + 1):
            self._died.clear()
            stages.enter(REQUESTED)
            await stages.bounded(self._request(), self._spec.launch_timeout + 2 * LAUNCH_PAD_S)
            stages.enter(READY)
            seconds = self._spec.ready_timeout
            if await stages.bounded(self._wait(last=attempt == ATTEMPTS), seconds, lambda: self._bridge.waits_for):
                return
            self._log.warning(
                "Kernel %s died while it started, or is not heard of; it is started anew.", self._kernel_id
            )

    async def _request(self) -> None:
        spec = self._spec
        async with self._client.turn():
            offered = await self._client.kernelspecs()
            name = choose(offered, spec.candidates, spec.language, spark=spec.spark)
            if name is None:
                raise missing_kernelspec(spec.candidates, offered, spec.target)
            if not self.was_requested:  # before the gateway is asked, so that a crash in between cannot lose a kernel
                await self._entry.add()
            self.was_requested = True
            seconds = spec.launch_timeout
            await self._client.start_kernel(name, spec.env, kernel_id=self._kernel_id, launch_timeout=seconds)

    async def _wait(self, *, last: bool) -> bool:
        opens_within_s = math.inf if last else self._spec.ready_timeout / 2
        connecting = self.connect(opens_within_s=opens_within_s)
        if await comes_up(self._client, self._kernel_id, connecting, self._died.wait()):
            return True
        if last:
            message = f"The kernel died while it started on {self._spec.target.label}, {ATTEMPTS} times."
            raise KernelStartFailed(message, fix="See the kernel's output in the gateway's log.")
        if self._bridge.link is not None:
            await self._bridge.link.close()
        self._session_id = None  # the gateway may still be at the attempt under this one, and would wait for its end
        await self._client.delete(self._kernel_id)
        return False

    async def connect(self, *, resume: bool = False, opens_within_s: float = math.inf) -> None:
        """Open the WebSocket, and wait for the kernel's answer; with ``resume`` it runs already and may be busy.

        Raises :class:`asyncio.TimeoutError` when the gateway does not open it in time, though it can be reached.
        """
        await self._open(resume, opens_within_s)
        if not resume:
            await self._bridge.ready()

    async def _open(self, resume: bool, seconds: float) -> None:
        """Open the WebSocket, which a gateway does once its kernel is up; anew when the connection is cut meanwhile."""
        pauses, lost = list(RECONNECT_PAUSES_S), False
        offer, session_id = self._spec.offer_v1, self._session_id
        while True:
            try:
                opening = self._bridge.connect(
                    self._client, self._kernel_id, offer_v1=offer, session_id=session_id, resume=resume
                )
                await within(seconds, opening)
            except GatewayUnreachable as error:
                lost = lost or may_have_reached_gateway(error)
                if not lost or not pauses:
                    raise
                if not resume:  # the gateway may still be at the attempt that was lost, and has nothing for us yet
                    session_id = None
                await asyncio.sleep(pauses.pop(0))
            else:
                return


async def comes_up(
    client: GatewayClient, kernel_id: str, connecting: Coroutine[Any, Any, None], died: Coroutine[Any, Any, Any]
) -> bool:
    """Wait for a kernel until ``connecting`` is done (True), or until it died, is gone or not heard of in time (False).

    Not in time is what ``connecting`` raises :class:`asyncio.TimeoutError` for.
    """
    work = asyncio.ensure_future(connecting)
    others = [
        asyncio.ensure_future(died),
        asyncio.ensure_future(until_gone(client, kernel_id, GONE_CHECK_EVERY_S, dead=True)),
    ]
    try:
        await asyncio.wait({work, *others}, return_when=asyncio.FIRST_COMPLETED)
        for task in (work, *others):
            if task.done():
                task.result()
        return work.done()
    except (KernelGone, asyncio.TimeoutError):
        return False
    finally:
        for task in (work, *others):
            task.cancel()
        await asyncio.gather(work, *others, return_exceptions=True)


async def until_gone(client: GatewayClient, kernel_id: str, every: float, *, dead: bool = False) -> None:
    """Return when the gateway says that it has no such kernel (or, with ``dead``, a dead one); asked ``every`` seconds.

    A gateway that cannot be asked, or that refuses us, has said nothing.
    """
    while True:
        await asyncio.sleep(every)
        try:
            model = await client.kernel(kernel_id)
        except KernelGone:
            return
        except EMRConnectError:
            continue
        if dead and model.get("execution_state") == "dead":
            return
