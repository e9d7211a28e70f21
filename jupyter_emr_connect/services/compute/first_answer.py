"""Asking many places at once, without waiting for those that hang once the answer is there."""

from __future__ import annotations

import contextvars
import itertools
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ...errors import EMRConnectError
from ...executors import DaemonExecutor

Place = TypeVar("Place")
Answer = TypeVar("Answer")
AT_ONCE = 8
# Seconds that a place named earlier is given, once a later one has found what is looked for.
GRACE = 1.0


def ask_all(
    places: Sequence[Place],
    question: Callable[[Place], Answer],
    *,
    found: Callable[[Answer], bool] = lambda answer: False,
) -> list[Answer | EMRConnectError]:
    """Ask all places at once and return their answers in their order; an error of ours is an answer.

    Ends soon after an answer that is ``found``; the places that have not answered by then are left out. The threads
    are daemons, so that no process waits for a call that hangs.
    """
    answers: dict[int, Answer | EMRConnectError] = {}
    told: queue.SimpleQueue[tuple[int, Answer | BaseException]] = queue.SimpleQueue()
    ended = threading.Event()
    turns = itertools.count()  # its next() is atomic

    def work() -> None:
        while not ended.is_set() and (turn := next(turns)) < len(places):
            try:
                answer = question(places[turn])
            except BaseException as error:
                told.put((turn, error))
                continue
            if found(answer):
                ended.set()  # all places before this one are being asked already
            told.put((turn, answer))

    threads = DaemonExecutor(AT_ONCE, "emr-lookup")
    for _ in range(min(AT_ONCE, len(places))):
        threads.submit(contextvars.copy_context().run, work)  # with the deadline of whoever asks
    deadline: float | None = None
    try:
        while len(answers) < len(places) and not _is_enough(answers, found):
            turn, answer = told.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
            if isinstance(answer, BaseException) and not isinstance(answer, EMRConnectError):
                raise answer
            answers[turn] = answer
            if deadline is None and ended.is_set():
                deadline = time.monotonic() + GRACE
    except queue.Empty:
        pass
    finally:
        ended.set()
        threads.shutdown(wait=False)
    return [answers[turn] for turn in sorted(answers)]


def _is_enough(answers: Mapping[int, Answer | EMRConnectError], found: Callable[[Answer], bool]) -> bool:
    """Whether the first place that finds it is known, since all before it have answered."""
    first = (answers[turn] for turn in itertools.takewhile(answers.__contains__, itertools.count()))
    return any(not isinstance(answer, EMRConnectError) and found(answer) for answer in first)
