"""Writes of tasks that are cancelled, and of a process that ends: each is done once and to its end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from jupyter_emr_connect.executors import DaemonExecutor
from jupyter_emr_connect.store import writes
from jupyter_emr_connect.store.writes import finish_write


async def test_a_write_that_fails_is_not_done_again() -> None:
    """Also when it fails as an executor does that takes no more work."""
    times: list[int] = []

    def write() -> None:
        times.append(1)
        text = "cannot start new thread"
        raise RuntimeError(text)

    with pytest.raises(RuntimeError, match="cannot start"):
        await finish_write(write)
    assert times == [1]


async def test_a_write_that_no_thread_takes_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the process ends, or has no memory for a thread; threads that start again later do not repeat it."""
    executor, done = DaemonExecutor(1, "t-ledger"), []
    monkeypatch.setattr(writes, "LEDGER", executor)
    before = threading.stack_size(1 << 50)  # more than there are addresses, so that no thread can be started
    try:
        await finish_write(done.append, threading.current_thread())
    finally:
        threading.stack_size(before)
    assert done == [threading.current_thread()]
    await finish_write(done.append, None)
    assert done == [threading.current_thread(), None]
    executor.shutdown()


async def test_a_task_that_is_cancelled_twice_waits_for_its_write() -> None:
    begun, goes_on, done = threading.Event(), threading.Event(), []

    def write() -> None:
        begun.set()
        goes_on.wait(20)
        done.append(True)

    task = asyncio.ensure_future(finish_write(write))
    await asyncio.to_thread(begun.wait, 20)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.05)
    assert not task.done()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [True]


async def test_a_write_that_fails_after_its_task_was_cancelled_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def write() -> None:
        begun.set()
        goes_on.wait(20)
        text = "the disk is full"
        raise OSError(text)

    task = asyncio.ensure_future(finish_write(write))
    await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    await asyncio.sleep(0.05)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "the disk is full" in caplog.text
