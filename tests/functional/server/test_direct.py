"""A browser's messages to one of our kernels in a real Jupyter server: past ZeroMQ where that may be, else over it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from jupyter_emr_connect.gateway.channels.zmq_channels import LocalChannels
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.protocol.framing import V1_PROTOCOL, Message, decode, encode
from jupyter_emr_connect.gateway.protocol.signing import MessageSigner
from tests.functional.server.recorded import until

KEY = b"key"
OUTPUT = Message("iopub", b'{"msg_type": "stream"}', b"{}", b"{}", b"{}")
REPLY = Message("shell", b'{"msg_type": "execute_reply"}', b"{}", b"{}", b"{}")


class Ours:
    """The channels of one of our kernels: notes what comes past ZeroMQ, and answers with an output and a reply."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.channels = LocalChannels(MessageSigner(KEY), KEY, "hmac-sha256", "127.0.0.1", self.take)

    def take(self, identities: list[bytes], message: Message) -> None:
        self.seen.append(message.msg_id)
        self.channels.in_process.offer(OUTPUT)
        self.channels.reply(REPLY, identities)


@pytest.fixture
def ours(local: str, jp_serverapp: Any) -> Iterator[Ours]:
    """The local kernel's provisioner says that it is one of ours."""

    async def made() -> Ours:
        return Ours()

    ours = gateway_loop().submit(made()).result(10)
    jp_serverapp.kernel_manager.get_kernel(local).provisioner.channels = ours.channels
    yield ours
    gateway_loop().loop.call_soon_threadsafe(ours.channels.close)


def request(channel: str = "shell", msg_type: str = "kernel_info_request") -> tuple[str, bytes | str]:
    msg_id = uuid.uuid4().hex
    header = {"msg_id": msg_id, "msg_type": msg_type, "session": "s", "username": "", "version": "5.3", "date": ""}
    return msg_id, encode(Message(channel, json.dumps(header).encode(), b"{}", b"{}", b"{}"), "v1")


async def opened(jp_ws_fetch: Any, kernel_id: str, v1: bool = True, session: str = "") -> Any:
    protocols = [V1_PROTOCOL] if v1 else []
    params = {"session_id": session or uuid.uuid4().hex}
    return await jp_ws_fetch("api", "kernels", kernel_id, "channels", params=params, subprotocols=protocols)


async def replied_by_zeromq(ws: Any, msg_id: str) -> str:
    """Wait for the reply of the kernel itself."""
    while True:
        frame = await asyncio.wait_for(ws.read_message(), 30)
        message = decode(frame, "v1" if isinstance(frame, bytes) else "legacy")
        if message.parent_id == msg_id and message.channel == "shell":
            return message.msg_type


async def test_a_message_and_its_reply_pass_without_zeromq(ours, local, jp_ws_fetch):
    ws = await opened(jp_ws_fetch, local)
    msg_id, frame = request()
    await ws.write_message(frame, binary=True)
    came = [decode(await asyncio.wait_for(ws.read_message(), 30), "v1") for _ in range(2)]
    assert ours.seen == [msg_id]
    assert [(one.channel, one.msg_type) for one in came] == [("iopub", "stream"), ("shell", "execute_reply")]
    ws.close()


async def test_a_server_that_allows_some_messages_alone_looks_at_each(ours, local, jp_serverapp, jp_ws_fetch):
    jp_serverapp.kernel_manager.allowed_message_types = ["kernel_info_request"]
    ws = await opened(jp_ws_fetch, local)
    await ws.write_message(request(msg_type="execute_request")[1], binary=True)
    msg_id, frame = request()
    await ws.write_message(frame, binary=True)
    assert await replied_by_zeromq(ws, msg_id) == "kernel_info_reply"
    assert ours.seen == []
    ws.close()


async def test_the_older_framing_goes_over_zeromq(ours, local, jp_ws_fetch):
    ws = await opened(jp_ws_fetch, local, v1=False)
    msg_id, frame = request()
    await ws.write_message(encode(decode(frame, "v1"), "legacy"))
    assert await replied_by_zeromq(ws, msg_id) == "kernel_info_reply"
    assert ours.seen == []
    ws.close()


async def test_a_byte_that_cannot_be_decoded_costs_no_message_in_the_older_framing(ours, local, jp_ws_fetch):
    ws = await opened(jp_ws_fetch, local, v1=False)
    header = b'{"msg_id": "k_1", "msg_type": "stream"}'
    message = Message("iopub", header, b"{}", b"{}", b'{"name": "stdout", "text": "a\x80b"}')
    gateway_loop().loop.call_soon_threadsafe(ours.channels.in_process.offer, message)
    while True:
        came = json.loads(await asyncio.wait_for(ws.read_message(), 30))
        if came["header"]["msg_id"] == "k_1":
            break
    assert came["content"]["text"] == "a\ufffdb"
    ws.close()


async def test_a_tab_that_is_away_may_have_so_much_waiting_and_is_told_of_the_rest(
    ours, local, jp_serverapp, jp_ws_fetch
):
    jp_serverapp.web_app.settings["emr_connect"].absent_tab_megabytes = 1
    offer = ours.channels.in_process.offer
    texts = [str(number) * 400_000 for number in range(4)]
    ws = await opened(jp_ws_fetch, local, session="tab")
    ws.close()
    await until(lambda: ours.channels.in_process._channels[0]._is_away)
    for text in texts:
        content = json.dumps({"name": "stdout", "text": text}).encode()
        gateway_loop().loop.call_soon_threadsafe(
            offer, Message("iopub", b'{"msg_type": "stream"}', b"{}", b"{}", content)
        )
    await asyncio.sleep(0.5)
    ws = await opened(jp_ws_fetch, local, session="tab")
    shown: list[str] = []
    while not shown or "missing" not in shown[-1]:
        message = decode(await asyncio.wait_for(ws.read_message(), 30), "v1")
        if message.msg_type == "stream":
            shown.append(json.loads(bytes(message.content))["text"])
    assert shown[:-1] == texts[:2]
    assert "2 messages" in shown[-1]
    assert "1 MB" in shown[-1]
    assert "EMRConnect.absent_tab_megabytes" in shown[-1]
    ws.close()


async def test_a_message_on_a_channel_that_takes_none_is_given_to_nobody(ours, local, jp_ws_fetch):
    ws = await opened(jp_ws_fetch, local)
    await ws.write_message(request(channel="hb")[1], binary=True)
    msg_id, frame = request()
    await ws.write_message(frame, binary=True)
    await until(lambda: ours.seen)
    assert ours.seen == [msg_id]
    ws.close()
