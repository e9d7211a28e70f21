"""Deadlines that lose neither a cancellation nor an error."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from jupyter_emr_connect.http.deadlines import within


async def breaks_when_cancelled() -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        text = "cannot schedule new futures after shutdown"
        raise RuntimeError(text) from None


async def test_the_result_is_returned_and_the_error_raised() -> None:
    assert await within(5, asyncio.sleep(0, "done")) == "done"
    with pytest.raises(asyncio.TimeoutError):
        await within(0.01, asyncio.sleep(60))


async def test_an_error_while_cancelling_is_not_printed_by_asyncio() -> None:
    printed: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: printed.append(context))
    with pytest.raises(asyncio.TimeoutError):
        await within(0.01, breaks_when_cancelled())
    gc.collect()
    await asyncio.sleep(0)
    assert printed == []


async def test_a_cancellation_arrives_and_ends_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    task = asyncio.ensure_future(within(60, work()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
