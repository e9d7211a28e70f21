"""Pauses between attempts that fail, longer each time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable


class Backoff:
    """Pauses of ``first_s`` seconds, ``factor`` times as long after each failure up to ``last_s``.

    Each is longer or shorter by the share ``jitter`` at most, at random, so that many who failed at once do not try
    again at once. ``clock`` gives seconds. Used by one task, or under its owner's lock.
    """

    def __init__(
        self,
        first_s: float,
        last_s: float,
        *,
        factor: float = 2.0,
        jitter: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first_s = first_s
        self._last_s = last_s
        self._factor = factor
        self._jitter = jitter
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Begin anew: an attempt worked, or there is reason to expect it to."""
        self._pause_s = self._first_s
        self._retry_at = self._clock()

    def next(self) -> float:
        """Take note of a failure; return the seconds until the next attempt."""
        share = random.uniform(1 - self._jitter, 1 + self._jitter)  # noqa: S311 - spreads load, hides nothing
        pause = self._pause_s * share
        self._pause_s = min(self._pause_s * self._factor, self._last_s)
        self._retry_at = self._clock() + pause
        return pause

    def left(self) -> float:
        """Return the seconds of the present pause that are left, 0 when the next attempt is due."""
        return max(0.0, self._retry_at - self._clock())
