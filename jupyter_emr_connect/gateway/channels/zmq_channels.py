"""The five ZeroMQ channels on which local clients find a gateway kernel, as if it ran here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import zmq

from ..event_loop import gateway_loop
from ..protocol.framing import REQUEST_CHANNELS, BadFrame, Message, Part
from ..protocol.signing import EMPTY, MessageSigner
from .flood import FloodDetector
from .heartbeat import Heartbeat
from .in_process import InProcessChannels
from .iopub import STALL_S, IopubPort
from .zmq_port import ZmqPort


class LocalChannels:
    """Sockets bound on loopback. ``on_message(identities, message)`` is called with what clients send.

    Lives on the gateway loop. ``dropped`` counts what was no message. ``connection_info`` is what a connection file
    says. ``in_process`` are the receivers of this process, which need no socket; nor do its senders (:meth:`ask`).
    ``ports`` are those to bind, by channel (``hb`` for the heartbeat); any that is free where none is named.
    ``stall_s``: for so many seconds a subscriber that reads nothing is waited for.
    """

    def __init__(
        self,
        signer: MessageSigner,
        key: bytes,
        scheme: str,
        ip: str,
        on_message: Callable[[list[bytes], Message], None],
        *,
        ports: Mapping[str, int] = MappingProxyType({}),
        stall_s: float = STALL_S,
    ) -> None:
        self.dropped = 0
        self.in_process = InProcessChannels()
        self._flood = FloodDetector()
        self._signer = signer
        self._on_message = on_message
        self._paused = self._closed = False
        self._queued: deque[tuple[bytes, Message]] = deque()
        self._ports: dict[str, ZmqPort] = {}
        context = gateway_loop().zmq
        for channel in REQUEST_CHANNELS:
            receive, port = self._receiver(channel), ports.get(channel, 0)
            self._ports[channel] = ZmqPort(context, zmq.ROUTER, ip, receive, port=port)
        port = ports.get("iopub", 0)
        self.iopub = self._ports["iopub"] = IopubPort(context, ip, self._welcome, port=port, stall_s=stall_s)
        self._heartbeat: Heartbeat | ZmqPort
        if hb := ports.get("hb"):  # of a kernel that is a process: one thread for it alone
            self._heartbeat = Heartbeat(ip, hb)
        else:
            self._heartbeat = ZmqPort(context, zmq.ROUTER, ip, self._beat)
        self.connection_info: dict[str, Any] = {
            "transport": "tcp",
            "ip": ip,
            "key": key,
            "signature_scheme": scheme,
            **{f"{channel}_port": port.port for channel, port in self._ports.items()},
            "hb_port": self._heartbeat.port,
        }

    def close(self) -> None:
        """Close the sockets; messages already sent still reach their receivers, which then go on without us."""
        self._closed = True
        self._flood.end()
        for port in self._ports.values():
            port.close()
        self._heartbeat.close()
        self.in_process.end()

    def pause(self, paused: bool) -> None:
        """Stop or resume reading what clients send; called by the connection when it has too much to send."""
        self._paused = paused
        for channel in REQUEST_CHANNELS:
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
        """Give a message to every subscriber, and wait for those that are slow: nothing is dropped for speed."""
        self._flood.note(message)
        self.in_process.offer(message)
        topic = _topic(message)
        if self.iopub.wanted(topic):
            await self.iopub.publish(topic, self._signer.pack(message, ()))
        await self.in_process.room()

    def tell(self, msg_type: str, content: dict[str, Any], parent: Part = EMPTY) -> Message:
        """Publish a message of this package's own and return it; it is lost where a subscriber does not read."""
        message = self._signer.make("iopub", msg_type, content, parent)
        self.in_process.offer(message)
        self.iopub.tell(_topic(message), self._signer.pack(message, ()))
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

    def _welcome(self, topic: bytes) -> Sequence[Part]:
        """Greet a new subscriber (JEP 65), so that a client knows at once that it misses nothing from here on."""
        content = {"subscription": topic.decode("utf-8", "replace")}
        return self._signer.pack(self._signer.make("iopub", "iopub_welcome", content), ())

    def _beat(self, frames: list[bytes]) -> None:
        if isinstance(self._heartbeat, ZmqPort):
            self._heartbeat.send(frames)


def _topic(message: Message) -> bytes:
    """Return the topic much as ipykernel names it."""
    msg_type = message.msg_type
    if msg_type == "stream":
        return b"stream.stderr" if b'"stderr"' in bytes(message.content[:24]) else b"stream.stdout"
    return f"kernel.{msg_type}".encode()
