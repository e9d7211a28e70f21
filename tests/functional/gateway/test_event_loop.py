"""Work on the gateway loop whose caller is on another loop: it ends with its caller, however that one leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from jupyter_emr_connect.gateway.event_loop import gateway_loop

WAIT_S = 60.0


class Work:
    """Goes on until it is cancelled; says that it has begun, and on which thread it was cleaned up after."""

    def __init__(self) -> None:
        self.began, self.ended = threading.Event(), threading.Event()
        self.thread: threading.Thread | None = None

    async def __call__(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.thread = threading.current_thread()
            self.ended.set()


@pytest.fixture
def checked() -> Iterator[None]:
    """The gateway loop refuses what another thread does to its tasks (asyncio's debug mode)."""
    loop = gateway_loop().loop
    loop.set_debug(True)
    yield
    loop.set_debug(False)


@pytest.mark.usefixtures("checked")
async def test_a_caller_that_is_cancelled_ends_its_work() -> None:
    work = Work()
    caller = asyncio.ensure_future(gateway_loop().call(work()))
    assert await asyncio.to_thread(work.began.wait, WAIT_S)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await asyncio.to_thread(work.ended.wait, WAIT_S)
    assert work.thread not in (None, threading.current_thread())


@pytest.mark.usefixtures("checked")
def test_a_caller_whose_loop_stops_ends_its_work() -> None:
    """As a KeyboardInterrupt leaves a blocking client: its tasks are not cancelled, the loop only runs no more."""
    work, loop = Work(), asyncio.new_event_loop()
    caller = loop.create_task(gateway_loop().call(work()))
    loop.run_until_complete(asyncio.to_thread(work.began.wait, WAIT_S))
    assert not caller.done()
    assert work.ended.wait(WAIT_S)
    assert work.thread is not threading.current_thread()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(caller)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
