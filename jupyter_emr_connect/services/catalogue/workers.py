"""A few daemon threads for calls that block.

Daemons, unlike a ``ThreadPoolExecutor``'s: a call that AWS throttles or that hangs is repeated for half a minute, which
nobody shall wait for when the process ends.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

Job = Callable[[], None]


class Workers:
    """Runs jobs in the order they come, ``most`` at a time; threads are started as they are needed."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0

    def submit(self, job: Job) -> None:
        """Let a thread do ``job``; what it raises is a defect of ours and is logged."""
        with self._lock:
            if self._idle <= 0 and self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()
            else:
                self._idle -= 1
        self._jobs.put(job)

    def close(self) -> None:
        """Let the threads end after the jobs they have."""
        with self._lock:
            count = self._threads
        for _ in range(count):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                log.exception("A job of the catalogue failed")
            with self._lock:
                self._idle += 1
