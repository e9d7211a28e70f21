"""Each message of a kernel once and in order, over connections that come and go.

::

                   a number is missing                    50 ms later
      FLOWING ───────────────────────────► WAITING ──────────────────────┐
         ▲  ▲                                 │ it came                  ▼
         │  └─────────────────────────────────┘                     RECOVERING ◄──── connected again
         │    the journal gave what it has, or said what is lost         │
         └───────────────────────────────────────────────────────────────┘

In the last two states messages are held back, so that what the journal (``journal.py``) gives comes before what was
sent after it. What neither the gateway replays nor the journal has is lost for certain, and the cells that it belongs
to are marked. Without a journal, gaps in the numbers (``doubts.py``) tell the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from enum import Enum
from typing import Protocol

from ..event_loop import gateway_loop
from ..protocol.framing import Message
from ..protocol.numbering import MessageNumbers, split
from . import journal
from .gaps import GRACE, GapTimeouts
from .internal_requests import InternalRequests
from .pending import PendingRequest, PendingRequests
from .reorder_buffer import ReorderBuffer
from .replay import JournalReplay

INSTALL = 10.0


class InboxMode(Enum):
    """What is done with a message that arrives; see the module's diagram."""

    FLOWING = "flowing"
    WAITING = "waiting"
    RECOVERING = "recovering"


class InboxReceiver(Protocol):
    """The bridge, as the line sees it."""

    async def deliver(self, message: Message) -> None:
        """Give a message to the local clients."""
        ...

    def mark(self, requests: Iterable[PendingRequest]) -> None:
        """Tell these cells that some of their output is lost."""
        ...

    def unheard(self) -> None:
        """Go on over another connection: the kernel does not hear us on this one."""
        ...


class OrderedInbox:
    """What arrives from one kernel, put in order. Lives on the gateway loop.

    ``session`` is the kernel process's own (its ids begin with it), ``journal`` whether it has a journal.
    """

    def __init__(self, own: InternalRequests, requests: PendingRequests, receiver: InboxReceiver) -> None:
        self.session = ""
        self.journal = False
        self.journal_of = ""  # the session that has it
        self.duplicates = 0
        self.mode = InboxMode.FLOWING
        self.requests = requests
        self.receiver = receiver
        self.sequence = MessageNumbers()
        self.held = ReorderBuffer()
        self._prefix = ""
        self._anchor = 0
        self._doubts = GapTimeouts(self)
        self.own = own
        self._lock = asyncio.Lock()
        self._recovery = JournalReplay(self)
        self.arrived = 0

    # What arrives

    @property
    def flows(self) -> bool:
        """Whether nothing is held back."""
        return self.mode is InboxMode.FLOWING

    async def take(self, message: Message) -> None:
        """Take in what the gateway sent; returns when it was delivered, held back, or dropped as known."""
        async with self._lock:
            self.arrived += 1
            if self.own.is_internal(message):
                self.count(message)
                strange = bool(self.session) and not message.msg_id.startswith(self.session)
                self.own.answer(message, strange=strange)
            elif not self.count(message):
                self.duplicates += 1
            elif self.mode is InboxMode.FLOWING and not self._is_early(message):
                await self.receiver.deliver(message)
            else:
                await self._hold(message)
            if self.mode is InboxMode.WAITING and not self.sequence.missing():
                await self._release([])

    def count(self, message: Message) -> bool:
        """Return False for a message that has come before."""
        prefix, number = split(message.msg_id)
        if not self.session or not prefix.startswith(self.session):
            return True
        known = self.sequence.top(prefix)
        new = self.sequence.add(prefix, number)
        if not self.journal and known and number > known + 1:
            self._doubts.suspect(prefix, (known + 1, number - 1), message.parent_id)
        return new

    def _is_early(self, message: Message) -> bool:
        """Return whether something that comes before this message has not come yet, and can be had."""
        if not self.journal or self._recovery.overdue or message.channel not in ("iopub", "stdin"):
            return False
        return self.sequence.gap_below(*split(message.msg_id))

    def number(self, message: Message) -> int:
        """Return a message's number among those of the kernel's process, or 0 for one that has none there."""
        prefix, number = split(message.msg_id)
        return number if prefix == self._prefix or not self._prefix else 0

    async def _hold(self, message: Message) -> None:
        if self.mode is InboxMode.FLOWING:
            self.mode = InboxMode.WAITING
            asyncio.get_running_loop().call_later(GRACE, self._ask_for_gap)
        try:
            self._anchor = self.number(message) or self._anchor
            self.held.add(self._anchor, message)
        except OSError:  # no room on the disk: better out of order than not at all
            await self._release([], whole=True)
            await self.receiver.deliver(message)

    def _ask_for_gap(self) -> None:
        if self.mode is InboxMode.WAITING and self._recovery.under_way is None:
            self.recover()
        elif self.mode is InboxMode.WAITING:  # that one asks no more
            asyncio.get_running_loop().call_later(GRACE, self._ask_for_gap)

    @property
    def recovering(self) -> asyncio.Task[journal.JournalAnswer | None] | None:
        """The question to the journal that is not answered yet."""
        return self._recovery.under_way

    def recover(self, older: dict[str, PendingRequest] | None = None) -> asyncio.Task[journal.JournalAnswer | None]:
        """Begin to ask the journal for what is missing, and hold back what arrives until it is here.

        Called when a number is missing, and on each new connection before anything is read from it; ``older`` are the
        requests that were sent on connections before. The task returns the journal's last answer, None without one.
        """
        under_way = self._recovery.under_way
        if older is None and under_way is not None:
            return under_way
        self.mode = InboxMode.RECOVERING
        return self._recovery.begin(older or {})

    def resume(self, known: dict[str, int]) -> None:
        """Go on where another process left off; ``known`` says up to which numbers it has kept what came."""
        self.sequence.resume(known)
        self.journal = True  # until it is known better
        sessions = {prefix.split("_")[0] for prefix in known}
        self.session = sessions.pop() if len(sessions) == 1 else ""

    def stop(self) -> None:
        """Wait for nothing any longer: the connection is lost. What is held back stays so."""
        self._recovery.stop()

    async def _release(self, lost: list[tuple[str, int, int]], *, whole: bool = False) -> None:
        """Deliver what was recovered and what was held back, in the kernel's order, and mark where some is lost.

        Unless ``whole``, from where something was found to be missing meanwhile it is held back again.
        """
        self.mode = InboxMode.FLOWING
        lost = sorted(lost)
        for message in self.held.drain():
            if not whole and (self.mode is not InboxMode.FLOWING or self._is_early(message)):
                await self._hold(message)
                continue
            prefix, number = split(message.msg_id)
            while lost and lost[0][0] == prefix and lost[0][2] < number:
                lost.pop(0)
                self._mark(message.parent_id)
            await self.receiver.deliver(message)
        if lost:
            self._mark()

    async def release(self, lost: list[tuple[str, int, int]], turn: int = 0, *, whole: bool = False) -> None:
        """Do so undisturbed: what was begun is delivered whole, even when the caller is cancelled.

        Not when another recovery has begun since ``turn``: it will do so. ``whole``: also what something is missing
        before, which nobody will give any more.
        """

        async def undisturbed() -> None:
            async with self._lock:
                if turn in (0, self._recovery.turn):
                    await self._release(lost, whole=whole)

        await asyncio.shield(gateway_loop().keep(undisturbed()))

    def _mark(self, parent: str = "") -> None:
        cells = self.requests.running()
        after = self.requests.cell(parent)
        if after is not None and after not in cells:
            cells.append(after)
        self.receiver.mark(cells)

    def ends(self, cell: PendingRequest) -> None:
        """Say what a cell lacks before its end is published: front ends do not look at what comes after it."""
        if self._recovery.overdue and self.sequence.missing():  # the journal may still give it, too late for this cell
            self.receiver.mark([cell])
        self._doubts.settle(cell)

    async def install(self, limit: int) -> bool:
        """Give the kernel its journal of ``limit`` bytes; called when it is ready, and again after a restart.

        A kernel process gets one, however often this is called. One that is busy takes it when it is done.
        """
        if limit > 0 and not (self.journal and self.journal_of == self.session):
            self.journal = False
            asked = self.own.ask("shell", "execute_request", journal.installation(limit))
            asked.add_done_callback(self._installed)
            await asyncio.wait({asked}, timeout=INSTALL)
        return self.journal

    def _installed(self, asked: asyncio.Future[Message | None]) -> None:
        reply = None if asked.cancelled() else asked.result()
        if reply is None:
            return
        self.meet(reply)
        self.journal = self._recovery.sure = journal.installed(reply.content)
        self.journal_of = self.session
        if self.sequence.missing() and self.requests.running():
            self._mark()
        self.sequence.forgive(self.sequence.tops())  # the journal has nothing from before

    def meet(self, reply: Message) -> None:
        """Take note of the kernel's session, from a reply of its own; its numbers count from here on."""
        session = str(reply.head.get("session", ""))
        if session != self.session:
            self.sequence, self._anchor = MessageNumbers(), 0
            self.held.divide()
            self._recovery.outlive()
        self._meet(reply)
        self.count(reply)

    def _meet(self, reply: Message) -> None:
        self.session, self._prefix = str(reply.head.get("session", "")), split(reply.msg_id)[0]

    def recognise(self, reply: Message) -> None:
        """Take note of the session of a kernel that was taken up again, and count what came before it was known."""
        self._meet(reply)
        for message in self.held.drain():
            if self.count(message):
                self.held.add(self.number(message), message)
