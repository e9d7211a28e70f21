"""The questions to a kernel's journal for what did not arrive, until there is nothing more to ask for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from ...tasks import report_failure, watched
from ..protocol.framing import Message
from ..protocol.numbering import MessageNumbers, NumberRange, flat
from . import journal
from .internal_requests import InternalRequests
from .pending import PendingRequest
from .timings import DeliveryTimings

log = logging.getLogger(__name__)


class ReplayInbox(Protocol):
    """What a replay reads of the inbox that it is for, and gives to it."""

    @property
    def session(self) -> str:
        """The session of the kernel's process, empty while it is not known."""
        ...

    @property
    def numbers(self) -> MessageNumbers:
        """The numbers of the messages that have come from that process."""
        ...

    @property
    def arrived(self) -> int:
        """How many messages have arrived."""
        ...

    def identify_process(self, reply: Message) -> None:
        """Take note of the kernel's process, which was not known."""
        ...

    async def add_replayed(self, messages: Iterable[Message]) -> None:
        """Take in messages that the journal gave."""
        ...

    async def release(
        self, lost: list[tuple[str, int, int]], generation: int | None = None, *, whole: bool = False
    ) -> None:
        """Deliver what is held back, unless a later replay than ``generation`` will."""
        ...


class JournalReplay:
    """Replays for one inbox, one after the other; the latest replaces the one before. Lives on the gateway loop.

    ``has_journal``: the kernel has a journal, or is taken to have one. ``timed_out``: no answer came in time, so
    nothing is held back for it any longer; it is still asked for. ``generation`` counts the replays.
    ``change_connection`` is called when the kernel is silent on this one.
    """

    def __init__(
        self,
        inbox: ReplayInbox,
        internal: InternalRequests,
        change_connection: Callable[[], None],
        timings: DeliveryTimings,
    ) -> None:
        self.has_journal = False
        self.timed_out = False
        self.generation = 0
        self._is_confirmed = False  # the kernel said that it has a journal, so an answer that is late is under way
        self._journal_session = ""  # of the process that has it
        self._answered = True  # since the connection was changed for its silence
        self._process_replaced = False
        self._inbox = inbox
        self._internal = internal
        self._change_connection = change_connection
        self._timings = timings
        self._retries: list[float] = []
        self._question: asyncio.Future[Message | None] | None = None
        self._task: asyncio.Task[journal.JournalAnswer | None] | None = None

    # -- whether there is a journal ----------------------------------------------------------------------------------

    def has_journal_of(self, session: str) -> bool:
        """Return whether it was this process that said that it has a journal."""
        return self.has_journal and self._journal_session == session

    def expect_journal(self, *, exists: bool) -> None:
        """Take a kernel to have a journal, or none, until its answer says which."""
        self.has_journal = exists

    def confirm_journal(self, session: str, *, exists: bool) -> None:
        """Take note of what the process with this session said when it was given a journal."""
        self.has_journal = self._is_confirmed = exists
        self._journal_session = session

    # -- asking it ---------------------------------------------------------------------------------------------------

    def begin(self, older: dict[str, PendingRequest]) -> asyncio.Task[journal.JournalAnswer | None]:
        """Begin to ask, also what became of the requests ``older``, by id; see :meth:`OrderedInbox.replay`."""
        self.stop()
        self.timed_out = self._process_replaced = False
        self.generation += 1
        self._retries = list(self._timings.replay_retries_s)
        self._task = watched(asyncio.get_running_loop().create_task(self._run(older)))
        return self._task

    @property
    def under_way(self) -> asyncio.Task[journal.JournalAnswer | None] | None:
        """The replay that has not ended; it may also ask what became of requests, so no other one may replace it."""
        return self._task if self._task is not None and not self._task.done() else None

    def stop(self) -> None:
        """Ask no longer."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def process_was_replaced(self) -> None:
        """Ask the process no longer; called when the inbox meets the one that a restart put in its place.

        Nothing is concluded from its silence, and the new one, which has a journal of its own, has nothing of it.
        """
        self._process_replaced = True
        if self._question is not None and not self._question.done():
            self._question.set_result(None)

    async def _run(self, older: dict[str, PendingRequest]) -> journal.JournalAnswer | None:
        """Ask, and in any case let go what is held back."""
        generation = self.generation
        try:
            return await self._ask(older)
        except Exception as error:
            report_failure(log, "A kernel's journal could not be asked for what is missing.", error)
            missing = flat(self._inbox.numbers.missing())
            self._inbox.numbers.give_up(missing)
            await self._inbox.release(missing, generation, whole=True)
            return None

    async def _ask(self, older: dict[str, PendingRequest]) -> journal.JournalAnswer | None:
        inbox, generation = self._inbox, self.generation
        answer: journal.JournalAnswer | None = None
        had_journal = self.has_journal
        missing: dict[str, list[NumberRange]] = {}
        while self.has_journal and not self._process_replaced:
            missing = inbox.numbers.missing()
            question = journal.question(inbox.numbers.tops(), missing, older)
            lag_s = self._timings.replay_lag_s if self._is_confirmed else self._timings.no_reply_after_s
            self._question = future = self._internal.ask("control", journal.REPLAY_REQUEST, question, lag_s)
            if not await self._wait_for(future) or self._process_replaced:
                continue
            answer = self._note_answer(future.result())
            if answer is not None and await self._take_in(answer, older):
                break
        had_journal = had_journal and not self._process_replaced
        lost = await self._lost(answer) if answer else flat(inbox.numbers.missing()) if had_journal else []
        # What was not asked for may still come: a number is given before its message is sent, and may be overtaken.
        inbox.numbers.give_up([*flat(missing), *lost])
        await inbox.release(lost, generation)
        self.timed_out = False
        return answer

    def _note_answer(self, reply: Message | None) -> journal.JournalAnswer | None:
        """Return what a reply says, None when it shows that there is no journal; take note of which."""
        answer = journal.read_if_any(reply)
        self._answered = self._answered or answer is not None
        self.has_journal = self._is_confirmed = answer is not None
        if reply is not None and not self._inbox.session:
            self._inbox.identify_process(reply)
        self._journal_session = self._inbox.session if answer is not None else ""
        return answer

    async def _take_in(self, answer: journal.JournalAnswer, older: dict[str, PendingRequest]) -> bool:
        """Take in one answer of the journal; returns True when there is nothing more to ask for."""
        await self._inbox.add_replayed(answer.messages)
        for msg_id in answer.handled:
            if msg_id in older:
                older[msg_id].begin()
        return not answer.more

    async def _lost(self, answer: journal.JournalAnswer) -> list[tuple[str, int, int]]:
        """Return what nobody will give any more, as (prefix, first, last).

        What the journal has let go may have been on its way as it was asked, and iopub may come after its answer.
        """
        numbers = self._inbox.numbers
        if numbers.lacking(answer.lost):
            await asyncio.sleep(self._timings.replay_overtake_s)
        return numbers.lacking(answer.lost)

    async def _wait_for(self, future: asyncio.Future[Message | None]) -> bool:
        """Wait for an answer, at first only as long as anything arrives; returns whether it came."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timings.replay_total_s
        while loop.time() < end and not self.timed_out:
            arrived = self._inbox.arrived
            wait_s = self._retries[0] if self._retries else self._timings.replay_silence_s
            await asyncio.wait({future}, timeout=wait_s)
            if future.done():
                return True
            is_silent = arrived == self._inbox.arrived
            if is_silent and self._retries:
                self._retries.pop(0)
                if self._retries or not self._answered:
                    return False
                self._answered = False
                self._change_connection()
                continue  # and another replay begins
            self.timed_out = is_silent
        self.timed_out = True
        await self._inbox.release([])
        await asyncio.wait({future}, timeout=self._timings.replay_total_s)
        return future.done()
