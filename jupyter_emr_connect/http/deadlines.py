"""Deadlines: of a coroutine, and of the calls that it makes in threads, which cannot be cancelled.

:func:`within` never loses a cancellation, as ``asyncio.wait_for`` does before Python 3.12 (cpython issue 86296).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


class Deadline:
    """When a piece of work must be over, ``seconds`` from now at the latest; ``clock`` gives seconds. For any thread.

    Whoever blocks in its course looks at :func:`seconds_left` before it begins something else that takes time.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock() + seconds

    def left(self) -> float:
        """Return the seconds that are left; 0 or less when it has passed."""
        return self._at - self._clock()

    def expire(self) -> None:
        """Let it pass now: nobody wants the work any more."""
        self._at = self._clock()


_current: ContextVar[Deadline | None] = ContextVar("emr_connect_deadline", default=None)


@contextmanager
def deadline_of_calls(deadline: Deadline) -> Iterator[None]:
    """Put a deadline on what begins in this block: tasks, and calls that ``executors.run_in`` gives to threads."""
    token = _current.set(deadline)
    try:
        yield
    finally:
        _current.reset(token)


def seconds_left() -> float:
    """Return the seconds that the work under way in this context has left, infinity where it has no deadline."""
    deadline = _current.get()
    return math.inf if deadline is None else deadline.left()


async def within(seconds: float, work: Awaitable[T]) -> T:
    """Return what ``work`` returns; cancel it and raise :class:`asyncio.TimeoutError` when it takes longer."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # retrieved, so that asyncio does not print it: the caller hears of the deadline
    raise asyncio.TimeoutError
