"""The one background thread whose asyncio loop serves every gateway kernel of this process.

It is a thread of its own because a blocking client (``jupyter console``, papermill) runs its loop only while it waits
for something, and because no kernel may slow the Jupyter server's loop. It starts at first use, is a daemon, and is
forgotten in a forked child, which starts its own.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import selectors
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import zmq

from ..http.deadlines import within
from ..tasks import report_failure, watched

log = logging.getLogger(__name__)
T = TypeVar("T")

EXIT_WITHIN_S = 10.0


class PacedSelector(selectors.DefaultSelector):
    """Waits a little before it looks, while kernels flood us with small messages: many at once cost far less than each.

    ``floods`` are the kernels that do so at the moment (``channels/flood.py``). Soon after a client asked something of
    any kernel nothing is waited for.
    """

    PACE_S = 0.008
    DIALOGUE_S = 0.05

    def __init__(self) -> None:
        super().__init__()
        self.floods: set[object] = set()
        self._prompt_until = 0.0

    def asked(self) -> None:
        """Take note that a client waits for an answer: nothing is waited for in the next moments."""
        if self.floods:
            self._prompt_until = time.monotonic() + self.DIALOGUE_S

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; called by the loop once a turn, with 0 when there is something else to do."""
        if self.floods and timeout != 0 and time.monotonic() > self._prompt_until:
            time.sleep(self.PACE_S)
        return super().select(timeout)


class GatewayLoop:
    """The thread, its loop, its ZeroMQ context, and what must still be done before the process ends."""

    def __init__(self) -> None:
        self.selector = PacedSelector()
        self.loop = asyncio.SelectorEventLoop(self.selector)
        self.zmq: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._at_exit: dict[object, Callable[[], Awaitable[None]]] = {}
        self._thread = threading.Thread(target=self._run, name="emr-connect gateway loop", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while True:
            try:
                self.loop.run_forever()
            except BaseException as error:  # asyncio lets a task's SystemExit and KeyboardInterrupt through
                report_failure(log, "The loop of the gateway kernels was left, and goes on.", error)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine there; cancelling the future cancels it. Called from any other thread.

        For those who wait for the future, which alone knows what the work raises; else :meth:`start`.
        """
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Have :meth:`keep` called on this loop; called from any thread."""
        self.loop.call_soon_threadsafe(self.keep, work)

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for it on the caller's loop.

        The work is cancelled with the caller, and also when the caller's loop stops without cancelling it: that is how
        a KeyboardInterrupt leaves ``run_until_complete`` of a blocking client.
        """
        caller = asyncio.get_running_loop()
        if caller is self.loop:
            return await work
        return await asyncio.wrap_future(self.submit(self._watched(work, caller)))

    async def _watched(self, work: Coroutine[Any, Any, T], caller: asyncio.AbstractEventLoop) -> T:
        task = asyncio.ensure_future(work)
        stopped = 0
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=0.5)
                stopped = 0 if caller.is_running() else stopped + 1
                if stopped >= 2:
                    break
        finally:
            if not task.done():
                task.cancel()
        return await task

    def keep(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start work that outlives its caller, from this loop; the process's end waits for it a little.

        What it raises is logged.
        """
        task = watched(self.loop.create_task(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def at_exit(self, owner: object, work: Callable[[], Awaitable[None]] | None) -> None:
        """Register what to do for ``owner`` if the process ends before it is taken back with ``None``."""
        if work is None:
            self._at_exit.pop(owner, None)
        else:
            self._at_exit[owner] = work

    async def _finish(self) -> None:
        pending: list[Awaitable[Any]] = [work() for work in self._at_exit.values()]
        self._at_exit.clear()
        await asyncio.gather(*pending, *self._tasks, return_exceptions=True)

    def finish(self) -> None:
        """Do what is registered, all at once, for at most :data:`EXIT_WITHIN_S`. Called as the process ends."""
        if not self._at_exit and not self._tasks:
            return
        try:
            self.submit(within(EXIT_WITHIN_S, self._finish())).result(EXIT_WITHIN_S + 1)
        except (Exception, KeyboardInterrupt):  # the process is ending; what was not done stays in the ledger
            return


_lock = threading.Lock()
_current: GatewayLoop | None = None


def gateway_loop() -> GatewayLoop:
    """Return this process's gateway loop, starting it if need be."""
    global _current
    with _lock:
        if _current is None:
            _current = GatewayLoop()
        return _current


def _forget() -> None:
    """Leave the parent's loop to the parent; its thread does not exist in a forked child."""
    global _current, _lock
    _current = None
    _lock = threading.Lock()


def _finish() -> None:
    if _current is not None:
        _current.finish()


os.register_at_fork(after_in_child=_forget)
atexit.register(_finish)
