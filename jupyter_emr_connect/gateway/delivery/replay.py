"""Asks a kernel's journal for what did not arrive, until there is nothing more to ask for."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from ..protocol.framing import BadFrame
from ..protocol.numbering import NumberRange, flat
from . import journal
from .internal_requests import NO_REPLY_AFTER_S
from .pending import PendingRequest

if TYPE_CHECKING:
    from ..protocol.framing import Message
    from .inbox import OrderedInbox

# Seconds of silence after which it is asked for again, since a gateway that still closes the old connection may not
# hear it; after the last of them over another connection.
AGAIN = (1.0, 1.5)
SILENCE = 5.0  # seconds of silence after which an answer is no longer waited for ...
AT_MOST = 30.0  # ... and seconds in all; it is then asked for again
OVERTAKEN = 0.2  # seconds by which a journal's answer may come before what was sent earlier on another channel
LATE = 20.0  # seconds from the end of a question's handling in which a journal's answer may come


class JournalReplay:
    """One after the other, for one line; the latest replaces the one before. Lives on the gateway loop.

    ``overdue``: no answer came in time, so nothing is held back for it any longer; it is still asked for. ``sure``:
    the kernel has a journal, so an answer that is late is under way; ``heard``: it has answered since the connection
    was changed for its silence; ``turn`` counts the recoveries; ``outlived``: the process that is asked is no more.
    """

    def __init__(self, line: OrderedInbox) -> None:
        self.overdue = False
        self.sure = False
        self.heard = True
        self.turn = 0
        self.outlived = False
        self._question: asyncio.Future[Message | None] | None = None
        self._pauses: list[float] = []
        self._line = line
        self._work: asyncio.Task[journal.JournalAnswer | None] | None = None

    def begin(self, older: dict[str, PendingRequest]) -> asyncio.Task[journal.JournalAnswer | None]:
        """Begin to ask, also what became of requests; see :meth:`OrderedInbox.recover`."""
        self.stop()
        self.overdue = self.outlived = False
        self.turn += 1
        self._pauses = list(AGAIN)
        self._work = asyncio.get_running_loop().create_task(self._recover(older))
        return self._work

    @property
    def under_way(self) -> asyncio.Task[journal.JournalAnswer | None] | None:
        """The recovery that has not ended; it also settles what became of requests, so no other one may replace it."""
        return self._work if self._work is not None and not self._work.done() else None

    def stop(self) -> None:
        """Ask no longer."""
        if self._work is not None:
            self._work.cancel()
            self._work = None

    def outlive(self) -> None:
        """Ask the process no longer; called when the line meets the one that a restart put in its place.

        Nothing is concluded from its silence, and the new one, which has a journal of its own, has nothing of it.
        """
        self.outlived = True
        if self._question is not None and not self._question.done():
            self._question.set_result(None)

    async def _recover(self, older: dict[str, PendingRequest]) -> journal.JournalAnswer | None:
        line, turn = self._line, self.turn
        replay: journal.JournalAnswer | None = None
        asked = line.journal
        missing: dict[str, list[NumberRange]] = {}
        while line.journal and not self.outlived:
            missing = line.sequence.missing()
            question = journal.question(line.sequence.tops(), missing, older)
            patience = LATE if self.sure else NO_REPLY_AFTER_S
            self._question = future = line.own.ask("control", journal.REQUEST, question, patience)
            if not await self._answered(future) or self.outlived:
                continue
            answer = future.result()
            replay = journal.understood(answer)
            self.heard = self.heard or replay is not None
            line.journal = self.sure = replay is not None
            if answer is not None and not line.session:
                line.recognise(answer)
            line.journal_of = line.session if replay is not None else ""
            if replay is not None and await self._sort_out(replay, older):
                break
        asked = asked and not self.outlived
        lost = await self._lost(replay) if replay else flat(line.sequence.missing()) if asked else []
        # What was not asked for may still come: a number is given before its message is sent, and may be overtaken.
        line.sequence.give_up([*flat(missing), *lost])
        await line.release(lost, turn)
        self.overdue = False
        return replay

    async def _lost(self, replay: journal.JournalAnswer) -> list[tuple[str, int, int]]:
        """Return what nobody will give any more.

        What the journal has let go may have been on its way as it was asked, and iopub may come after its answer.
        """
        sequence = self._line.sequence
        if sequence.lacking(replay.lost):
            await asyncio.sleep(OVERTAKEN)
        return sequence.lacking(replay.lost)

    async def _answered(self, future: asyncio.Future[Message | None]) -> bool:
        """Wait for an answer, at first only as long as anything arrives; returns whether it came."""
        loop = asyncio.get_running_loop()
        end = loop.time() + AT_MOST
        while loop.time() < end and not self.overdue:
            before = self._line.arrived
            await asyncio.wait({future}, timeout=self._pauses[0] if self._pauses else SILENCE)
            if future.done():
                return True
            if before == self._line.arrived and self._pauses:
                self._pauses.pop(0)
                if self._pauses or not self.heard:
                    return False
                self.heard = False
                self._line.receiver.unheard()
                continue  # and another recovery begins
            self.overdue = before == self._line.arrived
        self.overdue = True
        await self._line.release([])
        await asyncio.wait({future}, timeout=AT_MOST)
        return future.done()

    async def _sort_out(self, replay: journal.JournalAnswer, older: dict[str, PendingRequest]) -> bool:
        """Take in one answer of the journal; returns True when there is nothing more to ask for."""
        line, anchor = self._line, 0
        for message in replay.messages:
            with contextlib.suppress(BadFrame):
                if not line.count(message) or line.own.is_internal(message):
                    continue
                anchor = line.number(message) or anchor
                try:
                    line.held.add(anchor, message)
                except OSError:  # no room on the disk
                    await line.release([], whole=True)
                    await line.receiver.deliver(message)
        for msg_id in replay.handled:
            if msg_id in older:
                older[msg_id].begin()
        return not replay.more
