"""A deadline that never loses a cancellation, as ``asyncio.wait_for`` does before Python 3.12 (cpython issue 86296)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


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
