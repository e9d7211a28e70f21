"""What became of a request that was under way when a connection was lost."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_emr_connect.gateway.delivery.timings import DeliveryTimings
from tests.functional.gateway.numbered_kernel import NumberedKernel
from tests.functional.gateway.talk import talking_to

pytestmark = pytest.mark.slow

SAID = "say-a say-b say-c"
INCOMPLETE = "may be incomplete"
ALWAYS = 1000
QUICK = DeliveryTimings(
    no_reply_after_s=0.3, gap_lost_s=0.5, replay_retries_s=(0.3, 0.5), straggler_s=0.3, end_lag_s=0.5
)


async def test_a_cell_that_ended_while_the_line_was_down_ends_with_all_it_had() -> None:
    async with talking_to(NumberedKernel()) as talk:
        cell = await talk.run("say-a cut say-b")
        assert (cell.text, cell.error, cell.reply["status"]) == ("ab", "", "ok")


async def test_a_cell_that_never_reached_the_kernel_says_so_and_is_not_sent_again() -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        before = kernel.requests.count("execute_request")
        kernel.swallow = "execute_request"
        cell = await talk.run(SAID)
        assert (cell.text, cell.error, cell.reply["status"]) == ("", "RequestLost", "error")
        assert "did not run" in cell.reply["evalue"]
        assert kernel.requests.count("execute_request") == before
        assert (await talk.run(SAID)).text == "abc"


async def test_without_a_journal_a_lost_cell_may_have_run() -> None:
    kernel = NumberedKernel(journal_bytes=0)
    async with talking_to(kernel, QUICK) as talk:
        kernel.swallow = "execute_request"
        cell = await talk.run(SAID)
        assert (cell.error, cell.reply["status"]) == ("ConnectionLost", "error")


async def test_without_a_journal_a_lost_reply_is_no_success() -> None:
    async with talking_to(NumberedKernel(journal_bytes=0), QUICK) as talk:
        cell = await talk.run("say-a pause cut say-b")
        assert (cell.text, cell.error, cell.reply["status"]) == ("a", "ReplyLost", "error")


async def test_a_question_without_effect_is_asked_again() -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        kernel.swallow = "complete_request"
        reply = await asyncio.wait_for(talk.client.complete("a", reply=True, timeout=30), 30)
        assert reply["content"]["status"] == "ok"
        assert kernel.requests.count("complete_request") == 1


async def test_a_kernel_that_was_restarted_meanwhile_says_so() -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel, QUICK) as talk:
        running = asyncio.ensure_future(talk.run("say-a wait"))
        await asyncio.sleep(0.3)
        kernel.start()
        kernel.cut()
        cell = await running
        assert (cell.text, cell.error, cell.reply["status"]) == ("a", "KernelDied", "error")
        kernel.losing = False
        for _ in range(200):  # it is given another journal
            if not talk.bridge.inbox.has_journal:
                await asyncio.sleep(0.05)
        assert (await talk.run("say-a lose say-b keep say-c")).text == "abc"


async def test_a_reply_that_an_earlier_question_came_too_soon_for_is_asked_for() -> None:
    """It is sent, and lost, after that question is answered, and before its answer arrives."""
    async with talking_to(NumberedKernel()) as talk:
        cell = await talk.run("say-a cut back pause slow lose say-b keep say-c pause unended")
        assert (cell.text, cell.error, cell.reply["status"]) == ("abc", "", "ok")


@pytest.mark.parametrize("journal_bytes", [1_000_000, 0])
async def test_an_end_that_is_lost_comes_all_the_same(journal_bytes: int) -> None:
    kernel = NumberedKernel(journal_bytes=journal_bytes)
    async with talking_to(kernel, QUICK) as talk:
        sent = kernel.wires["iopub"].send_multipart

        def without_idle(frames: list[bytes], **options: object) -> None:
            if not any(b'"idle"' in bytes(frame) for frame in frames):
                sent(frames, **options)

        kernel.wires["iopub"].send_multipart = without_idle  # type: ignore[method-assign]
        cell = await talk.run(SAID)
        assert (cell.text, cell.reply["status"]) == ("abc", "ok")


@pytest.mark.parametrize(("journal_bytes", "text"), [(1_000_000, "ab"), (0, "a")])
async def test_a_connection_that_brings_replies_alone_is_changed(journal_bytes: int, text: str) -> None:
    """Jupyter Enterprise Gateway passes on nothing more that is published once it could not parse a message."""
    kernel = NumberedKernel(journal_bytes=journal_bytes)
    async with talking_to(kernel, QUICK) as talk:
        cell = await talk.run("say-a stall say-b")
        assert (cell.text, cell.reply["status"]) == (text, "ok")
        assert (INCOMPLETE in cell.marks) == (not journal_bytes)
        await kernel.back.wait()
        cell = await talk.run(SAID)
        assert (cell.text, cell.marks, kernel.connections) == ("abc", "", 2)


async def test_what_a_user_answered_into_a_dying_connection_is_given_again() -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        running = asyncio.ensure_future(talk.run("ask- say-b"))
        await talk.client.get_stdin_msg(timeout=10)
        kernel.swallow = "input_reply"
        talk.client.input("a")
        cell = await running
        assert (cell.text, cell.reply["status"]) == ("ab", "ok")
        assert kernel.answers.empty()
