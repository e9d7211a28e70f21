"""Writes to the state file from asyncio tasks, which may be cancelled at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from ..executors import LEDGER, run_in

T = TypeVar("T")


async def finish_write(write: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run a blocking write in a thread, to its end even when the calling task is cancelled; returns what it returns.

    A thread cannot be cancelled, so without this a write would go on behind the back of what its task does next. The
    cancellation is raised once the write is done. As the process ends, when no thread can be started any more
    (``RuntimeError``), the write is done at once on the caller's loop. Raises what ``write`` raises (``StoreError``).
    """
    work = asyncio.ensure_future(run_in(LEDGER, write, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise
    except RuntimeError:
        return write(*args, **kwargs)
