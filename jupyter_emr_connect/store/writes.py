"""Writes to the state file from asyncio tasks, which may be cancelled at any time."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from ..executors import LEDGER

log = logging.getLogger(__name__)
T = TypeVar("T")


async def finish_write(write: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run a blocking write in a thread, to its end even when the calling task is cancelled; returns what it returns.

    A thread cannot be cancelled, so without this a write would go on behind the back of what its task does next. The
    cancellation is raised once the write is done. As the process ends, when no thread can be started any more
    (``RuntimeError``), the write is done at once on the caller's loop. Raises what ``write`` raises (``StoreError``).
    """
    bound = functools.partial(contextvars.copy_context().run, write, *args, **kwargs)
    try:
        work = asyncio.wrap_future(LEDGER.submit(bound))
    except RuntimeError:
        return write(*args, **kwargs)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():  # also when the task is cancelled once more meanwhile
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({work})
        if (error := work.exception()) is not None:
            log.warning("A write whose task was cancelled has failed: %s", error)
        raise
