"""What became of what was under way when a connection was lost: found out as soon as there is one again.

A request that was sent and not answered has either reached the kernel or been lost. The journal knows those that the
kernel has begun; and since the kernel takes requests in order, one that it has not begun by the time it answers a later
one never arrived. No cell is sent twice, and none is shown as finished that is not known to be. So that none is sent
in vain, those that wait are kept back on a new connection until the kernel is known to hear what is sent on it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .liveness import LivenessProbe
from .pending import REPEATABLE, PendingRequest

if TYPE_CHECKING:
    from ..channels.bridge import Bridge
    from ..protocol.framing import Message

STRAGGLERS = 1.0  # seconds from the answer that shows that a request is done with to the end of the wait for its reply
KEEP_BACK = 30.0  # seconds for which cells wait at most for a sign that the kernel hears
QUIET = 2.0  # seconds after a cell's reply in which its end is published, unless it was lost
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


class RequestReconciler:
    """Settles it for one bridge. Lives on the gateway loop."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._hearing = LivenessProbe(bridge)
        self._connections = 0
        self._resumes = False
        self._work: asyncio.Task[Any] | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._kept_back: asyncio.TimerHandle | None = None
        self._missing: set[asyncio.Task[None]] = set()
        self.input: Message | None = None  # what a user answered to the kernel's question, until the kernel goes on

    def resume(self, seen: dict[str, int]) -> None:
        """Prepare for a kernel that another process started; ``seen`` is what the observer has kept of it."""
        self._resumes = True
        self._connections = 0
        self._bridge.line.resume(seen)

    def connected(self) -> None:
        """Begin to find out; called before anything is read from the new connection."""
        self._connections += 1
        if self._connections == 1 and not self._resumes:
            return
        older = self._bridge.requests.open(but=self._unsent())
        self._bridge.hold()
        self._kept_back = asyncio.get_running_loop().call_later(KEEP_BACK, self._bridge.release)
        recovering = self._bridge.line.recover(older)
        self._work = asyncio.get_running_loop().create_task(self._settle(recovering, older))

    def _unsent(self) -> list[str]:
        return self._bridge.link.outbox.ids() if self._bridge.link else []

    def disconnected(self) -> None:
        """Ask no longer: there is nobody to answer."""
        self._bridge.line.stop()
        if self._work is not None:
            self._work.cancel()
            self._work = None
        if self._kept_back is not None:
            self._kept_back.cancel()
            self._kept_back = None

    def stop(self) -> None:
        """End for good."""
        self.disconnected()
        for task in self._missing:
            task.cancel()
        if self._looking is not None:
            self._looking.cancel()

    async def _settle(self, recovering: asyncio.Task[Any], older: dict[str, PendingRequest]) -> None:
        bridge = self._bridge
        replay = await recovering
        if self.input is not None and self.input.msg_id not in self._unsent():
            bridge.transmit(self.input)  # kernels throw away an answer that nothing waits for any more
        if replay is not None:
            bridge.release()
            if not older:
                return
        answer = await self._hearing.ask()
        if answer is not None and bridge.line.session != answer.head.get("session"):
            await self._restarted_meanwhile(answer)
            return
        if not self._hearing.unanswered:
            bridge.release()
        # A reply may be in the journal alone: kernels send it to the session from which they were asked.
        while (earlier := bridge.line.recovering) is not None:  # it may have been asked before that reply
            await earlier
        if replay is None or await bridge.line.recover() is None:
            await asyncio.sleep(STRAGGLERS)
        for msg_id, request in older.items():
            if bridge.requests.get(msg_id) is request:
                self._close(msg_id, request, certain=replay is not None)

    async def _restarted_meanwhile(self, answer: Any) -> None:
        bridge = self._bridge
        if bridge.line.session:
            text = "The kernel was restarted while the connection was lost; its variables are lost."
            bridge.abandon("error", "KernelDied", text)
            bridge.publish("stream", {"name": "stderr", "text": f"{text}\n"})
        bridge.line.meet(answer)
        bridge.release()
        await bridge.install()

    def _close(self, msg_id: str, request: PendingRequest, *, certain: bool) -> None:
        """Answer a request that nobody else will answer any more."""
        bridge = self._bridge
        if request.msg_type in REPEATABLE and not request.repeated:
            request.repeated = True
            bridge.transmit(request.message)
            return
        bridge.requests.close(msg_id)
        if not request.runs_code:
            bridge.fail(request, "aborted")
        elif request.begun:
            bridge.fail(request, "error", *REPLY_LOST)
        else:
            bridge.fail(request, "error", *(NEVER_ARRIVED if certain else UNCERTAIN))

    def replied(self, request: PendingRequest) -> None:
        """See to it that a cell whose reply has come is ended too: its last outputs may have been lost on the way."""
        if request.runs_code and not request.ended and self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(QUIET, self._look, self._bridge.line.arrived)

    def _look(self, arrived: int) -> None:
        self._looking = None
        line, endless = self._bridge.line, self._bridge.requests.endless()
        if not endless:
            return
        if line.arrived == arrived and line.flows:
            line.recover() if line.journal else self._end(endless)
        self._looking = asyncio.get_running_loop().call_later(QUIET, self._look, line.arrived)

    def _end(self, cells: list[PendingRequest]) -> None:
        for request in cells:
            request.ended = True
            self._bridge.mark([request])
            self._bridge.publish("status", {"execution_state": "idle"}, request.header)

    def ended(self, msg_id: str) -> None:
        """See to it that a cell that has ended is answered too: its reply comes before its end, or not at all."""
        request = self._bridge.requests.get(msg_id)
        if request is not None and request.runs_code:
            task = asyncio.get_running_loop().create_task(self._miss_reply(msg_id, request))
            self._missing.add(task)
            task.add_done_callback(self._missing.discard)

    async def _miss_reply(self, msg_id: str, request: PendingRequest) -> None:
        bridge, answered = self._bridge, False
        while bridge.requests.get(msg_id) is request:
            if answered:
                bridge.requests.close(msg_id)
                bridge.fail(request, "error", *(INTERRUPTED if request.interrupted else NO_REPLY))
                return
            await asyncio.sleep(QUIET)
            if bridge.line.flows and bridge.line.journal:
                answered = True  # else the line would have held the end back
            elif bridge.line.flows and await self._hearing.ask() is not None:
                await asyncio.sleep(STRAGGLERS)
                answered = True  # what the kernel was asked after this cell
