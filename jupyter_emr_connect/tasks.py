"""Tasks that nobody awaits, and what they raise: no failure goes unseen, and a loop that shall go on does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from .errors import EMRConnectError

Work = TypeVar("Work", bound="asyncio.Future[Any]")
log = logging.getLogger(__name__)

SAME_AGAIN_AFTER_S = 60.0
MAX_REMEMBERED = 1000

_reported: dict[tuple[str, str], float] = {}


def report_failure(logger: logging.Logger, what: str, error: BaseException) -> None:
    """Log an exception that was not foreseen, with its traceback; the same again not within a minute.

    ``what`` is a sentence that says what failed; it is the same each time. Called from any thread. So a failure that
    comes with every message of a flood fills no disk.
    """
    key, now = (what, f"{type(error).__name__}: {error}"[:200]), time.monotonic()
    if now - _reported.get(key, -SAME_AGAIN_AFTER_S) < SAME_AGAIN_AFTER_S:
        return
    if len(_reported) >= MAX_REMEMBERED:
        _reported.clear()
    _reported[key] = now
    logger.error(what, exc_info=error)


def watched(task: Work) -> Work:
    """Return a task, or a future, that nobody may ever await; what it raises is logged when it ends."""
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Future[Any]) -> None:
    if task.cancelled() or (error := task.exception()) is None:
        return
    name = getattr(task.get_coro(), "__qualname__", "") if isinstance(task, asyncio.Task) else ""
    if isinstance(error, EMRConnectError):
        log.warning("A background task failed (%s): %s", name, error)
    else:
        report_failure(log, f"A background task ended unexpectedly ({name}).", error)


async def repeat(work: Callable[[], Awaitable[None]], what: str, *, pause_s: float) -> NoReturn:
    """Do ``work`` again and again until cancelled; what it raises is logged as ``what``, and it goes on after a pause.

    ``work`` waits itself, for whatever makes it due. ``pause_s`` is in seconds.
    """
    while True:
        try:
            await work()
        except Exception as error:
            report_failure(log, what, error)
            await asyncio.sleep(pause_s)
