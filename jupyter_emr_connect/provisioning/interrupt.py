"""Interrupts that reach the cell they are meant for; while the connection is down they wait for it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from ..errors import EMRConnectError, GatewayError, GatewayRefused, GatewayUnreachable, KernelGone
from ..gateway.channels.bridge import Bridge
from ..gateway.connection.status import LinkState
from ..gateway.delivery.pending import PendingRequest
from ..gateway.rest import GatewayClient
from ..http.deadlines import within

TELL_USER_AFTER_S = 3.0  # whoever interrupts is told then that it is not delivered yet
CHECK_EVERY_S = 0.05
CATCH_UP_S = 2.0  # in which a connection that is back tells what has ended meanwhile
RETRY_AFTER_S = 1.0
STAYS_BUSY_S = 0.5
ENTERS_WITHIN_S = 1.0  # in which a kernel is heard to enter a cell, but for one on a loaded machine
INSIDE_AFTER_S, INSIDE_AGAIN_AFTER_S = 0.1, 0.5
CELL_COMES_WITHIN_S = 0.3  # shorter than a user needs to interrupt an idle kernel and then run a cell
OVERTAKEN_BY_S = 5.0  # by which, on a loaded machine, a cell may come after an interrupt that was sent later
# For one attempt; the first connection used after one came back may be one that is dead.
TIMEOUT_AT_ONCE_S, FIRST_TIMEOUT_S, LAST_TIMEOUT_S = 5.0, 2.0, 10.0
BUSY = "busy"
CONNECTION_DOWN = "[EMR Connect: the connection is down; the interrupt will be delivered when it returns.]\n"
GATEWAY_SILENT = "[EMR Connect: the gateway does not answer; the interrupt is tried until it does.]\n"
UNSENT = ("KeyboardInterrupt", "This cell was not sent yet when it was interrupted: it did not run.")


async def connection_returns(bridge: Bridge) -> None:
    """Return once the connection is up and has told what ended in its absence, or once it is gone for good."""
    loop = asyncio.get_running_loop()
    up_since: float | None = None
    while True:
        if bridge.link is not None and bridge.link.state in (LinkState.CONNECTING, LinkState.RECONNECTING):
            up_since = None
        else:
            up_since = up_since or loop.time()
            if bridge.inbox.is_flowing or loop.time() - up_since > CATCH_UP_S:
                return
        await asyncio.sleep(CHECK_EVERY_S)


def is_up(bridge: Bridge) -> bool:
    """Return whether the connection is thought to be up."""
    return bridge.link is not None and bridge.link.state is LinkState.CONNECTED


def drop_unsent(bridge: Bridge, status: str, ename: str = "", evalue: str = "") -> None:
    """End the cells that were not sent yet, and send them no more."""
    for msg_id in bridge.link.send_queue.ids() if bridge.link is not None else ():
        request = bridge.requests.get(msg_id)
        if bridge.link is not None and request is not None and request.runs_code:
            bridge.link.send_queue.forget(msg_id)
            bridge.requests.close(msg_id)
            bridge.fail(request, status, ename, evalue)


async def _inside(cell: PendingRequest, *, again: bool) -> bool:
    """Return once the kernel is well inside of the cell (True) or after a moment (False); True too when it has ended.

    From its ``busy`` to its ``execute_input`` ipykernel ignores interrupts (``pre_handler_hook`` lets them in), and for
    an instant beyond it may drop the cell's reply. A silent cell has no ``execute_input``. ``again``: it was
    interrupted before and may be ending of that.
    """
    sent = time.monotonic()
    while not cell.ended:
        now = time.monotonic()
        if cell.entered_at is not None and now > cell.entered_at + (INSIDE_AGAIN_AFTER_S if again else INSIDE_AFTER_S):
            return True
        if cell.entered_at is None and now > (cell.begun_at or sent) + ENTERS_WITHIN_S:
            return False
        await asyncio.sleep(CHECK_EVERY_S)
    return True


async def _enters(cell: PendingRequest, *, early: bool) -> bool:
    """Return True once the kernel enters the cell that it was interrupted for; False when the cell ends without.

    It may have noticed nothing of that interrupt. ``early``: nor had it taken up the cell; this then counts as well.
    """
    while not cell.ended:
        if cell.entered_at is not None or (early and cell.begun):
            return True
        await asyncio.sleep(CHECK_EVERY_S)
    return False


class Interrupts:
    """The interrupts of one kernel: one at a time is on its way. Lives on the gateway loop."""

    def __init__(self, client: GatewayClient, bridge: Bridge, kernel_id: str, log: logging.Logger | Any) -> None:
        self._client = client
        self._bridge = bridge
        self._kernel_id = kernel_id
        self._log = log
        self._work: asyncio.Task[None] | None = None
        self._delivered = asyncio.Event()

    async def interrupt(self) -> None:
        """Interrupt the cell that runs, now or once connected; returns within :data:`TELL_USER_AFTER_S`.

        While the connection is down, cells that were not sent yet end at once. An interrupt that is on its way already
        stands for all that follow until it is delivered, and is given up when :meth:`drop` is called, when all the
        cells end by themselves that were sent before it, or when none was known to run and another has come since.
        Raises the gateway's error when it refuses for a reason that does not pass.
        """
        up = is_up(self._bridge)
        if not up:
            drop_unsent(self._bridge, "error", *UNSENT)
        if self._work is not None and not self._work.done():
            if not self._delivered.is_set():
                return
            self._work.cancel()  # it only waits for a cell, or until the kernel enters it
        self._delivered.clear()
        cells = self._sent()
        cell = next(iter(cells), None)
        self._work = asyncio.get_running_loop().create_task(self._deliver(cells, at_once=up))
        self._work.add_done_callback(self._ended)
        if up:
            delivered = asyncio.ensure_future(self._delivered.wait())
            await asyncio.wait({self._work, delivered}, timeout=TELL_USER_AFTER_S, return_when=asyncio.FIRST_COMPLETED)
            delivered.cancel()
        if self._work.done():
            self._work.result()
        if self._work.done() or self._delivered.is_set():
            return
        drop_unsent(self._bridge, "error", *UNSENT)  # a connection that is thought to be up may be dead
        if cell is not None and not cell.ended:
            text = GATEWAY_SILENT if up else CONNECTION_DOWN
            self._bridge.publish("stream", {"name": "stderr", "text": text}, cell.header)

    def drop(self) -> None:
        """Deliver nothing any more; called when the kernel is restarted or ends."""
        if self._work is not None:
            self._work.cancel()
            self._work = None

    def _sent(self) -> list[PendingRequest]:
        """Return the cells that are known to run, or are to, in the order in which they do.

        One that was replied to runs no more, though its end may not have come yet.
        """
        requests = self._bridge.requests
        running = [cell for cell in requests.running() if requests.get(cell.message.msg_id) is cell]
        return [*running, *(cell for cell in requests.open().values() if cell.runs_code and cell not in running)]

    def _running(self) -> PendingRequest | None:
        return next(iter(self._sent()), None)

    def _next_of(self, cells: list[PendingRequest]) -> PendingRequest | None:
        """Return the cell that is to be interrupted in place of one that has ended, and was sent before as well."""
        return None if self._delivered.is_set() else next((cell for cell in self._sent() if cell in cells), None)

    async def _to_come(self) -> PendingRequest | None:
        """Return a cell that was sent just before the interrupt, and comes by another way; None when there is none."""
        end = time.monotonic() + CELL_COMES_WITHIN_S
        while True:
            cell = self._running()
            if cell is not None or time.monotonic() > end:
                return cell
            await asyncio.sleep(CHECK_EVERY_S)

    async def _overtaken(self, since: float) -> PendingRequest | None:
        """Return a cell that its client sent before the interrupt, and that comes later; None when there is none."""
        end = time.monotonic() + OVERTAKEN_BY_S
        while time.monotonic() < end:
            cell = self._running()
            if cell is not None:
                sent = cell.sent_at
                return cell if sent is not None and sent <= since else None
            await asyncio.sleep(CHECK_EVERY_S)
        return None

    async def _deliver(self, cells: list[PendingRequest], *, at_once: bool) -> None:
        since = time.time()
        cell = next(iter(cells), None)
        timeout = TIMEOUT_AT_ONCE_S if at_once else FIRST_TIMEOUT_S
        if cell is None and at_once:
            cell = await self._to_come()
        while True:
            if not at_once:
                await connection_returns(self._bridge)
            inside = cell is None or await _inside(cell, again=self._delivered.is_set())
            if cell is None and not at_once and self._running() is not None:
                return  # what runs now came later than the interrupt
            if cell is not None and cell.ended:
                if (cell := self._next_of(cells)) is None:
                    return
                continue
            early = cell is not None and cell.waits
            if await self._once(timeout, if_busy=cell is None and not at_once):
                self._delivered.set()
                if cell is None:
                    cell = await self._overtaken(since) if at_once else None
                else:
                    cell.interrupted = True
                    cell = cell if not inside and await _enters(cell, early=early) else None
                if cell is None:
                    return
                continue
            timeout = FIRST_TIMEOUT_S if at_once else min(timeout * 2, LAST_TIMEOUT_S)
            at_once = False
            await asyncio.sleep(RETRY_AFTER_S)

    async def _once(self, timeout: float, *, if_busy: bool) -> bool:
        """Try to deliver it; returns False when it is to be tried again."""
        try:
            if if_busy and not await self._is_busy(timeout):
                return True
            await within(timeout, self._client.interrupt(self._kernel_id))
        except KernelGone:
            return True
        except (EMRConnectError, asyncio.TimeoutError) as error:
            if isinstance(error, GatewayError) and not isinstance(error, GatewayUnreachable | GatewayRefused):
                raise
            self._log.warning("Kernel %s is not interrupted yet: %s", self._kernel_id, str(error) or "no answer")
            return False
        return True

    async def _is_busy(self, timeout: float) -> bool:
        """Return whether the kernel runs something that we know nothing of.

        For an instant an idle one looks busy too: the gateway asks it something when a connection returns.
        """
        for pause in (STAYS_BUSY_S, 0):
            model = await within(timeout, self._client.kernel(self._kernel_id))
            if model.get("execution_state") != BUSY or self._running() is not None:
                return False
            await asyncio.sleep(pause)
        return True

    def _ended(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled() and (error := work.exception()) is not None:
            self._log.warning("Kernel %s could not be interrupted: %s", self._kernel_id, error)
