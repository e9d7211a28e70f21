"""A few daemon threads for calls that block.

Daemons, unlike a ``ThreadPoolExecutor``'s: a call that AWS throttles or that hangs is repeated for half a minute, which
nobody shall wait for when the process ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)

Job = Callable[[], None]
# A job that runs for so many seconds waits for something: a region that does not answer, or its turn.
SLOW_SECONDS = 2.0
MOST_THREADS = 64
IDLE_SECONDS = 30.0


class Workers:
    """Runs jobs in the order they come, ``most`` at a time; those that wait for long count no more.

    So no region that hangs holds up another. Threads are started as they are needed and end when there is nothing to
    do. ``clock`` gives seconds.
    """

    def __init__(self, most: int, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._name = name
        self._clock = clock
        self._jobs: deque[Job] = deque()
        self._running: dict[int, float] = {}  # when the job of each busy thread began
        self._threads = 0
        self._closed = False
        self._news = threading.Condition()

    def submit(self, job: Job) -> None:
        """Let a thread do ``job``; what it raises is a defect of ours and is logged. After :meth:`close`: nothing."""
        with self._news:
            if not self._closed:
                self._jobs.append(job)
                self._man()

    def relieve(self) -> None:
        """Start other threads where jobs wait for slow ones; to be called now and then."""
        with self._news:
            self._man()

    def close(self, wait: float = 0.0) -> None:
        """Drop the jobs that have not begun, and wait ``wait`` seconds at most for those that have."""
        with self._news:
            self._closed = True
            self._jobs.clear()
            self._news.notify_all()
            self._news.wait_for(lambda: not self._running, wait)

    def _room(self) -> int:
        now = self._clock()
        return self._most - sum(now - begun < SLOW_SECONDS for begun in self._running.values())

    def _man(self) -> None:
        wanted = min(len(self._jobs), self._room())
        waiting = self._threads - len(self._running)
        self._news.notify(min(wanted, waiting))
        for _ in range(min(wanted - waiting, MOST_THREADS - self._threads)):
            threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()
            self._threads += 1

    def _work(self) -> None:
        me = threading.get_ident()
        while (job := self._next(me)) is not None:
            try:
                job()
            except Exception:
                log.exception("A job of the catalogue failed")

    def _next(self, me: int) -> Job | None:
        """Return a job to do; None where there has been none for long."""
        with self._news:
            if self._running.pop(me, None) and self._closed:
                self._news.notify_all()
            told = True
            while not self._closed and (told or self._jobs):
                if self._jobs and self._room() > 0:
                    self._running[me] = self._clock()
                    return self._jobs.popleft()
                told = self._news.wait(IDLE_SECONDS)
            self._threads -= 1
            return None
