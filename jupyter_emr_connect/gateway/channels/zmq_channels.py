"""The five ZeroMQ channels on which local clients find a gateway kernel, as if it ran here."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

import zmq

from ...http.deadlines import within
from ..event_loop import gateway_loop
from ..protocol.framing import BadFrame, Message, Part
from ..protocol.signing import EMPTY, MessageSigner
from .flood import FloodDetector
from .in_process import InProcessChannels
from .zmq_port import ZmqPort

IOPUB_HIGH_WATER = 64  # messages
STALL_S = 20.0  # for which a subscriber may read nothing at all before it loses messages; JEG hangs up after 90
RETRY_EVERY_S = 0.25
ROUTED = ("shell", "control", "stdin")


class LocalChannels:
    """Sockets bound on loopback. ``on_message(identities, message)`` is called with what clients send.

    Lives on the gateway loop. ``dropped`` counts what was no message. ``connection_info`` is what a connection file
    says. ``in_process`` are the receivers of this process, which need no socket; nor do its senders (:meth:`ask`).
    """

    def __init__(
        self,
        signer: MessageSigner,
        key: bytes,
        scheme: str,
        ip: str,
        on_message: Callable[[list[bytes], Message], None],
    ) -> None:
        self.dropped = 0
        self.in_process = InProcessChannels()
        self._flood = FloodDetector()
        self._signer = signer
        self._on_message = on_message
        self._stalled = self._paused = self._closed = False
        self._queued: deque[tuple[bytes, Message]] = deque()
        self._ports: dict[str, ZmqPort] = {}
        context = gateway_loop().zmq
        for channel in ROUTED:
            self._ports[channel] = ZmqPort(context, zmq.ROUTER, ip, self._receiver(channel))
        self._ports["iopub"] = ZmqPort(context, zmq.XPUB, ip, self._subscribed, high_water=IOPUB_HIGH_WATER)
        self._ports["hb"] = ZmqPort(context, zmq.ROUTER, ip, self._beat)
        self.connection_info: dict[str, Any] = {
            "transport": "tcp",
            "ip": ip,
            "key": key,
            "signature_scheme": scheme,
            **{f"{channel}_port": port.port for channel, port in self._ports.items()},
        }

    def close(self) -> None:
        """Close the sockets; messages already sent still reach their receivers."""
        self._closed = True
        self._flood.end()
        for port in self._ports.values():
            port.close()

    def pause(self, paused: bool) -> None:
        """Stop or resume reading what clients send; called by the connection when it has too much to send."""
        self._paused = paused
        for channel in ROUTED:
            self._ports[channel].pause(paused)
        self._handle_queued()

    def ask(self, identity: bytes, message: Message) -> None:
        """Handle a message of a client of this process, ``identity`` its ZeroMQ name; called from any thread."""
        gateway_loop().loop.call_soon_threadsafe(self._queue, identity, message)

    def _queue(self, identity: bytes, message: Message) -> None:
        self._queued.append((identity, message))
        self._handle_queued()

    def _handle_queued(self) -> None:
        while self._queued and not self._paused and not self._closed:
            identity, message = self._queued.popleft()
            self._handle([identity], message)

    def _handle(self, identities: list[bytes], message: Message) -> None:
        gateway_loop().selector.asked()
        try:
            self._on_message(identities, message)
        except BadFrame:
            self.dropped += 1

    def reply(self, message: Message, identities: list[bytes]) -> None:
        """Give a reply to the client that asked."""
        if self.in_process.answer(message, identities):
            return
        self._ports[message.channel].send(self._signer.pack(message, identities))

    async def publish(self, message: Message) -> None:
        """Give a message to every subscriber, and wait for one that is slow: nothing is dropped for speed."""
        self._flood.note(message)
        self.in_process.offer(message)
        await self._publish_by_zeromq(message)
        await self.in_process.room()

    async def _publish_by_zeromq(self, message: Message) -> None:
        topic, port = _topic(message), self._ports["iopub"]
        if not port.wanted(topic):
            return
        frames = self._signer.pack(message, (topic,))
        if not port.send(frames) and not await self._sent_in_time(port, frames):
            # Until it reads again, the one that does not loses its messages, and the others wait no more.
            self._stalled = True
            port.send_lossy(frames)
            return
        self._stalled = False

    async def _sent_in_time(self, port: ZmqPort, frames: list[Part]) -> bool:
        loop = asyncio.get_running_loop()
        end = loop.time() + (0 if self._stalled else STALL_S)
        while loop.time() < end:
            with contextlib.suppress(asyncio.TimeoutError):
                await within(RETRY_EVERY_S, port.room())
            if port.send(frames):
                return True
        return False

    def tell(self, msg_type: str, content: dict[str, Any], parent: Part = EMPTY) -> Message:
        """Publish a message of this package's own and return it; it is lost where a subscriber does not read."""
        message = self._signer.make("iopub", msg_type, content, parent)
        self.in_process.offer(message)
        self._ports["iopub"].send(self._signer.pack(message, (_topic(message),)))
        return message

    def _receiver(self, channel: str) -> Callable[[list[bytes]], None]:
        def receive(frames: list[bytes]) -> None:
            try:
                identities, message = self._signer.unpack(frames, channel)
            except BadFrame:
                self.dropped += 1
            else:
                self._handle(identities, message)

        return receive

    def _subscribed(self, frames: list[bytes]) -> None:
        """Greet a new subscriber (JEP 65), so that a client knows at once that it misses nothing from here on."""
        event = frames[0]
        if event[:1] == b"\x01":
            welcome = self._signer.make(
                "iopub", "iopub_welcome", {"subscription": event[1:].decode("utf-8", "replace")}
            )
            self._ports["iopub"].send(self._signer.pack(welcome, (event[1:],) if event[1:] else ()))

    def _beat(self, frames: list[bytes]) -> None:
        self._ports["hb"].send(frames)


def _topic(message: Message) -> bytes:
    """Return the topic much as ipykernel names it."""
    msg_type = message.msg_type
    if msg_type == "stream":
        return b"stream.stderr" if b'"stderr"' in bytes(message.content[:24]) else b"stream.stdout"
    return f"kernel.{msg_type}".encode()
