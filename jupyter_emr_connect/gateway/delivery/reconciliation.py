"""What became of the requests under way when a connection was lost: found out as soon as there is one again.

A request that was sent and not answered has either reached the kernel or been lost. The journal knows those that the
kernel has begun; and since the kernel takes requests in order, one that it has not begun by the time it answers a later
one never arrived. No cell is sent twice, and none is shown as finished that is not known to be. So that none is sent
in vain, those that wait are held back on a new connection until the kernel is known to hear what is sent on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol

from ...tasks import report_failure, watched
from ..protocol.framing import Message, Part
from ..protocol.signing import EMPTY
from .inbox import OrderedInbox
from .liveness import LivenessProbe
from .pending import REPEATABLE, PendingRequest, PendingRequests
from .timings import DEFAULT_TIMINGS, DeliveryTimings

log = logging.getLogger(__name__)

NEVER_ARRIVED = (
    "RequestLost",
    "The connection was lost before this cell reached the kernel, so it did not run. Run it again.",
)
UNCERTAIN = (
    "ConnectionLost",
    "The connection was lost while this cell was sent, and nothing was heard of it since: it may have run or not.",
)
REPLY_LOST = (
    "ReplyLost",
    "The cell has ended, but how was lost with the connection. What it assigned is there; some output may be missing.",
)
NO_REPLY = (
    "NoReply",
    "The kernel ended this cell without a reply, as when it is interrupted at that very moment. What it did is done.",
)
INTERRUPTED = (
    "KeyboardInterrupt",
    "The kernel was interrupted at the very moment in which it took up or ended this cell. What it did is done.",
)


class ReconcilerActions(Protocol):
    """What the reconciler has done, towards the gateway and towards the local clients."""

    def transmit(self, message: Message) -> None:
        """Send a message to the gateway."""
        ...

    def transmit_input_again(self) -> None:
        """Send what a user answered to the kernel's question again, unless the kernel went on since."""
        ...

    def unsent(self) -> list[str]:
        """Return the ids of the messages that wait to be sent."""
        ...

    def hold(self) -> None:
        """Keep cells back that wait to be sent."""
        ...

    def release(self) -> None:
        """Send the cells that :meth:`hold` kept back."""
        ...

    async def install(self) -> bool:
        """Put the journal into the remote kernel; returns whether it has one now."""
        ...

    def publish(self, msg_type: str, content: dict[str, Any], parent: Part = EMPTY) -> None:
        """Publish a message to the local clients."""
        ...

    def fail(self, request: PendingRequest, status: str, ename: str = "", evalue: str = "") -> None:
        """Answer a request in the kernel's place."""
        ...

    def abandon(self, status: str, ename: str = "", evalue: str = "") -> None:
        """Answer every open request in the kernel's place."""
        ...

    def mark(self, requests: Iterable[PendingRequest]) -> None:
        """Tell these cells that some of their output is lost."""
        ...

    def change_connection(self) -> None:
        """Go on over another connection."""
        ...


class RequestReconciler:
    """Settles the requests of one kernel after each new connection. Lives on the gateway loop."""

    def __init__(
        self,
        requests: PendingRequests,
        inbox: OrderedInbox,
        liveness: LivenessProbe,
        actions: ReconcilerActions,
        timings: DeliveryTimings = DEFAULT_TIMINGS,
    ) -> None:
        self._requests = requests
        self._inbox = inbox
        self._liveness = liveness
        self._actions = actions
        self._timings = timings
        self._connections = 0
        self._resumes = False
        self._settling: asyncio.Task[None] | None = None
        self._release_timer: asyncio.TimerHandle | None = None
        self._end_timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # -- connections that come and go --------------------------------------------------------------------------------

    def resume(self, tops: dict[str, int]) -> None:
        """Prepare for a kernel that another process started; ``tops`` are the numbers that the observer has kept."""
        self._resumes = True
        self._connections = 0
        self._inbox.resume(tops)

    def connected(self) -> None:
        """Begin to find out; called before anything is read from the new connection."""
        self._connections += 1
        if self._connections == 1 and not self._resumes:
            return
        loop = asyncio.get_running_loop()
        older = self._requests.open(but=self._actions.unsent())
        self._actions.hold()
        self._release_timer = loop.call_later(self._timings.hold_back_s, self._actions.release)
        self._settling = loop.create_task(self._settle(self._inbox.replay(older), older))

    def disconnected(self) -> None:
        """Ask no longer: there is nobody to answer."""
        self._inbox.stop()
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        if self._release_timer is not None:
            self._release_timer.cancel()
            self._release_timer = None

    def stop(self) -> None:
        """End for good."""
        self.disconnected()
        for task in list(self._tasks):
            task.cancel()
        if self._end_timer is not None:
            self._end_timer.cancel()
            self._end_timer = None

    async def _settle(self, replaying: asyncio.Task[Any], older: dict[str, PendingRequest]) -> None:
        """Settle the requests ``older``, and in any case send what waits."""
        try:
            await self._find_out(replaying, older)
        except Exception as error:
            report_failure(log, "What became of a kernel's requests could not be found out.", error)
            self._actions.release()

    async def _find_out(self, replaying: asyncio.Task[Any], older: dict[str, PendingRequest]) -> None:
        """Settle the requests ``older``, which were sent on connections before, as soon as it is known how."""
        replay = await replaying
        self._actions.transmit_input_again()
        if replay is not None:
            self._actions.release()
            if not older:
                return
        answer = await self._liveness.ask()
        if answer is not None and self._inbox.session != answer.head.get("session"):
            await self._restarted_meanwhile(answer)
            return
        if not self._liveness.unanswered:
            self._actions.release()
        # A reply may be in the journal alone: kernels send it to the session from which they were asked.
        while (earlier := self._inbox.replay_under_way) is not None:  # it may have been asked before that reply
            await earlier
        if replay is None or await self._inbox.replay() is None:
            await asyncio.sleep(self._timings.straggler_s)
        for msg_id, request in older.items():
            if self._requests.get(msg_id) is request:
                self._close(msg_id, request, is_certain=replay is not None)

    async def _restarted_meanwhile(self, answer: Message) -> None:
        if self._inbox.session:
            text = "The kernel was restarted while the connection was lost; its variables are lost."
            self._actions.abandon("error", "KernelDied", text)
            self._actions.publish("stream", {"name": "stderr", "text": f"{text}\n"})
        self._inbox.follow_process(answer)
        self._actions.release()
        await self._actions.install()

    def _close(self, msg_id: str, request: PendingRequest, *, is_certain: bool) -> None:
        """Answer a request that nobody else will answer any more; ``is_certain``: the journal knows what was begun."""
        if request.msg_type in REPEATABLE and not request.repeated:
            request.repeated = True
            self._actions.transmit(request.message)
            return
        self._requests.close(msg_id)
        if not request.runs_code:
            self._actions.fail(request, "aborted")
        elif request.begun:
            self._actions.fail(request, "error", *REPLY_LOST)
        else:
            self._actions.fail(request, "error", *(NEVER_ARRIVED if is_certain else UNCERTAIN))

    # -- replies without an end, and ends without a reply ------------------------------------------------------------

    def replied(self, request: PendingRequest) -> None:
        """See to it that a cell whose reply has come is ended too: its last outputs may have been lost on the way."""
        if request.runs_code and not request.ended and self._end_timer is None:
            self._end_later()

    def _end_later(self) -> None:
        delay_s, arrived = self._timings.end_lag_s, self._inbox.arrived
        self._end_timer = asyncio.get_running_loop().call_later(delay_s, self._end_if_silent, arrived)

    def _end_if_silent(self, arrived: int) -> None:
        self._end_timer = None
        cells = self._requests.replied_without_end()
        if not cells:
            return
        if self._inbox.arrived == arrived and self._inbox.is_flowing:
            if self._inbox.has_journal:
                self._keep(self._end_by_journal(cells))
            else:
                self._end(cells)
                self._actions.change_connection()
        self._end_later()

    async def _end_by_journal(self, cells: list[PendingRequest]) -> None:
        """Have the journal give the ends of cells, and go on over another connection: this one keeps them back.

        Jupyter Enterprise Gateway (2.6, 3.3) passes on nothing more that a kernel publishes once it has met a message
        that it cannot parse, but still passes on replies (pyzmq's ``ZMQStream`` is not told of what waits any more).
        """
        if await self._inbox.replay() is not None and any(cell.ended for cell in cells):
            self._actions.change_connection()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Have work done that nobody awaits, until :meth:`stop`."""
        task = watched(asyncio.get_running_loop().create_task(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end(self, cells: list[PendingRequest]) -> None:
        for request in cells:
            request.ended = True
            self._actions.mark([request])
            self._actions.publish("status", {"execution_state": "idle"}, request.header)

    def ended(self, msg_id: str) -> None:
        """See to it that a cell that has ended is answered too: its reply comes before its end, or not at all."""
        request = self._requests.get(msg_id)
        if request is not None and request.runs_code:
            self._keep(self._reply_if_missing(msg_id, request))

    async def _reply_if_missing(self, msg_id: str, request: PendingRequest) -> None:
        is_missing = False
        while self._requests.get(msg_id) is request:
            if is_missing:
                self._requests.close(msg_id)
                self._actions.fail(request, "error", *(INTERRUPTED if request.interrupted else NO_REPLY))
                return
            await asyncio.sleep(self._timings.end_lag_s)
            if self._inbox.is_flowing and self._inbox.has_journal:
                is_missing = True  # else the inbox would have held the end back
            elif self._inbox.is_flowing and await self._liveness.ask() is not None:
                await asyncio.sleep(self._timings.straggler_s)
                is_missing = True  # the kernel answered what it was asked after this cell
