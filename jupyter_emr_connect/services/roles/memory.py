"""What IAM answered lately, so that a list that is shown again costs no calls. In memory only, safe from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

SECONDS = 300.0
MOST = 4096


class Memory:
    """Values that are forgotten ``seconds`` after they were put in, or when ``MOST`` newer ones came."""

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any | None:
        """Return the value, or None when there is none any more."""
        with self._lock:
            kept = self._kept.get(key)
        return kept[1] if kept and kept[0] > self._clock() else None

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value from now on."""
        with self._lock:
            self._kept.pop(key, None)  # so that the order is that of the time
            while len(self._kept) >= MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = self._clock() + self._seconds, value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()


ANSWERS = Memory()
"""The one memory of this process."""


def forget_checks() -> None:
    """Forget what IAM answered, so that the next list asks anew (a policy has changed)."""
    ANSWERS.clear()
