"""What a client of this process sends to a kernel past ZeroMQ: in its order, held while none is read, to the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from jupyter_emr_connect.gateway.channels.zmq_channels import LocalChannels
from jupyter_emr_connect.gateway.channels.zmq_port import FIRST_PORT
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.protocol.framing import BadFrame, Message
from jupyter_emr_connect.gateway.protocol.signing import MessageSigner

KEY = b"key"


class Kernel:
    """Local channels whose messages are noted; those of the type ``bad`` are none."""

    def __init__(self) -> None:
        self.seen: list[tuple[list[bytes], str]] = []
        self.channels = LocalChannels(MessageSigner(KEY), KEY, "hmac-sha256", "127.0.0.1", self.take)

    def take(self, identities: list[bytes], message: Message) -> None:
        if message.msg_type == "bad":
            raise BadFrame
        self.seen.append((identities, message.msg_id))

    @property
    def ids(self) -> list[str]:
        return [msg_id for _, msg_id in self.seen]


def request(number: int, msg_type: str = "execute_request") -> Message:
    header = json.dumps({"msg_id": str(number), "msg_type": msg_type}).encode()
    return Message("shell", header, b"{}", b"{}", b"{}")


async def done(what: object = None, *words: object) -> None:
    """Let the gateway loop do this and all that it was asked before."""

    async def do() -> None:
        if callable(what):
            what(*words)
        await asyncio.sleep(0)

    await gateway_loop().call(do())


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    async def made() -> Kernel:
        return Kernel()

    kernel = gateway_loop().submit(made()).result(10)
    yield kernel
    gateway_loop().loop.call_soon_threadsafe(kernel.channels.close)


async def test_messages_come_in_the_order_and_under_the_name_of_their_sender(kernel: Kernel) -> None:
    for number in range(100):
        kernel.channels.ask(b"mine", request(number))
    await done()
    assert kernel.ids == [str(number) for number in range(100)]
    assert {tuple(identities) for identities, _ in kernel.seen} == {(b"mine",)}


async def test_while_nothing_is_read_they_wait_in_order(kernel: Kernel) -> None:
    kernel.channels.ask(b"mine", request(0))
    await done(kernel.channels.pause, True)
    for number in (1, 2, 3):
        kernel.channels.ask(b"mine", request(number))
    await done()
    assert kernel.ids == ["0"]
    await done(kernel.channels.pause, False)
    kernel.channels.ask(b"mine", request(4))
    await done()
    assert kernel.ids == ["0", "1", "2", "3", "4"]


async def test_what_is_no_message_stops_none_that_follows(kernel: Kernel) -> None:
    await done(kernel.channels.pause, True)
    for message in (request(0, "bad"), request(1)):
        kernel.channels.ask(b"mine", message)
    kernel.channels.ask(b"mine", Message("shell", b"[]", b"{}", b"{}", b"{}"))
    kernel.channels.ask(b"mine", request(2))
    await done(kernel.channels.pause, False)
    assert kernel.ids == ["1", "2"]
    assert kernel.channels.dropped == 2


async def test_nothing_is_taken_after_the_end(kernel: Kernel) -> None:
    await done(kernel.channels.close)
    kernel.channels.ask(b"mine", request(0))
    await done()
    assert kernel.ids == []


async def test_channels_take_no_port_that_jupyter_may_choose_for_a_local_kernel(kernel: Kernel) -> None:
    ports = [port for name, port in kernel.channels.connection_info.items() if name.endswith("_port")]
    assert len(ports) == 5
    assert min(ports) >= FIRST_PORT
