"""What nobody awaits and nobody foresaw: it is logged, once for many, and what shall go on does."""

from __future__ import annotations

import asyncio
import logging

import pytest

from jupyter_emr_connect.errors import GatewayError
from jupyter_emr_connect.tasks import repeat, report_failure, watched

LOG = logging.getLogger(__name__)


async def fail(error: Exception) -> None:
    raise error


def test_a_failure_that_comes_with_every_message_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(100):
        report_failure(LOG, "A message was not counted.", ValueError(f"a bad one of {number % 2}"))
    assert [record.exc_info[1].args[0] for record in caplog.records if record.exc_info and record.exc_info[1]] == [
        "a bad one of 0",
        "a bad one of 1",
    ]


async def test_a_task_that_nobody_awaits_does_not_die_unseen(caplog: pytest.LogCaptureFixture) -> None:
    for error in (ZeroDivisionError("nobody looks"), GatewayError("It is away.", fix="Wait.")):
        await asyncio.wait({watched(asyncio.ensure_future(fail(error)))})
    cancelled = watched(asyncio.ensure_future(asyncio.sleep(60)))
    cancelled.cancel()
    await asyncio.wait({cancelled})
    await asyncio.sleep(0)
    first, second = caplog.records
    assert first.exc_info
    assert "fail" in first.getMessage()
    assert (second.levelname, second.exc_info) == ("WARNING", None)
    assert "It is away." in second.getMessage()


async def test_what_shall_go_on_does_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    turns: list[int] = []
    enough = asyncio.Event()

    async def work() -> None:
        turns.append(len(turns))
        if len(turns) == 2:
            text = "a slip in the second turn"
            raise KeyError(text)
        if len(turns) == 4:
            enough.set()
        await asyncio.sleep(0)

    task = asyncio.ensure_future(repeat(work, "It went wrong.", pause_s=0))
    await asyncio.wait_for(enough.wait(), 20)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert caplog.text.count("a slip in the second turn") == 1
