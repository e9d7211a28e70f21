"""Each kind of message passes through the bridge, both ways, in order and signed."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Iterator

import pytest
import zmq
from jupyter_client import AsyncKernelClient
from jupyter_client.session import Session
from traitlets.config import Config

from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to, execute, of_type, published, reply_to, running, texts, until

pytestmark = pytest.mark.sandbox


@pytest.fixture(autouse=True)
def attached(sandbox: Sandbox) -> Iterator[None]:
    with attached_to(sandbox, "open"):
        yield


async def test_results_streams_errors_and_rich_output_arrive() -> None:
    async with running() as (_, client):
        reply, outputs = await execute(client, "1 + 1")
        assert reply["content"]["status"] == "ok"
        assert of_type(outputs, "execute_result")[0]["content"]["data"]["text/plain"] == "2"

        _, outputs = await execute(client, "import sys; print('out ✓'); print('err', file=sys.stderr)")
        assert texts(outputs) == "out ✓\n"
        assert texts(outputs, "stderr") == "err\n"

        _, outputs = await execute(client, "from IPython.display import HTML, display; display(HTML('<b>x</b>'))")
        assert of_type(outputs, "display_data")[0]["content"]["data"]["text/html"] == "<b>x</b>"

        reply, outputs = await execute(client, "1/0")
        assert reply["content"]["ename"] == "ZeroDivisionError"
        assert of_type(outputs, "error")[0]["content"]["ename"] == "ZeroDivisionError"


async def test_a_display_is_updated_by_its_id() -> None:
    async with running() as (_, client):
        code = "h = display('one', display_id='d1'); h.update('two')"
        _, outputs = await execute(client, f"from IPython.display import display; {code}")
        shown, update = of_type(outputs, "display_data", "update_display_data")
        assert shown["content"]["transient"] == update["content"]["transient"] == {"display_id": "d1"}
        assert update["content"]["data"]["text/plain"] == "'two'"


async def test_input_asks_and_gets_its_answer() -> None:
    async with running() as (_, client):
        msg_id = client.execute("print('hello', input('name? '))", allow_stdin=True)
        question = await client.get_stdin_msg(timeout=60)
        assert question["content"]["prompt"] == "name? "
        client.input("Ann")
        assert "hello Ann" in texts(await published(client, msg_id))
        assert (await reply_to(client, msg_id))["content"]["status"] == "ok"


async def test_a_slider_makes_a_round_trip() -> None:
    async with running() as (_, client):
        code = (
            "import ipywidgets; s = ipywidgets.IntSlider(value=3); s.observe(lambda c: print('now', c.new), 'value'); s"
        )
        reply, outputs = await execute(client, code)
        if reply["content"].get("ename") == "ModuleNotFoundError":
            pytest.skip("the gateway's Python has no ipywidgets")
        model = of_type(outputs, "execute_result")[0]["content"]["data"]["application/vnd.jupyter.widget-view+json"]
        content = {
            "comm_id": model["model_id"],
            "data": {"method": "update", "state": {"value": 7}, "buffer_paths": []},
        }
        message = client.session.msg("comm_msg", content)
        client.shell_channel.send(message)
        assert texts(await published(client, message["header"]["msg_id"])) == "now 7\n"
        _, outputs = await execute(client, "s.value = 9")
        (update,) = (m for m in of_type(outputs, "comm_msg") if m["content"]["comm_id"] == model["model_id"])
        assert update["content"]["data"]["state"] == {"value": 9}


async def test_comms_carry_binary_buffers_both_ways() -> None:
    async with running() as (_, client):
        code = """
from comm import create_comm
c = create_comm(target_name="t", data={"n": 0}, buffers=[b"\\x00\\xff" * 10])
def back(msg):
    c.send({"sizes": [len(b) for b in msg["buffers"]]}, buffers=[bytes(b)[::-1] for b in msg["buffers"]])
c.on_msg(back)
"""
        _, outputs = await execute(client, code)
        (opened,) = of_type(outputs, "comm_open")
        assert [bytes(b) for b in opened["buffers"]] == [b"\x00\xff" * 10]
        message = client.session.msg("comm_msg", {"comm_id": opened["content"]["comm_id"], "data": {}})
        client.session.send(client.shell_channel.socket, message, buffers=[b"\x01\x02\x03", b""])
        (answer,) = of_type(await published(client, message["header"]["msg_id"]), "comm_msg")
        assert answer["content"]["data"] == {"sizes": [3, 0]}
        assert [bytes(b) for b in answer["buffers"]] == [b"\x03\x02\x01", b""]


async def test_completion_inspection_history_and_is_complete_answer() -> None:
    async with running() as (_, client):
        await execute(client, "answer_to_all = 42", store_history=True)
        complete = await reply_to(client, client.complete("answer_to_"))
        assert "answer_to_all" in complete["content"]["matches"]
        inspect = await reply_to(client, client.inspect("print"))
        assert inspect["content"]["found"]
        history = await reply_to(client, client.history(hist_access_type="tail", n=1))
        assert history["content"]["history"][-1][2] == "answer_to_all = 42"
        assert (await reply_to(client, client.is_complete("for i in x:")))["content"]["status"] == "incomplete"


async def test_the_debugger_answers_on_the_control_channel() -> None:
    async with running() as (_, client):
        message = client.session.msg("debug_request", {"type": "request", "seq": 1, "command": "debugInfo"})
        client.control_channel.send(message)
        reply = await reply_to(client, message["header"]["msg_id"], channel="control")
        assert reply["msg_type"] == "debug_reply"
        assert reply["content"]["body"]["isStarted"] is False
        asking = {"type": "request", "seq": 2, "command": "initialize", "arguments": {"adapterID": "", "clientID": "t"}}
        message = client.session.msg("debug_request", asking)
        client.control_channel.send(message)
        reply = await reply_to(client, message["header"]["msg_id"], channel="control")
        assert reply["content"]["success"]


async def test_order_is_kept_on_every_channel() -> None:
    async with running() as (_, client):
        asked = [client.execute(f"print({n}); {n}") for n in range(200)]
        replies, printed = [], []
        while len(replies) < len(asked):
            message = await client.get_shell_msg(timeout=60)
            if message["msg_type"] == "execute_reply":
                replies.append(message["parent_header"]["msg_id"])
        while len(printed) < len(asked):
            message = await client.get_iopub_msg(timeout=60)
            if message["msg_type"] == "execute_result":
                printed.append(int(message["content"]["data"]["text/plain"]))
        assert replies == asked
        assert printed == list(range(200))


async def test_a_message_of_50_mb_arrives() -> None:
    async with running() as (_, client):
        size = 50_000_000
        code = f"from IPython.display import display; display({{'text/plain': 'x' * {size}}}, raw=True)"
        _, outputs = await execute(client, code)
        assert of_type(outputs, "display_data")[0]["content"]["data"]["text/plain"] == "x" * size


async def test_a_message_of_9_mb_goes_out_and_a_larger_one_is_refused_with_the_reason() -> None:
    """A gateway as it comes takes 10 MiB (tornado's websocket_max_message_size)."""
    async with running() as (_, client):
        text = "x" * 9_000_000
        _, outputs = await execute(client, f"kept = 1; import hashlib; print(hashlib.sha256(b'{text}').hexdigest())")
        assert texts(outputs).strip() == hashlib.sha256(text.encode()).hexdigest()
        reply, outputs = await execute(client, f"len('{text * 3}')")
        assert reply["content"]["ename"] == "MessageTooLarge"
        assert "27 MB" in of_type(outputs, "error")[0]["content"]["evalue"]
        _, outputs = await execute(client, "print(kept)")
        assert texts(outputs) == "1\n"


async def test_a_slow_reader_loses_nothing() -> None:
    """60 MB in 600 messages: more than any queue of ours holds, less than the kernel's own (1,000 messages)."""
    async with running() as (_, client):
        msg_id = client.execute("for n in range(600): print(f'{n:05d}' * 20_000, flush=True)")
        await asyncio.sleep(3)
        lines = texts(await published(client, msg_id)).split()
        assert [int(line[:5]) for line in lines] == list(range(600))


async def test_a_client_that_never_reads_its_outputs_holds_the_others_up_only_for_a_while() -> None:
    async with running() as (manager, client):
        idle = manager.context.socket(zmq.SUB)
        try:
            idle.rcvhwm = 1
            idle.subscribe(b"")
            idle.connect(f"tcp://127.0.0.1:{manager.iopub_port}")
            await asyncio.sleep(0.3)
            msg_id = client.execute("for n in range(300): print(f'{n:05d}' * 20_000, flush=True)")
            lines = texts(await published(client, msg_id)).split()
            assert [int(line[:5]) for line in lines] == list(range(300))
            assert (await reply_to(client, msg_id, wait=5))["content"]["status"] == "ok"
        finally:
            idle.close(linger=0)


async def test_a_message_with_a_wrong_signature_is_dropped() -> None:
    async with running() as (manager, client):
        forger = Session(key=uuid.uuid4().hex.encode())
        socket = manager.connect_shell()
        try:
            forger.send(socket, "execute_request", {"code": "forged = 1", "silent": False})
            socket.send_multipart([b"<IDS|MSG>", b"", b"{}"])
            socket.send(b"garbage")
            _, outputs = await execute(client, "print('forged' in globals())")
            assert texts(outputs) == "False\n"
        finally:
            socket.close(linger=0)


async def test_every_message_is_signed_with_the_kernels_key() -> None:
    """The client checks it: with another key it reads nothing but errors."""
    async with running() as (manager, client):
        stranger = Session(key=b"another key")
        subscriber = manager.connect_iopub()
        try:
            await asyncio.sleep(0.2)
            await execute(client, "1")
            frames = await asyncio.wait_for(subscriber.recv_multipart(), 10)
            _, parts = stranger.feed_identities(frames)
            with pytest.raises(ValueError, match="Invalid Signature"):
                stranger.deserialize(parts)
        finally:
            subscriber.close(linger=0)


async def test_two_clients_get_their_own_replies_and_both_outputs() -> None:
    async with running() as (manager, one):
        two = AsyncKernelClient()
        two.load_connection_info(manager.get_connection_info())
        two.start_channels()
        try:
            await two.wait_for_ready(timeout=60)
            first = one.execute("print('first')")
            second = two.execute("print('second')")
            assert (await reply_to(one, first))["parent_header"]["msg_id"] == first
            assert (await reply_to(two, second))["parent_header"]["msg_id"] == second
            assert texts(await published(two, first)) == "first\n"
            assert texts(await published(one, second)) == "second\n"
        finally:
            two.stop_channels()


async def test_a_new_subscriber_is_welcomed_and_the_heart_beats() -> None:
    async with running() as (manager, _):
        subscriber = manager.connect_iopub()
        heart = manager.context.socket(zmq.REQ)
        try:
            heart.connect(f"tcp://127.0.0.1:{manager.hb_port}")
            _, parts = manager.session.feed_identities(await asyncio.wait_for(subscriber.recv_multipart(), 10))
            assert manager.session.deserialize(parts)["msg_type"] == "iopub_welcome"
            await heart.send(b"beat")
            assert await asyncio.wait_for(heart.recv(), 10) == b"beat"
        finally:
            subscriber.close(linger=0)
            heart.close(linger=0)


async def test_an_interrupt_stops_the_running_cell() -> None:
    async with running() as (manager, client):
        msg_id = client.execute("import time; print('on', flush=True); time.sleep(120)")
        await until_printed(client, "on")
        await manager.interrupt_kernel()
        assert (await reply_to(client, msg_id, wait=60))["content"]["ename"] == "KeyboardInterrupt"


async def until_printed(client: AsyncKernelClient, text: str) -> None:
    seen: list[str] = []

    async def look() -> bool:
        message = await client.get_iopub_msg(timeout=60)
        seen.append(message["content"].get("text", ""))
        return text in "".join(seen)

    await until(look)


async def test_the_older_framing_carries_the_same() -> None:
    legacy = Config({"EMRProvisioner": {"offer_v1": False}})
    async with running(config=legacy) as (_, client):
        code = """
from comm import create_comm
print("text ✓")
c = create_comm(target_name="t", data={"n": 1.5, "s": "é\\u2028"}, buffers=[b"\\x00\\xff" * 10])
c.on_msg(lambda msg: c.send({"sizes": [len(b) for b in msg["buffers"]]}))
"""
        _, outputs = await execute(client, code)
        assert texts(outputs) == "text ✓\n"
        (opened,) = of_type(outputs, "comm_open")
        assert opened["content"]["data"] == {"n": 1.5, "s": "é\u2028"}
        assert [bytes(b) for b in opened["buffers"]] == [b"\x00\xff" * 10]
        message = client.session.msg("comm_msg", {"comm_id": opened["content"]["comm_id"], "data": {}})
        client.session.send(client.shell_channel.socket, message, buffers=[b"\x01\x02\x03", b""])
        (answer,) = of_type(await published(client, message["header"]["msg_id"]), "comm_msg")
        assert answer["content"]["data"] == {"sizes": [3, 0]}
        msg_id = client.execute("print(input())", allow_stdin=True)
        await client.get_stdin_msg(timeout=60)
        client.input("typed")
        assert texts(await published(client, msg_id)) == "typed\n"
