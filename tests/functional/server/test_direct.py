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


async def opened(jp_ws_fetch: Any, kernel_id: str, v1: bool = True) -> Any:
    protocols = [V1_PROTOCOL] if v1 else []
    params = {"session_id": uuid.uuid4().hex}
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


async def test_a_message_on_a_channel_that_takes_none_is_given_to_nobody(ours, local, jp_ws_fetch):
    ws = await opened(jp_ws_fetch, local)
    await ws.write_message(request(channel="hb")[1], binary=True)
    msg_id, frame = request()
    await ws.write_message(frame, binary=True)
    await until(lambda: ours.seen)
    assert ours.seen == [msg_id]
    ws.close()
