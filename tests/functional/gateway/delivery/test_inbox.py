"""Each message once and in order, or marked as lost, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from jupyter_emr_connect.gateway.channels.bridge import Bridge
from jupyter_emr_connect.gateway.delivery.timings import DeliveryTimings
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from tests.functional.gateway.numbered_kernel import NumberedKernel
from tests.functional.gateway.talk import talking_to

pytestmark = pytest.mark.slow

SAID = "say-a say-b say-c"
INCOMPLETE = "may be incomplete"
ALWAYS = 1000
QUICK = DeliveryTimings(
    no_reply_after_s=0.3, gap_lost_s=0.5, replay_retries_s=(0.3, 0.5), straggler_s=0.3, end_lag_s=0.5
)
# For what shall not be waited for at all: whoever waits is seen, however slow the machine.
PATIENT = DeliveryTimings(
    no_reply_after_s=60, gap_lost_s=60, replay_retries_s=(60, 60), replay_silence_s=60, replay_total_s=120
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
        assert (cell.text, cell.marks) == ("acb" + 50 * "d", "")


async def test_what_is_numbered_before_another_and_published_after_it_stays_after_it() -> None:
    async with talking_to(NumberedKernel()) as talk:
        cell = await talk.run("say-a number-b say-c send say-d")
        assert (cell.text, cell.marks, cell.reply["status"]) == ("acbd", "", "ok")


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
    async with talking_to(kernel, PATIENT) as talk:
        kernel.deaf = ALWAYS
        talk.client.execute("say-a lose say-b keep say-c say-d restart")
        await asyncio.sleep(0.3)
        await gateway_loop().call(restarted(talk.bridge))
        kernel.deaf = 0
        talk.client.execute("say-e")
        said = []
        while "e" not in said:
            message = await talk.client.get_iopub_msg(timeout=30)
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
    async with talking_to(kernel, PATIENT) as talk:
        kernel.deaf = ALWAYS
        talk.client.execute("say-a lose say-b keep say-c wait")
        await asyncio.sleep(0.3)
        kernel.gone = True
        kernel.cut()
        said: list[str] = []
        while "c" not in said:
            message = await talk.client.get_iopub_msg(timeout=30)
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
