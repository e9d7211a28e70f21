"""A kernel's local channels: what clients send comes in order and to the end, and no subscriber takes from another."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq

from jupyter_emr_connect.gateway.channels.zmq_channels import LocalChannels
from jupyter_emr_connect.gateway.channels.zmq_port import FIRST_PORT
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.protocol.framing import BadFrame, Message
from jupyter_emr_connect.gateway.protocol.signing import MessageSigner
from tests.free_ports import free_port

KEY = b"key"


class Kernel:
    """Local channels whose messages are noted; those of the type ``bad`` are none."""

    def __init__(self) -> None:
        self.seen: list[tuple[list[bytes], str]] = []
        self.channels = LocalChannels(MessageSigner(KEY), KEY, "hmac-sha256", "127.0.0.1", self.take, stall_s=2)

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


# -- subscribers -------------------------------------------------------------------------------------------------


class Subscribed:
    """A client of iopub in this thread, whose socket keeps but a few messages until they are read."""

    def __init__(self, kernel: Kernel, *topics: bytes) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.SUB)
        self.socket.rcvhwm = 2
        for topic in topics or (b"",):
            self.socket.setsockopt(zmq.SUBSCRIBE, topic)
        self.socket.connect(f"tcp://127.0.0.1:{kernel.channels.connection_info['iopub_port']}")

    def read(self, timeout_s: float = 20.0) -> str:
        """Return the next message's number, or its type where it has none; empty when none comes."""
        if not self.socket.poll(timeout_s * 1000):
            return ""
        frames = self.socket.recv_multipart()
        header = json.loads(frames[frames.index(b"<IDS|MSG>") + 2])
        return str(header["msg_type"] if header["msg_type"] != "stream" else header["msg_id"])

    async def greeted(self) -> Subscribed:
        """Wait until the kernel has greeted it."""
        assert await asyncio.to_thread(self.read) == "iopub_welcome"
        return self

    def close(self) -> None:
        self._context.destroy(linger=0)


@pytest.fixture
def subscribers(kernel: Kernel) -> Iterator[Callable[..., Subscribed]]:
    made: list[Subscribed] = []

    def make(*topics: bytes) -> Subscribed:
        made.append(Subscribed(kernel, *topics))
        return made[-1]

    yield make
    for one in made:
        one.close()


def output(number: int, size: int) -> Message:
    header = json.dumps({"msg_id": str(number), "msg_type": "stream"}).encode()
    return Message("iopub", header, b"{}", b"{}", b'{"name": "stdout"}', [bytes(size)])


@pytest.mark.slow
async def test_one_that_does_not_read_takes_nothing_from_those_that_do(kernel: Kernel, subscribers: Any) -> None:
    """Not of a flood that is larger than what is kept for a subscriber, and no end of a cell that we say ourselves."""
    silent, slow = subscribers(), subscribers()
    await silent.greeted()
    await slow.greeted()

    async def publish(numbers: range) -> None:
        for number in numbers:
            await kernel.channels.publish(output(number, 400_000))

    async def read_slowly(count: int) -> list[str]:
        got = []
        for _ in range(count):
            got.append(await asyncio.to_thread(slow.read))
            await asyncio.sleep(0.002)
        return got

    flood = asyncio.ensure_future(gateway_loop().call(publish(range(200))))
    assert await read_slowly(200) == [str(number) for number in range(200)]
    await flood
    again = asyncio.ensure_future(gateway_loop().call(publish(range(200, 400))))  # and nobody waits for the silent one
    assert await read_slowly(200) == [str(number) for number in range(200, 400)]
    await again
    for msg_type in ("error", "status"):
        await done(kernel.channels.tell, msg_type, {})
    assert [await asyncio.to_thread(slow.read) for _ in range(2)] == ["error", "status"]
    new = await subscribers().greeted()
    await done(kernel.channels.tell, "status", {})
    assert await asyncio.to_thread(new.read) == "status"

    number = 0
    while await asyncio.to_thread(silent.read, 0.5):
        number += 1
    assert 0 < number < 400
    await gateway_loop().call(publish(range(400, 401)))
    assert await asyncio.to_thread(silent.read) == "400"


async def test_a_subscriber_gets_what_it_asked_for_once(kernel: Kernel, subscribers: Any) -> None:
    some = subscribers(b"stream", b"stream.stdout", b"kernel.error")
    for _ in range(3):
        await some.greeted()
    for msg_type in ("status", "error"):
        await done(kernel.channels.tell, msg_type, {})
    await gateway_loop().call(kernel.channels.publish(output(7, 10)))
    assert [await asyncio.to_thread(some.read) for _ in range(2)] == ["error", "7"]
    assert await asyncio.to_thread(some.read, 0.2) == ""
    some.socket.setsockopt(zmq.UNSUBSCRIBE, b"kernel.error")
    some.socket.setsockopt(zmq.SUBSCRIBE, b"kernel.status")
    await some.greeted()
    for msg_type in ("error", "status"):
        await done(kernel.channels.tell, msg_type, {})
    assert await asyncio.to_thread(some.read) == "status"


async def test_those_who_have_left_are_forgotten(kernel: Kernel, subscribers: Any) -> None:
    port = kernel.channels.iopub
    stays = await subscribers().greeted()
    for _ in range(3):
        (await subscribers().greeted()).close()
        await asyncio.sleep(0.1)
    for _ in range(100):
        if len(port.subscribers) == 1:
            break
        await asyncio.sleep(0.1)
    assert len(port.subscribers) == 1
    await done(kernel.channels.tell, "status", {})
    assert await asyncio.to_thread(stays.read) == "status"
    stays.close()
    for _ in range(100):
        if not port.wanted(b"kernel.status"):
            break
        await asyncio.sleep(0.1)
    assert not port.wanted(b"kernel.status")


async def test_a_message_whose_handling_fails_stops_none_that_follows(caplog: pytest.LogCaptureFixture) -> None:
    """Of several that lie in the socket: it tells of the rest only while it is read to its end."""
    seen: list[str] = []

    def take(identities: list[bytes], message: Message) -> None:
        if message.msg_id == "1":
            text = "a slip at a client's message"
            raise RuntimeError(text)
        seen.append(message.msg_id)

    async def made() -> LocalChannels:
        return LocalChannels(MessageSigner(KEY), KEY, "hmac-sha256", "127.0.0.1", take)

    channels = await gateway_loop().call(made())
    await done(channels.pause, True)
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.connect(f"tcp://127.0.0.1:{channels.connection_info['shell_port']}")
    for number in range(3):
        socket.send_multipart(MessageSigner(KEY).pack(request(number), ()))
    await asyncio.sleep(0.3)
    await done(channels.pause, False)
    for _ in range(100):
        if len(seen) == 2:
            break
        await asyncio.sleep(0.05)
    assert seen == ["0", "2"]
    assert "a slip at a client's message" in caplog.text
    context.destroy(linger=0)
    await done(channels.close)


def test_the_heartbeat_of_a_process_answers_while_python_is_busy() -> None:
    port, blocked, asked = free_port(), threading.Event(), threading.Event()

    async def made() -> LocalChannels:
        signer = MessageSigner(KEY)
        return LocalChannels(signer, KEY, "hmac-sha256", "127.0.0.1", lambda *_: None, ports={"hb": port})

    def block() -> None:
        blocked.set()
        asked.wait(60)

    channels = gateway_loop().submit(made()).result(10)
    assert channels.connection_info["hb_port"] == port
    with zmq.Context() as context, context.socket(zmq.REQ) as client:
        client.linger = 0
        client.connect(f"tcp://127.0.0.1:{port}")
        gateway_loop().loop.call_soon_threadsafe(block)
        assert blocked.wait(10)
        for _ in range(3):
            client.send(b"ping")
            assert client.poll(20_000)
            assert client.recv() == b"ping"
        asked.set()

    async def close() -> None:
        channels.close()

    gateway_loop().submit(close()).result(10)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
