"""The recording of one gateway kernel: the bridge's observer on one side, its runs with their outputs on the other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...gateway.framing import BadFrame, Message
from ...gateway.sequence import Sequence, split
from .outputs import Displays, Outputs, content_of
from .runs import Run, run_of
from .spool import Kind, Spool

# What a cell shows, begins or ends with. Comm messages (widgets) change the front end's models, not the notebook.
SHOWN = frozenset({"stream", "display_data", "update_display_data", "execute_result", "error", "clear_output"})
MARKS = frozenset({"execute_input", "status"})
RETRY_SECONDS = 1.0
WAITING_BYTES = 16_000_000

Publish = Callable[[str, dict[str, Any], Any], None]


class Recording:
    """Keeps what a kernel publishes for its runs. Its file is at ``path``; one that is there is taken up again.

    The methods of ``gateway.observer.Observer`` are called on the gateway loop and only write; ``catch_up`` reads and
    blocks; all others are called on the server's loop. ``sessions`` are the front ends connected now. ``publish`` (the
    bridge's) tells the user of trouble. ``on_change`` is called from the gateway loop, once after each :meth:`arm`.
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
        self.trouble: str | None = None
        self.enabled = True
        self._limit = limit
        self._publish = publish
        self.on_change: Callable[[], None] | None = None
        self._armed = True
        self._log = log
        self._sequence = Sequence()
        self._displays = Displays()
        self._read_to = 0
        self._reading = threading.Lock()  # held while outputs are made; taken before the other one
        self._writing = threading.RLock()  # held while runs begin and the file changes
        self._waiting: deque[tuple[Kind, Message]] = deque()
        self._waiting_bytes = 0
        self._lost = 0
        self._full = False
        self.spool = Spool(path)
        self.restored = not self.spool.is_empty
        if self.restored:
            self._restore()

    def _restore(self) -> None:
        tops: dict[str, int] = {}
        for kind, message, _ in self.spool.read(0):
            if kind is Kind.REQUEST and (run := run_of(message)):
                self._begin(run)
            elif kind is Kind.SAVED and (known := self.runs.get(message.msg_id)):
                known.saved = True
            elif kind is Kind.PUBLISHED:
                prefix, number = split(message.msg_id)
                if number:
                    tops[prefix] = max(number, tops.get(prefix, 0))
                if message.msg_type in MARKS and (known := self._run(message)):
                    mark(known, message)
        self._sequence.resume(tops)

    # -- on the gateway loop -----------------------------------------------------------------------------------------

    def requested(self, message: Message) -> None:
        """Begin a run."""
        run = run_of(message) if self.enabled else None
        if run is None:
            return
        with self._writing:
            if self.spool.size > self._limit // 2 and not self.open and self._dispensable():
                self._clear_unless_read()
            self._begin(run)
            self._keep(Kind.REQUEST, message)
        self._changed()

    def published(self, message: Message) -> None:
        """Keep what belongs to a run."""
        with self._writing:
            self._published(message)

    def _published(self, message: Message) -> None:
        try:
            marks = message.msg_type in MARKS
            if not self.runs or not (marks or message.msg_type in SHOWN):
                return
            # What runs is asked for its parent only where the parent matters: most messages are outputs of a run.
            run = self._run(message) if marks or not self.open else None
            if (run is None and (marks or not self.open)) or not self._sequence.add(*split(message.msg_id)):
                return
        except BadFrame:
            return
        self._keep(Kind.PUBLISHED, message)
        if run is not None and marks:
            mark(run, message)
        if self._armed or marks:
            self._changed()

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

    def _run(self, message: Message) -> Run | None:
        return self.runs.get(str(message.parent.get("msg_id", "")))

    def _changed(self) -> None:
        self._armed = False
        if self.on_change is not None:
            self.on_change()

    def _keep(self, kind: Kind, message: Message) -> None:
        if self._waiting or self._lost:
            self._wait(kind, message)
        elif not self.spool.is_open:
            return
        elif self.spool.size + message.size > self._limit:
            self._overflow()
        else:
            try:
                self.spool.append(kind, message)
            except OSError as error:
                self._wait(kind, message)
                self._fail(error)

    def _overflow(self) -> None:
        if not self._full:
            self._full = True
            size = self._limit / 1_000_000
            self._tell(
                f"The recording of this kernel's output has reached {size:.0f} MB "
                "(EMRConnect.recording_megabytes); what follows is not recorded until the notebook is saved."
            )

    def _wait(self, kind: Kind, message: Message) -> None:
        """Hold a message in memory until the disk takes it, as long as it is not too much."""
        if self._lost or self._waiting_bytes + message.size > WAITING_BYTES:
            self._lost += 1
            return
        self._waiting.append((kind, message))
        self._waiting_bytes += message.size

    def _fail(self, error: OSError) -> None:
        reason = error.strerror or "unknown error"
        asyncio.get_running_loop().call_later(RETRY_SECONDS, self._retry)
        self._tell(
            f"Output cannot be recorded in {self.spool.path.parent}: {reason}. The kernel goes on; "
            "free some space, or keep this notebook open."
        )

    def _retry(self) -> None:
        """Write what waits; try again later when the disk still does not take it."""
        with self._writing:
            try:
                while self._waiting:
                    self.spool.append(*self._waiting[0])
                    self._waiting_bytes -= self._waiting.popleft()[1].size
            except OSError:
                if self.spool.is_open:
                    asyncio.get_running_loop().call_later(RETRY_SECONDS, self._retry)
                return
        lost, self._lost, self.trouble = self._lost, 0, None
        self._log.info("Output is recorded again.")
        if lost:
            self._tell(f"The disk has room again; {lost} messages could not be recorded meanwhile.", lasting=False)
        self._changed()

    def _tell(self, text: str, *, lasting: bool = True) -> None:
        """Tell of trouble: in the cells that run, which records it too, in the log, and over REST."""
        self._log.warning("%s", text)
        self.trouble = text if lasting else None
        for run in self.open:
            self._publish("stream", {"name": "stderr", "text": f"{text}\n"}, run.header)

    # -- on the server's side ----------------------------------------------------------------------------------------

    @property
    def open(self) -> list[Run]:
        """The runs that have not ended."""
        return [run for run in list(self.runs.values()) if not run.idle]

    @property
    def unsaved(self) -> list[Run]:
        """The runs of which the notebook does not have all, as far as is known."""
        return [run for run in list(self.runs.values()) if not run.saved]

    def arm(self) -> None:
        """Ask for one more call of ``on_change``."""
        self._armed = True

    def catch_up(self) -> None:
        """Read into ``outputs`` what was recorded since the last time; called in a thread."""
        with self._reading:
            for run in list(self.runs.values()):
                if run.outputs is None:
                    run.outputs = Outputs(self._displays)
            for kind, message, end in self.spool.read(self._read_to):
                self._read_to = end
                if kind is Kind.PUBLISHED:
                    self._take(message)

    def _take(self, message: Message) -> None:
        run = self._run(message)
        if run is None or run.outputs is None:
            return
        run.outputs.add(message.msg_type, content_of(message))
        prefix, number = split(message.msg_id)
        run.last[prefix] = max(number, run.last.get(prefix, 0))

    def release(self) -> None:
        """Hold no outputs in memory; the spool has them. Called when front ends cover all runs."""
        with self._reading:
            self._read_to = 0
            self._displays = Displays()
            for run in self.runs.values():
                run.outputs = None

    def saved(self, runs: list[Run]) -> None:
        """Take note that the notebook has all of these runs; the file is emptied once it has all of all."""
        with self._reading, self._writing:
            for run in runs:
                run.saved = True
                with contextlib.suppress(OSError):  # it is then written once more after a restart
                    self.spool.append(Kind.SAVED, Message("iopub", run.header, b"{}", b"{}", b"{}"))
            if self.runs and not self.unsaved:
                self._clear()

    def _dispensable(self) -> bool:
        return all(run.saved or run.session in self.sessions for run in self.runs.values())

    def _clear_unless_read(self) -> None:
        if self._reading.acquire(blocking=False):
            try:
                self._clear()
            finally:
                self._reading.release()

    def _clear(self) -> None:
        self.runs.clear()
        self._displays = Displays()
        self._read_to = 0
        self._full = False
        self.trouble = None
        self._sequence.forgive(self._sequence.tops())
        self.spool.clear()

    def close(self, *, remove: bool) -> None:
        """Record no more; ``remove`` when the kernel is no more and the notebook has what it can have."""
        with self._reading, self._writing:
            self.enabled = False
            self.runs.clear()
            if remove:
                self.spool.remove()
            else:
                self.spool.close()


def mark(run: Run, message: Message) -> None:
    """Take from a message what it says of the run itself."""
    content = content_of(message)
    if message.msg_type == "execute_input":
        count = content.get("execution_count")
        run.count = count if isinstance(count, int) else None
    elif content.get("execution_state") == "idle":
        run.idle = True
