"""The recording of one gateway kernel: the bridge's observer on one side, its runs with their outputs on the other."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...executors import FILES
from ...gateway.protocol.framing import BadFrame, Message
from ...gateway.protocol.numbering import MessageNumbers
from .outputs import COMM, Displays, Outputs, content_of
from .retrying_spool import RetryingSpool
from .runs import Run, run_of
from .spool import RecordKind

# What a cell shows, begins or ends with. Of comm messages (widgets) those alone change the notebook that end a widget
# or, naming a message's id, enter and leave an Output widget.
SHOWN = frozenset(
    {"stream", "display_data", "update_display_data", "execute_result", "error", "clear_output", "comm_close"}
)
PROGRESS = frozenset({"execute_input", "status"})
# A thread that reads a large recording lets the loops run in between: they would else wait for the interpreter's lock.
READ_AT_ONCE_BYTES = 256 * 1024
PAUSE_S = 0.001

Publish = Callable[[str, dict[str, Any], Any], None]


class Recording:
    """Records what a kernel publishes for its runs. Its file is at ``path``; one that is there is taken up again.

    The methods of ``gateway.channels.bridge.Observer`` are called on the gateway loop and only write; ``catch_up``
    reads and blocks; all others are called on the server's loop. ``sessions`` are the front ends connected now.
    ``publish`` (the bridge's) tells the user of errors. ``on_change`` is called from the gateway loop, once after each
    :meth:`arm`.
    """

    def __init__(
        self,
        path: Path,
        *,
        limit: int,
        publish: Publish,
        log: logging.Logger | Any,
    ) -> None:
        self.runs: dict[str, Run] = {}
        self.sessions: set[str] = set()
        self.enabled = True
        self._publish = publish
        self.on_change: Callable[[], None] | None = None
        self._armed = True
        self._log = log
        self._running: set[str] = set()
        self._former: set[str] = set()  # the kernel's sessions before its restarts
        self._sequence = MessageNumbers()
        self._displays = Displays()
        self._read_to = 0
        self._reading = threading.Lock()  # held while outputs are made; taken before the other one
        self.spool = RetryingSpool(path, limit, self._tell)
        self._writing = self.spool.lock  # held while runs begin and the file changes
        if not self.spool.is_empty:
            self._restore()

    def _restore(self) -> None:
        tops: dict[str, int] = {}
        for kind, message, _ in self.spool.read(0):
            if kind is RecordKind.REQUEST and (run := run_of(message)):
                self._begin(run)
            elif kind in (RecordKind.SAVED, RecordKind.WRITTEN) and (run := self.runs.get(message.msg_id)):
                run.saved, run.settled = kind is RecordKind.SAVED, True
            elif kind is RecordKind.SEEN:
                tops |= message.head
            elif kind is RecordKind.PUBLISHED:
                prefix, number = message.numbered
                if number:
                    tops[prefix] = max(number, tops.get(prefix, 0))
                if message.msg_type in PROGRESS and (run := self._run(message)):
                    self._note_progress(run, message)
        self._sequence.resume(tops)

    # -- on the gateway loop -----------------------------------------------------------------------------------------

    def requested(self, message: Message) -> None:
        """Begin a run."""
        run = run_of(message) if self.enabled else None
        if run is None:
            return
        with self._writing:
            if self.spool.size > self.spool.limit // 2 and not self._running and self._dispensable():
                self._clear_unless_read()
            self._begin(run)
            self.spool.add(RecordKind.REQUEST, message)
        self._changed()

    def published(self, message: Message) -> None:
        """Record what belongs to a run."""
        with self._writing:
            self._published(message)

    def _published(self, message: Message) -> None:
        try:
            is_progress = message.msg_type in PROGRESS
            if not self.runs or not (is_progress or _is_shown(message)) or self._is_former(message):
                return
            # What runs is asked for its parent only where the parent matters: most messages are outputs of a run.
            run = self._run(message) if is_progress or not self._running else None
            if (run is None and (is_progress or not self._running)) or not self._sequence.add(*message.numbered):
                return
        except BadFrame:
            return
        self.spool.add(RecordKind.PUBLISHED, message)
        if run is not None:
            if is_progress:
                self._note_progress(run, message)
            else:
                run.settled, run.late = False, run.late + 1
        if self._armed or is_progress:
            self._changed()

    def restarting(self, session: str) -> None:
        """Let the front ends that are there decide what becomes of what cells show, and hear the old process no more.

        Such a front end has shown all this, and may clear it or run it anew: it is not given it again.
        """
        with self._writing:
            self._former.add(session)
            for run in self.runs.values():
                run.seen_by |= run.sessions & self.sessions

    def _is_former(self, message: Message) -> bool:
        """Whether it is of a kernel process before a restart: ipykernel complains as it ends, as of the last cell."""
        return bool(self._former) and message.numbered[0].split("_")[0] in self._former

    def replied(self, message: Message) -> None:
        """Change nothing: all that a cell shows is published."""

    def seen(self) -> dict[str, int]:
        """Return up to which number messages are in the spool, or were of no interest."""
        return self._sequence.tops()

    def _begin(self, run: Run) -> None:
        """Enter a run; a cell shows its newest one alone."""
        for other in self.runs.values():
            if run.cell_id is not None and other.cell_id == run.cell_id:
                other.saved = True
        self.runs[run.msg_id] = run
        self._running.add(run.msg_id)

    def _note_progress(self, run: Run, message: Message) -> None:
        note_progress(run, message)
        if run.idle:
            self._running.discard(run.msg_id)
            run.ended_at = time.monotonic()

    def _run(self, message: Message) -> Run | None:
        return self.runs.get(str(message.parent.get("msg_id", "")))

    def _changed(self) -> None:
        self._armed = False
        if self.on_change is not None:
            self.on_change()

    def _tell(self, text: str) -> None:
        """Tell of an error of the spool, or its end, in the log and in the cells that run, which is recorded too."""
        self._log.warning("%s", text)
        for run in self.open:
            self._publish("stream", {"name": "stderr", "text": f"{text}\n"}, run.header)
        self._changed()

    # -- on the server's side ----------------------------------------------------------------------------------------

    @property
    def open(self) -> list[Run]:
        """The runs that have not ended."""
        return [run for run in list(self.runs.values()) if not run.idle]

    @property
    def unsaved(self) -> list[Run]:
        """The runs that no front end has saved to their end, as far as is known."""
        return [run for run in list(self.runs.values()) if not run.saved]

    def arm(self) -> None:
        """Ask for one more call of ``on_change``."""
        self._armed = True

    def catch_up(self) -> None:
        """Read into ``outputs`` what was recorded since the last time; called in a thread."""
        with self._reading:
            for run in list(self.runs.values()):
                run.late_read = run.late
                if run.outputs is None:
                    run.outputs = Outputs(self._displays)
            read = 0
            for kind, message, end in self.spool.read(self._read_to):
                self._read_to = end
                if kind is RecordKind.PUBLISHED:
                    self._show(message)
                read += message.size
                if read > READ_AT_ONCE_BYTES:
                    read = 0
                    time.sleep(PAUSE_S)
            for run in list(self.runs.values()):  # the gateway loop begins others meanwhile
                if run.settled and run.written is None:  # by the server before this one
                    run.written = run.version
                elif run.settled and run.version != run.written:  # another run has changed what it shows
                    run.settled = False

    def _show(self, message: Message) -> None:
        """Add what a recorded message shows to the outputs of its run."""
        run = self._run(message)
        if run is None or run.outputs is None:
            return
        run.outputs.add(message.msg_type, content_of(message))
        prefix, number = message.numbered
        run.last[prefix] = max(number, run.last.get(prefix, 0))

    def release(self) -> None:
        """Hold no outputs in memory; the spool has them.

        Called when each run is covered by a front end or written into the notebook.
        """
        with self._reading:
            self._forget_outputs()

    def _forget_outputs(self) -> None:
        """Hand all outputs to a thread that frees their memory, which takes a tenth of a millisecond for a megabyte.

        To be called while nobody writes them into a notebook.
        """
        self._read_to = 0
        self._displays = Displays()
        runs = list(self.runs.values())
        held = [run.outputs for run in runs if run.outputs is not None]
        for run in runs:
            run.outputs = None
        if held:
            with contextlib.suppress(RuntimeError):  # Python ends
                FILES.submit(_let_go, held)

    def settled(self, runs: list[Run]) -> None:
        """Take note that the recorder has written these runs to their end; a front end may still ask for them."""
        with self._writing:
            for run in runs:
                if not run.settled and run.late == run.late_read:  # else something came while they were written
                    run.settled = True
                    self._note(RecordKind.WRITTEN, run)

    def saved(self, runs: list[Run]) -> None:
        """Take note that front ends have saved these runs; the file is emptied once that holds for all."""
        with self._reading, self._writing:
            for run in runs:
                run.saved = True
                self._note(RecordKind.SAVED, run)
            if self.runs and not self.unsaved:
                self._forget_outputs()
                self._clear()

    def _note(self, kind: RecordKind, run: Run) -> None:
        self.spool.add_if_possible(kind, Message("iopub", run.header, b"{}", b"{}", b"{}"))  # its id alone

    def _dispensable(self) -> bool:
        return all(run.saved or run.settled or self.covers(run) for run in self.runs.values())

    def covers(self, run: Run) -> bool:
        """Return whether a front end that shows a run is connected."""
        return not self.sessions.isdisjoint(run.sessions)

    def _clear_unless_read(self) -> None:
        if self._reading.acquire(blocking=False):
            try:
                self._clear()
            finally:
                self._reading.release()

    def _clear(self) -> None:
        self.runs.clear()
        self._running.clear()
        self._displays = Displays()
        self._read_to = 0
        tops = self._sequence.tops()
        self._sequence.forgive(tops)
        self.spool.clear()
        self.spool.add_if_possible(RecordKind.SEEN, Message("iopub", json.dumps(tops).encode(), b"{}", b"{}", b"{}"))

    def close(self, *, remove: bool) -> None:
        """Record no more; ``remove`` when the kernel is no more and the notebook has what it can have."""
        with self._reading, self._writing:
            self.enabled = False
            self.runs.clear()
            if remove:
                self.spool.remove()
            else:
                self.spool.close()


def _let_go(outputs: Sequence[Outputs]) -> None:
    for each in outputs:
        each.let_go()


def _is_shown(message: Message) -> bool:
    return message.msg_type in SHOWN or (message.msg_type in COMM and b'"msg_id"' in bytes(message.content))


def note_progress(run: Run, message: Message) -> None:
    """Take from a message what it says of the run itself."""
    content = content_of(message)
    if message.msg_type == "execute_input":
        count = content.get("execution_count")
        run.count = count if isinstance(count, int) else None
    elif content.get("execution_state") == "idle":
        run.idle = True
