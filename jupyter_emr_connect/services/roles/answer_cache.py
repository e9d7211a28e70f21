"""What IAM answered lately, so that a list that is shown again costs no calls. In memory only, safe from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

LIFETIME_S = 300.0
MAX_ANSWERS = 4096


class AnswerCache:
    """Answers, each forgotten ``seconds`` after they were put in, or when ``MAX_ANSWERS`` newer ones came."""

    def __init__(self, seconds: float = LIFETIME_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._answers: dict[Hashable, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any | None:
        """Return the answer to a question, or None when there is none any more."""
        with self._lock:
            answer = self._answers.get(key)
        return answer[1] if answer and answer[0] > self._clock() else None

    def put(self, key: Hashable, value: Any) -> None:
        """Remember the answer to a question until it is ``seconds`` old."""
        with self._lock:
            self._answers.pop(key, None)  # so that the order is that of the time
            while len(self._answers) >= MAX_ANSWERS:
                del self._answers[next(iter(self._answers))]
            self._answers[key] = self._clock() + self._seconds, value

    def clear(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._answers.clear()


ANSWERS = AnswerCache()
"""The one memory of this process."""


def forget_checks() -> None:
    """Forget what IAM answered, so that the next list asks anew (a policy has changed)."""
    ANSWERS.clear()
