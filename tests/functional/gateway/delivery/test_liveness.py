"""A kernel without a journal that does not hear us on a connection: it gets another, and no cell waits for ever."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from jupyter_emr_connect.gateway.connection.status import LinkState
from jupyter_emr_connect.gateway.delivery.timings import DeliveryTimings
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from tests.functional.gateway.numbered_kernel import NumberedKernel
from tests.functional.gateway.talk import talking_to

pytestmark = pytest.mark.slow

ANSWER_S = 0.3
QUICK = DeliveryTimings(first_answer_s=ANSWER_S, replay_retries_s=(0.3, 0.5), straggler_s=0.3, end_lag_s=0.5)


async def connected(kernel: NumberedKernel, times: int) -> None:
    """Wait until that many connections were made."""
    for _ in range(1000):
        if kernel.connections >= times:
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"there were {kernel.connections} connections")


async def test_a_connection_on_which_an_idle_kernel_is_silent_is_changed() -> None:
    kernel = NumberedKernel(journal_bytes=0)
    async with talking_to(kernel, QUICK) as talk:
        link = talk.bridge.link
        assert link is not None
        before = link.session_id
        kernel.deaf = 3
        kernel.cut()
        await connected(kernel, 4)
        assert link.session_id != before
        cell = await talk.run("say-a say-b")
        assert (cell.text, cell.reply["status"]) == ("ab", "ok")
        await asyncio.sleep(10 * ANSWER_S)
        assert kernel.connections == 4


@pytest.mark.parametrize("journal_bytes", [1_000_000, 0])
async def test_a_cell_is_kept_back_until_the_kernel_is_known_to_hear(journal_bytes: int) -> None:
    kernel = NumberedKernel(journal_bytes=journal_bytes)
    async with talking_to(kernel, QUICK) as talk:
        kernel.deaf, kernel.all_deaf = 2, True
        kernel.cut()
        await connected(kernel, 2)
        cell = await talk.run("say-a")
        assert (cell.text, cell.reply["status"], kernel.connections) == ("a", "ok", 3)
        assert kernel.requests.count("execute_request (not heard)") == 0


async def test_a_cell_is_not_kept_back_from_a_busy_kernel_without_a_journal() -> None:
    """So that it is with the others there, which the kernel throws away when the one that runs fails."""
    kernel = NumberedKernel(journal_bytes=0)
    async with talking_to(kernel, QUICK) as talk:
        running = asyncio.ensure_future(talk.run("say-a pause cut back wait say-b"))
        await connected(kernel, 2)
        talk.client.execute("say-c")
        for _ in range(200):
            if kernel.queue.qsize() >= 2:
                break
            await asyncio.sleep(0.02)
        assert [one.msg_type for one in kernel.queue._queue] == ["kernel_info_request", "execute_request"]
        kernel.go.set()
        await running


async def test_a_cell_is_not_kept_back_for_ever() -> None:
    """As where only the control channel is deaf."""
    kernel = NumberedKernel()
    async with talking_to(kernel, replace(QUICK, hold_back_s=1.0)) as talk:
        kernel.deaf = 1000
        before = kernel.requests.count("execute_request")
        cut_at = time.monotonic()
        kernel.cut()
        await connected(kernel, 2)
        talk.client.execute("say-a")
        for _ in range(1500):
            if kernel.requests.count("execute_request") > before:
                break
            await asyncio.sleep(0.02)
        assert kernel.requests.count("execute_request") == before + 1
        assert time.monotonic() - cut_at >= 1.0


async def test_a_cell_that_waited_for_a_kernel_that_was_restarted_is_not_run() -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel, QUICK) as talk:
        kernel.gone_for_now = True
        kernel.cut()
        for _ in range(200):
            if talk.states[-1].state is LinkState.RECONNECTING:
                break
            await asyncio.sleep(0.02)
        waiting = asyncio.ensure_future(talk.run("say-a"))
        await asyncio.sleep(0.5)
        kernel.restart()
        kernel.gone_for_now = False
        cell = await waiting
        assert (cell.error, cell.reply["status"]) == ("KernelDied", "error")
        assert (await talk.run("say-b")).text == "b"
        assert kernel.requests.count("execute_request") == 3  # say-b, and a journal for each life


async def test_a_kernel_that_is_busy_may_be_silent() -> None:
    kernel = NumberedKernel(journal_bytes=0)
    async with talking_to(kernel, QUICK) as talk:
        running = asyncio.ensure_future(talk.run("say-a pause cut back wait say-b"))
        await connected(kernel, 2)
        await asyncio.sleep(10 * ANSWER_S)
        kernel.go.set()
        assert (await running).reply["status"] == "ok"
        assert kernel.connections == 2


async def test_an_end_without_a_reply_on_such_a_connection_is_no_end_for_ever() -> None:
    """The cell runs over a connection on which its reply is lost; what asks for it is not heard either."""
    kernel = NumberedKernel(journal_bytes=0)
    async with talking_to(kernel, QUICK) as talk:
        running = asyncio.ensure_future(talk.run("say-a wait mute"))
        await asyncio.sleep(0.3)
        kernel.deaf = kernel.connections
        kernel.go.set()
        cell = await asyncio.wait_for(running, 30)
        assert (cell.text, cell.reply["status"]) == ("a", "error")
        assert kernel.connections == 2


async def test_a_kernel_whose_connection_is_closed_is_asked_no_more() -> None:
    """It was shut down while something was still to be found out of it."""
    kernel = NumberedKernel(journal_bytes=0)
    async with talking_to(kernel, QUICK) as talk:
        talk.client.execute("say-a wait mute")
        await asyncio.sleep(0.3)
        kernel.deaf = kernel.connections
        kernel.go.set()
        looks = kernel.looks
        for _ in range(200):
            kernel.state = "busy"
            if kernel.looks > looks:
                break
            await asyncio.sleep(0.05)
        assert kernel.looks > looks
        assert talk.bridge.link is not None
        await gateway_loop().call(talk.bridge.link.close())
        looks = kernel.looks
        await asyncio.sleep(10 * ANSWER_S)
        assert kernel.looks == looks
