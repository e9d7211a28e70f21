"""A spool that goes on after a full disk, and has a limit: what it cannot take it holds for a while, and it says so."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ...gateway.protocol.framing import Message
from .spool import RecordKind, Spool

RETRY_EVERY_S = 1.0
MAX_WAITING_BYTES = 16_000_000


class RetryingSpool(Spool):
    """A spool of at most ``limit`` bytes; what the disk does not take waits in memory, and is written in its order.

    What waits is bounded: what is more is counted and lost. ``tell`` is called on the gateway loop with what the user
    must know; ``last_error`` is the last of it that still holds.
    """

    def __init__(self, path: Path, limit: int, tell: Callable[[str], None]) -> None:
        super().__init__(path)
        self.limit = limit
        self.lock = threading.RLock()  # held by whoever changes the file: its owner, and the retries here
        self.last_error: str | None = None
        self._tell = tell
        self._waiting: deque[tuple[RecordKind, Message]] = deque()
        self._waiting_bytes = 0
        self._lost = 0

    def add(self, kind: RecordKind, message: Message) -> None:
        """Add a record now or later. Called on the gateway loop; never raises for the disk."""
        if not self.is_open:
            return
        if self._waiting or self._lost:
            self._wait(kind, message)
        elif self.size + message.size > self.limit:
            self._refuse_over_limit()
        else:
            try:
                self.append(kind, message)
            except OSError as error:
                self._wait(kind, message)
                self._fail(error)

    def add_if_possible(self, kind: RecordKind, message: Message) -> None:
        """Add a record that may be missing."""
        with contextlib.suppress(OSError):
            self.append(kind, message)

    def clear(self) -> None:
        """Drop all records, also those that wait, and with them the error that the limit was reached."""
        super().clear()
        self._waiting.clear()
        self._waiting_bytes = 0
        self.last_error = None

    def _refuse_over_limit(self) -> None:
        if self.last_error is None:
            self.last_error = (
                f"The recording of this kernel's output has reached {self.limit / 1_000_000:.0f} MB "
                "(EMRConnect.recording_megabytes); what follows is not recorded until the notebook is saved."
            )
            self._tell(self.last_error)

    def _wait(self, kind: RecordKind, message: Message) -> None:
        if self._lost or self._waiting_bytes + message.size > MAX_WAITING_BYTES:
            self._lost += 1
            return
        self._waiting.append((kind, message))
        self._waiting_bytes += message.size

    def _fail(self, error: OSError) -> None:
        asyncio.get_running_loop().call_later(RETRY_EVERY_S, self._retry)
        self.last_error = (
            f"Output cannot be recorded in {self.path.parent}: {error.strerror or 'unknown error'}. "
            "The kernel goes on; free some space, or keep this notebook open."
        )
        self._tell(self.last_error)

    def _retry(self) -> None:
        """Write what waits; try again later when the disk still does not take it."""
        with self.lock:
            try:
                while self._waiting and self.is_open:
                    self.append(*self._waiting[0])
                    self._waiting_bytes -= self._waiting.popleft()[1].size
            except OSError:
                asyncio.get_running_loop().call_later(RETRY_EVERY_S, self._retry)
                return
            lost, self._lost, self.last_error = self._lost, 0, None
        missing = f" {lost} messages are not in the recording." if lost else ""
        self._tell(f"Output is recorded again.{missing}")
