"""Each message of a kernel once and in order, over connections that come and go.

::

                   a number is missing                    50 ms later
      FLOWING ───────────────────────────► WAITING ──────────────────────┐
         ▲  ▲                                 │ it came                  ▼
         │  └─────────────────────────────────┘                     REPLAYING ◄──── connected again
         │    the journal gave what it has, or said what is lost         │
         └───────────────────────────────────────────────────────────────┘

In the last two states messages are held back (``reorder_buffer.py``), so that what the kernel's journal gives
(``replay.py``) comes before what was sent after it. What neither the gateway replays nor the journal has is lost for
certain, and the cells that it belongs to are marked. Without a journal, gaps in the numbers (``gaps.py``) tell the
same.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from enum import Enum
from typing import Protocol

from ...tasks import report_failure
from ..event_loop import gateway_loop
from ..injected.install import is_installed, journal_installation
from ..protocol.framing import BadFrame, Message
from ..protocol.numbering import MessageNumbers
from .gaps import GapTimeouts
from .internal_requests import InternalRequests
from .journal import JournalAnswer
from .pending import PendingRequest, PendingRequests
from .reorder_buffer import ReorderBuffer
from .replay import JournalReplay
from .timings import DEFAULT_TIMINGS, DeliveryTimings

log = logging.getLogger(__name__)


class InboxMode(Enum):
    """What the inbox does with a message that arrives; see the module's diagram."""

    FLOWING = "flowing"
    WAITING = "waiting"
    REPLAYING = "replaying"


class InboxReceiver(Protocol):
    """What the inbox delivers to, on the gateway loop."""

    async def deliver(self, message: Message) -> None:
        """Give a message to the local clients; one that is malformed may raise ``BadFrame``."""
        ...

    def mark(self, requests: Iterable[PendingRequest]) -> None:
        """Tell these cells that some of their output is lost."""
        ...

    def change_connection(self) -> None:
        """Go on over another connection: the kernel does not hear what is sent on this one."""
        ...


class OrderedInbox:
    """What arrives from one kernel, put in order and given to ``receiver``. Lives on the gateway loop.

    ``session`` is the kernel process's own (its message ids begin with it), empty until it is told; ``numbers`` are
    those of the messages that have come from it. ``arrived`` counts all messages, ``duplicates`` those that had come
    before, ``malformed`` those that make no sense.
    """

    def __init__(
        self,
        internal: InternalRequests,
        requests: PendingRequests,
        receiver: InboxReceiver,
        timings: DeliveryTimings = DEFAULT_TIMINGS,
    ) -> None:
        self.session = ""
        self.numbers = MessageNumbers()
        self.arrived = 0
        self.duplicates = 0
        self.malformed = 0
        self._mode = InboxMode.FLOWING
        self._internal = internal
        self._requests = requests
        self._receiver = receiver
        self._timings = timings
        self._buffer = ReorderBuffer()
        self._prefix = ""
        self._anchor = 0  # the highest number of IOPub held back: what comes later, a forked child's too, stays behind
        self._gaps = GapTimeouts(requests, receiver.mark, timings)
        self._replay = JournalReplay(self, internal, receiver.change_connection, timings)
        self._lock = asyncio.Lock()

    # -- what arrives ------------------------------------------------------------------------------------------------

    @property
    def is_flowing(self) -> bool:
        """Whether nothing is held back."""
        return self._mode is InboxMode.FLOWING

    @property
    def has_journal(self) -> bool:
        """Whether the kernel has a journal, as far as is known."""
        return self._replay.has_journal

    async def receive(self, message: Message) -> None:
        """Take in what the gateway sent; returns when it was delivered, held back, or dropped as a duplicate."""
        async with self._lock:
            self.arrived += 1
            if self._internal.is_internal(message):
                self._note_number(message)
                is_other_process = bool(self.session) and not message.msg_id.startswith(self.session)
                self._internal.receive(message, from_new_process=is_other_process)
            elif not self._note_number(message):
                self.duplicates += 1
            elif self._mode is InboxMode.FLOWING and not self._is_early(message):
                await self._deliver(message)
            else:
                await self._hold(message)
            if self._mode is InboxMode.WAITING and not self.numbers.missing():
                await self._release([])

    async def _deliver(self, message: Message) -> None:
        """Give a message to the receiver; one that it cannot handle is logged and marked, and stops no other."""
        try:
            await self._receiver.deliver(message)
        except BadFrame:
            self.malformed += 1
        except Exception as error:
            report_failure(log, "A message of a kernel could not be passed on.", error)
            cell = self._requests.cell(message.parent_id)
            self._receiver.mark([cell] if cell else [])

    def _note_number(self, message: Message) -> bool:
        """Take note of a message's number; returns False for one that has come before."""
        prefix, number = message.numbered
        if not self.session or not prefix.startswith(self.session):
            return True
        top = self.numbers.top(prefix)
        is_new = self.numbers.add(prefix, number)
        if top and number > top + 1 and not self._replay.has_journal:
            self._gaps.on_gap(self.numbers, prefix, (top + 1, number - 1), message.parent_id)
        return is_new

    def _is_early(self, message: Message) -> bool:
        """Return whether something that comes before this message has not come yet, and can be had."""
        if not self._replay.has_journal or self._replay.timed_out or message.channel not in ("iopub", "stdin"):
            return False
        return self.numbers.gap_below(*message.numbered)

    def _number_of(self, message: Message) -> int:
        """Return a message's number among those of the kernel's process, or 0 for one that has none there."""
        prefix, number = message.numbered
        return number if prefix == self._prefix or not self._prefix else 0

    def _position_of(self, message: Message) -> int:
        """Return where a message belongs among those held back: by its number; IOPub's among themselves as they came.

        A kernel may number a message before it publishes another: ipykernel 7.4 numbers a cell's result, then publishes
        what was printed, then the result. IOPub is one stream, so what came first was published first.
        """
        number = self._number_of(message)
        if message.channel != "iopub":
            return number or self._anchor
        self._anchor = max(self._anchor, number)
        return self._anchor

    async def _hold(self, message: Message) -> None:
        if self._mode is InboxMode.FLOWING:
            self._mode, self._anchor = InboxMode.WAITING, 0
            asyncio.get_running_loop().call_later(self._timings.gap_grace_s, self._ask_for_gap)
        try:
            self._buffer.add(self._position_of(message), message)
        except OSError:  # no room on the disk: better out of order than not at all
            await self._release([], whole=True)
            await self._deliver(message)

    def _ask_for_gap(self) -> None:
        if self._mode is not InboxMode.WAITING:
            return
        if self._replay.under_way is None:
            self.replay()
        else:  # that one asks no more
            asyncio.get_running_loop().call_later(self._timings.gap_grace_s, self._ask_for_gap)

    # -- what is missing ---------------------------------------------------------------------------------------------

    @property
    def replay_under_way(self) -> asyncio.Task[JournalAnswer | None] | None:
        """The replay that has not ended."""
        return self._replay.under_way

    def replay(self, older: dict[str, PendingRequest] | None = None) -> asyncio.Task[JournalAnswer | None]:
        """Begin to ask the journal for what is missing, and hold back what arrives until it is here.

        Called when a number is missing, and on each new connection before anything is read from it; ``older`` are the
        requests that were sent on connections before. The task returns the journal's last answer, None without one.
        """
        under_way = self._replay.under_way
        if older is None and under_way is not None:
            return under_way
        self._mode = InboxMode.REPLAYING
        return self._replay.begin(older or {})

    def stop(self) -> None:
        """Wait for nothing any longer: the connection is lost. What is held back stays so."""
        self._replay.stop()

    async def add_replayed(self, messages: Iterable[Message]) -> None:
        """Take in what the journal gave, in the kernel's order; called by the replay."""
        anchor = 0
        for message in messages:
            with contextlib.suppress(BadFrame):
                if not self._note_number(message) or self._internal.is_internal(message):
                    continue
                anchor = max(anchor, self._number_of(message))
                try:
                    self._buffer.add(anchor, message)
                except OSError:  # no room on the disk
                    await self.release([], whole=True)
                    await self._deliver(message)

    async def _release(self, lost: list[tuple[str, int, int]], *, whole: bool = False) -> None:
        """Deliver what was replayed and what was held back, in the kernel's order, and mark where some is lost.

        Unless ``whole``, from where something was found to be missing meanwhile it is held back again.
        """
        self._mode = InboxMode.FLOWING
        lost = sorted(lost)
        for message in self._buffer.drain():
            if not whole and (self._mode is not InboxMode.FLOWING or self._is_early(message)):
                await self._hold(message)
                continue
            prefix, number = message.numbered
            while lost and lost[0][0] == prefix and lost[0][2] < number:
                lost.pop(0)
                self._mark_running(message.parent_id)
            await self._deliver(message)
        if lost:
            self._mark_running()

    async def release(
        self, lost: list[tuple[str, int, int]], generation: int | None = None, *, whole: bool = False
    ) -> None:
        """Deliver what is held back, all that was begun even when the caller is cancelled, and mark where some is lost.

        ``lost`` are (prefix, first, last). Nothing is delivered when another replay has begun since ``generation``: it
        will do so. ``whole``: deliver also what something is missing before, which nobody will give any more.
        """

        async def undisturbed() -> None:
            async with self._lock:
                if generation in (None, self._replay.generation):
                    await self._release(lost, whole=whole)

        await asyncio.shield(gateway_loop().keep(undisturbed()))

    def _mark_running(self, parent_id: str = "") -> None:
        """Mark the cells that run, and the cell of a message behind which something is lost."""
        cells = self._requests.running()
        parent = self._requests.cell(parent_id)
        if parent is not None and parent not in cells:
            cells.append(parent)
        self._receiver.mark(cells)

    def on_cell_end(self, cell: PendingRequest) -> None:
        """Say what a cell lacks before its end is published: front ends do not look at what comes after it."""
        if self._replay.timed_out and self.numbers.missing():  # the journal may give it, too late for this cell
            self._receiver.mark([cell])
        self._gaps.on_cell_end(cell)

    # -- the kernel's process and its journal ------------------------------------------------------------------------

    async def install_journal(self, limit_bytes: int) -> bool:
        """Give the kernel a journal of ``limit_bytes``; called when it is ready, and again after a restart.

        A kernel process gets one, however often this is called. One that is busy takes it when it is done. Returns
        whether the kernel has one.
        """
        if limit_bytes > 0 and not self._replay.has_journal_of(self.session):
            self._replay.expect_journal(exists=False)
            asked = self._internal.ask("shell", "execute_request", journal_installation(limit_bytes))
            asked.add_done_callback(self._journal_installed)
            await asyncio.wait({asked}, timeout=self._timings.install_s)
        return self._replay.has_journal

    def _journal_installed(self, asked: asyncio.Future[Message | None]) -> None:
        reply = None if asked.cancelled() else asked.result()
        if reply is None:
            return
        self.follow_process(reply)
        self._replay.confirm_journal(self.session, exists=is_installed(reply.content))
        if self.numbers.missing() and self._requests.running():
            self._mark_running()
        self.numbers.forgive(self.numbers.tops())  # the journal has nothing from before

    def resume(self, tops: dict[str, int]) -> None:
        """Go on where another process left off; ``tops`` are the numbers that it has kept all up to, by prefix."""
        self.numbers.resume(tops)
        self._replay.expect_journal(exists=True)
        sessions = {prefix.split("_")[0] for prefix in tops}
        self.session = sessions.pop() if len(sessions) == 1 else ""

    def follow_process(self, reply: Message) -> None:
        """Take note of the kernel's process, from a reply of its own; its numbers count from here on."""
        if str(reply.head.get("session", "")) != self.session:
            self.numbers, self._anchor = MessageNumbers(), 0
            self._gaps.clear()
            self._buffer.start_epoch()
            self._replay.process_was_replaced()
        self._set_process(reply)
        self._note_number(reply)

    def _set_process(self, reply: Message) -> None:
        self.session, self._prefix = str(reply.head.get("session", "")), reply.numbered[0]

    def identify_process(self, reply: Message) -> None:
        """Take note of the process of a kernel that was taken up again, and count what came before it was known."""
        self._set_process(reply)
        for message in self._buffer.drain():
            if self._note_number(message):
                self._buffer.add(self._number_of(message), message)
