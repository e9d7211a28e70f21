"""Daemon threads for calls that block, apart by what they may wait for, so that none queues behind one that hangs.

Daemons, unlike a ``ThreadPoolExecutor``'s: a call that AWS throttles or a name server that is dead can take minutes,
which nobody shall wait for when the process ends. What such a thread writes must therefore stand a crash.

The executors of this process, used on the gateway loop and on the Jupyter server's by :func:`run_in`:

- :data:`LEDGER`: the state file (kernels, attachments), which SQLite lets one write at a time;
- :data:`DNS`: the system's resolver (``http/resolver.py``);
- :data:`AWS`: calls to AWS, each of which may take minutes where an endpoint accepts and never answers;
- :data:`FILES`: notebooks, folders and recordings, which may lie on a network file system;
- :data:`CELLS`: cells with ``%emr`` that are answered here, each of which waits for calls of the others.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import importlib
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar
from weakref import WeakSet

P = ParamSpec("P")
T = TypeVar("T")

IDLE_S = 30.0


class DaemonExecutor(Executor):
    """Runs calls in the order they come, ``max_workers`` at a time, in daemon threads named after ``name``.

    A call that runs for more than ``slow_after_s`` counts no more, so that it holds up no other; there are
    ``max_threads`` at most all the same (``max_workers`` unless given). Threads are started as they are needed and end
    after ``idle_s`` without work. ``clock`` gives seconds. Safe from any thread, and in a forked child, where it is
    empty.
    """

    def __init__(
        self,
        max_workers: int,
        name: str,
        *,
        slow_after_s: float = math.inf,
        max_threads: int | None = None,
        idle_s: float = IDLE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_workers = max_workers
        self._name = name
        self._slow_after_s = slow_after_s
        self._max_threads = max_threads or max_workers
        self._idle_s = idle_s
        self._clock = clock
        self._closed = False
        self.reset()
        _executors.add(self)

    def reset(self) -> None:
        """Forget threads and calls; called in a forked child, where the parent's threads do not exist."""
        self._calls: deque[Callable[[], None]] = deque()
        self._futures: WeakSet[Future[Any]] = WeakSet()
        self._running: dict[int, float] = {}  # when the call of each busy thread began
        self._threads = 0
        self._changed = threading.Condition()

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let a thread make the call; returns its result to come.

        Raises ``RuntimeError`` after :meth:`shutdown`, and where no thread can be started any more as Python ends.
        """
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = call(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._changed:
            if self._closed:
                message = "The executor was shut down."
                raise RuntimeError(message)
            self._calls.append(run)
            try:
                self._start_threads()
            except RuntimeError:
                if not self._threads:
                    self._calls.remove(run)
                    raise
            self._futures.add(future)
        return future

    def relieve(self) -> None:
        """Start other threads where calls wait for slow ones; to be called now and then, where ``slow_after_s``."""
        with self._changed:
            self._start_threads()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False, timeout: float | None = None) -> None:
        """Take no more calls; with ``cancel_futures`` drop those that have not begun; ``wait`` ``timeout`` seconds."""
        with self._changed:
            self._closed = True
            pending = list(self._futures) if cancel_futures else []
            if cancel_futures:
                self._calls.clear()
            self._changed.notify_all()
        for future in pending:
            future.cancel()
        if wait:
            with self._changed:
                self._changed.wait_for(lambda: not self._running and not self._calls, timeout)

    def _room(self) -> int:
        now = self._clock()
        return self._max_workers - sum(now - began < self._slow_after_s for began in self._running.values())

    def _start_threads(self) -> None:
        wanted = min(len(self._calls), self._room())
        idle = self._threads - len(self._running)
        self._changed.notify(max(0, min(wanted, idle)))
        for _ in range(min(wanted - idle, self._max_threads - self._threads)):
            threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()
            self._threads += 1

    def _work(self) -> None:
        thread = threading.get_ident()
        while (call := self._next(thread)) is not None:
            call()
            del call

    def _next(self, thread: int) -> Callable[[], None] | None:
        """Return a call to make; None where there has been none for long, or none comes any more."""
        with self._changed:
            if self._running.pop(thread, None) is not None and self._closed:
                self._changed.notify_all()
            notified = True
            while self._calls or (notified and not self._closed):
                if self._calls and self._room() > 0:
                    self._running[thread] = self._clock()
                    return self._calls.popleft()
                notified = self._changed.wait(self._idle_s)
            self._threads -= 1
            return None


_executors: WeakSet[DaemonExecutor] = WeakSet()

LEDGER = DaemonExecutor(1, "emr-connect-ledger")
DNS = DaemonExecutor(64, "emr-connect-dns")
AWS = DaemonExecutor(64, "emr-connect-aws")
FILES = DaemonExecutor(8, "emr-connect-files")
CELLS = DaemonExecutor(64, "emr-connect-cells")


async def run_in(executor: Executor, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Await a call that blocks, in a thread of ``executor`` and the caller's context (as ``asyncio.to_thread`` does).

    A caller that is cancelled leaves at once; the call goes on when it has begun, else it is never made.
    """
    context = contextvars.copy_context()
    bound = functools.partial(context.run, call, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(executor, bound)


_imported: set[str] = set()


async def import_in_thread(*names: str) -> None:
    """Import modules of this package in a thread, each once, so that the caller's loop goes on meanwhile.

    For what runs on a loop and needs boto3 or aiohttp, which take 0.2 to 0.5 s to import: its own ``import`` statement
    then finds them at once. ``names`` begin below the package, as in ``services.kernels.listing``.
    """
    if missing := [name for name in names if name not in _imported]:
        await run_in(FILES, _import, missing)


def _import(names: list[str]) -> None:
    for name in names:
        importlib.import_module(f"{__package__}.{name}")
        _imported.add(name)


def _reset_all() -> None:
    for executor in list(_executors):
        executor.reset()


os.register_at_fork(after_in_child=_reset_all)
