"""Each message once and in order, and an honest end for each cell, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from jupyter_emr_connect.gateway.channels import zmq_port as ports
from jupyter_emr_connect.gateway.channels.bridge import Bridge
from jupyter_emr_connect.gateway.delivery.timings import DeliveryTimings
from jupyter_emr_connect.gateway.event_loop import gateway_loop

from .numbered_kernel import NumberedKernel
from .talk import talking_to

pytestmark = pytest.mark.slow

SAID = "say-a say-b say-c"
INCOMPLETE = "may be incomplete"
ALWAYS = 1000
QUICK = DeliveryTimings(
    no_reply_after_s=0.3, gap_lost_s=0.5, replay_retries_s=(0.3, 0.5), straggler_s=0.3, end_lag_s=0.5
)


async def test_what_comes_twice_is_given_once() -> None:
    kernel = NumberedKernel(double=True)
    async with talking_to(kernel) as talk:
        cell = await talk.run(SAID)
        assert (cell.text, cell.reply["status"]) == ("abc", "ok")
        assert talk.bridge.inbox.duplicates > 5


async def test_what_is_lost_on_a_good_line_is_asked_for_and_put_in_its_place() -> None:
    async with talking_to(NumberedKernel()) as talk:
        cell = await talk.run("say-a lose say-b say-c keep say-d")
        assert (cell.text, cell.marks, cell.reply["status"]) == ("abcd", "", "ok")


async def test_what_was_in_flight_at_a_cut_is_asked_for() -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        cell = await talk.run("say-a lose say-b cut say-c keep back say-d")
        assert (cell.text, cell.marks, cell.reply["status"]) == ("abcd", "", "ok")
        assert kernel.requests.count("execute_request") == 2  # the cell, and the journal's installation


async def test_a_cell_that_ended_while_the_line_was_down_ends_with_all_it_had() -> None:
    async with talking_to(NumberedKernel()) as talk:
        cell = await talk.run("say-a cut say-b")
        assert (cell.text, cell.error, cell.reply["status"]) == ("ab", "", "ok")


async def test_what_the_journal_no_longer_has_is_marked_in_its_cell_alone() -> None:
    async with talking_to(NumberedKernel(journal_bytes=5_000)) as talk:
        assert (await talk.run(SAID)).marks == ""
        cell = await talk.run(f"say-a pause cut {'say-b ' * 50} back say-c")
        assert INCOMPLETE in cell.marks
        assert (cell.text[0], cell.text[-1], cell.reply["status"]) == ("a", "c", "ok")
        assert (await talk.run(SAID)).marks == ""


async def test_what_comes_while_the_journal_is_asked_is_not_lost_though_it_has_let_it_go() -> None:
    async with talking_to(NumberedKernel(journal_bytes=5_000)) as talk:
        cell = await talk.run(f"hesitate say-a number-b say-c pause send {'say-d ' * 50}")
        assert (cell.text, cell.marks) == ("abc" + 50 * "d", "")


async def test_without_a_journal_a_gap_is_marked() -> None:
    kernel = NumberedKernel(journal_bytes=0)
    async with talking_to(kernel, QUICK) as talk:
        asyncio.get_running_loop().call_later(1.5, kernel.go.set)
        cell = await talk.run("say-a lose say-b say-c keep say-d wait")
        assert (cell.text, cell.reply["status"]) == ("ad", "ok")
        assert INCOMPLETE in cell.marks
        assert (await talk.run(SAID)).marks == ""


async def test_without_a_journal_a_gap_is_marked_before_the_cell_ends() -> None:
    async with talking_to(NumberedKernel(journal_bytes=0)) as talk:
        cell = await talk.run("say-a lose say-b say-c keep say-d")
        assert (cell.text, cell.reply["status"]) == ("ad", "ok")
        assert INCOMPLETE in cell.marks


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


async def restarted(bridge: Bridge) -> None:
    """Do as is done when a restart was asked for."""
    bridge.abandon("aborted")
    await bridge.ready()


async def test_a_restart_ends_the_questions_to_the_process_before() -> None:
    """What the new process does not know of the old one says nothing of its own journal."""
    kernel = NumberedKernel()
    async with talking_to(kernel, QUICK) as talk:
        talk.client.execute("say-a lose say-b keep say-c restart")
        await asyncio.sleep(0.3)  # what is missing was asked for, and the new process has heard it
        await gateway_loop().call(restarted(talk.bridge))
        await asyncio.sleep(QUICK.no_reply_after_s)
        assert talk.bridge.inbox.has_journal
        cell = await talk.run("say-a lose say-b keep say-c")
        assert (cell.text, cell.marks, cell.reply["status"]) == ("abc", "", "ok")


async def test_what_a_restart_overtakes_is_not_waited_for() -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        kernel.deaf = ALWAYS
        talk.client.execute("say-a lose say-b keep say-c say-d restart")
        await asyncio.sleep(0.3)
        await gateway_loop().call(restarted(talk.bridge))
        kernel.deaf = 0
        talk.client.execute("say-e")
        said = []
        while "e" not in said:
            message = await talk.client.get_iopub_msg(timeout=0.9)
            if message["msg_type"] == "stream":
                said.append(message["content"]["text"])
        assert said == ["a", "c", "d", "e"]


async def test_a_cell_that_ends_before_the_journal_answers_is_marked() -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel, replace(QUICK, replay_retries_s=(), replay_silence_s=0.5)) as talk:
        kernel.deaf = ALWAYS
        cell = await talk.run("say-a lose say-b keep say-c")
        assert (cell.text, cell.reply["status"]) == ("ac", "ok")
        assert INCOMPLETE in cell.marks
        kernel.deaf = 0


async def test_a_connection_on_which_the_kernel_does_not_hear_us_is_changed() -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel, QUICK) as talk:
        link = talk.bridge.link
        assert link is not None
        before = link.session_id
        kernel.deaf = 1
        cell = await talk.run("say-a lose say-b keep say-c")
        assert (cell.text, cell.marks, cell.reply["status"]) == ("abc", "", "ok")
        assert link.session_id != before
        # Once for each silence: a kernel may also be silent because it computes.
        kernel.deaf = ALWAYS
        talk.client.execute("say-a lose say-b keep say-c")
        await asyncio.sleep(sum(QUICK.replay_retries_s) * 2 + 2)
        assert kernel.connections == 3
        kernel.deaf = 0


async def test_what_is_held_back_is_given_when_the_kernel_is_gone() -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        kernel.deaf = ALWAYS
        talk.client.execute("say-a lose say-b keep say-c wait")
        await asyncio.sleep(0.3)
        kernel.gone = True
        kernel.cut()
        said: list[str] = []
        while "c" not in said:
            message = await talk.client.get_iopub_msg(timeout=2)
            if message["msg_type"] == "stream":
                said.append(message["content"]["text"])
        assert said == ["a", "c"]


async def test_what_is_lost_while_the_journal_answers_is_asked_for_in_turn() -> None:
    """As the reply to a request that was sent under another session."""
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        later, forward = asyncio.get_running_loop().call_later, kernel.wires["shell"]._forward
        kernel.wires["control"]._forward = lambda message: later(0.4, forward, message) and None
        kernel.wires["shell"]._forward = lambda message: (
            None if message.msg_type == "execute_reply" else forward(message)
        )
        cell = await talk.run("say-a cut say-b back pause say-c")
        assert (cell.text, cell.marks, cell.reply["status"]) == ("abc", "", "ok")


async def test_what_is_sent_later_than_its_number_says_is_missed_too() -> None:
    """As a thread's output, while another thread answers our question."""
    async with talking_to(NumberedKernel()) as talk:
        cell = await talk.run("say-a number-b cut back pause lose send keep say-c")
        assert (cell.text, cell.marks, cell.reply["status"]) == ("abc", "", "ok")


async def test_a_reply_that_an_earlier_question_came_too_soon_for_is_asked_for() -> None:
    """It is sent, and lost, after that question is answered, and before its answer arrives."""
    async with talking_to(NumberedKernel()) as talk:
        cell = await talk.run("say-a cut back pause slow lose say-b keep say-c pause unended")
        assert (cell.text, cell.error, cell.reply["status"]) == ("abc", "", "ok")


async def test_channels_take_no_port_that_jupyter_may_choose_for_a_local_kernel() -> None:
    async with talking_to(NumberedKernel()) as talk:
        found = [value for name, value in talk.bridge.connection_info.items() if name.endswith("_port")]
        assert len(found) == 5
        assert min(found) >= ports.FIRST_PORT


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


async def test_a_kernel_that_is_asked_again_who_it_is_keeps_its_journal() -> None:
    """A restarted kernel's `starting` may come late, when cells run already."""
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        talk.client.execute("wait")
        await asyncio.sleep(0.2)
        again = asyncio.ensure_future(gateway_loop().call(talk.bridge.ready()))
        await asyncio.sleep(0.2)  # its question waits in the kernel's queue, before the cell
        asyncio.get_running_loop().call_later(0.5, kernel.go.set)
        cell = await talk.run("pause say-a lose say-b keep say-c pause")
        assert (cell.text, cell.marks, cell.reply["status"]) == ("abc", "", "ok")
        await again
        assert talk.bridge.inbox.has_journal


async def test_a_question_to_the_user_waits_for_what_was_written_before_it() -> None:
    async with talking_to(NumberedKernel()) as talk:
        talk.client.execute("lose say-a keep ask-")
        await talk.client.get_stdin_msg(timeout=10)
        while (message := await talk.client.get_iopub_msg(timeout=10))["msg_type"] != "stream":
            pass
        assert message["content"]["text"] == "a"
        talk.client.input("answered")
