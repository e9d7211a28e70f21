"""Between a gateway kernel's WebSocket and the five ZeroMQ channels of an ordinary local kernel.

Local clients sign and address their messages; the gateway does neither. So each request's sender is remembered by the
request's id until its reply comes back. Contents pass as bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import zmq

from .client import GatewayClient
from .deadline import within
from .framing import BadFrame, Message, Part
from .loop import gateway_loop
from .ports import Port
from .socket import KernelSocket, LinkState
from .wire import Wire

PENDING = 10_000
IOPUB_HIGH_WATER = 64
STALL = 20.0  # seconds a subscriber may read nothing at all before it loses messages; JEG hangs up after 90
SHUTDOWN = b'"shutdown_request"'
ASK_EVERY = 2.0
PUBLISHES_WITHIN = 0.1  # seconds after a reply; else its outputs were published before the gateway subscribed to them
RETRY_EVERY = 0.25
ROUTED = ("shell", "control", "stdin")


@dataclass
class Request:
    """A request on its way: who sent it, on which channel, and the header that its replies name as parent."""

    channel: str
    identities: list[bytes]
    header: Part
    msg_type: str


class Bridge:
    """Five sockets bound on loopback and what passes through them. Lives on the gateway loop.

    ``on_shutdown(restart)`` is awaited when a client asks the kernel to shut down; the request itself is answered here
    and not passed on. ``on_state`` is told of the connection's states, ``on_status`` of the kernel's.
    """

    def __init__(
        self,
        *,
        key: bytes,
        scheme: str = "hmac-sha256",
        ip: str = "127.0.0.1",
        on_shutdown: Callable[[bool], Coroutine[Any, Any, None]],
        on_state: Callable[[LinkState, str], None],
        on_status: Callable[[str], None],
    ) -> None:
        self.kernel_id = ""
        self.link: KernelSocket | None = None
        self.wire = Wire(key, scheme)
        self.dropped = 0
        self._own = self.wire.session.encode()
        self._pending: OrderedDict[str, Request] = OrderedDict()
        self._on_shutdown = on_shutdown
        self._on_state = on_state
        self._on_status = on_status
        self._replied = asyncio.Event()
        self._published = asyncio.Event()
        self._stalled = False
        self._ports: dict[str, Port] = {}
        context = gateway_loop().zmq
        for channel in ROUTED:
            self._ports[channel] = Port(context, zmq.ROUTER, ip, self._receiver(channel))
        self._ports["iopub"] = Port(context, zmq.XPUB, ip, self._subscribed, high_water=IOPUB_HIGH_WATER)
        self._ports["hb"] = Port(context, zmq.ROUTER, ip, self._beat)
        self.connection_info: dict[str, Any] = {
            "transport": "tcp",
            "ip": ip,
            "key": key,
            "signature_scheme": scheme,
            **{f"{channel}_port": port.port for channel, port in self._ports.items()},
        }

    async def connect(
        self,
        client: GatewayClient,
        kernel_id: str,
        *,
        offer_v1: bool = True,
        session_id: str | None = None,
        resume: bool = False,
    ) -> None:
        """Open the WebSocket of a kernel in place of the one before; local clients notice nothing.

        With the ``session_id`` of an earlier process, and ``resume``, it takes up a kernel that runs already.
        """
        if self.link is not None:
            await self.link.close()
        self.kernel_id = kernel_id
        self.link = KernelSocket(
            client,
            kernel_id,
            on_message=self._from_gateway,
            on_state=self._on_state,
            on_full=self.hold,
            on_too_large=self._refused,
            offer_v1=offer_v1,
            session_id=session_id,
        )
        await self.link.open()

    async def ready(self) -> None:
        """Ask for the kernel's info until both its reply and its status come (the caller sets the deadline).

        The reply alone says too little: the gateway reaches a restarted kernel's outputs over a connection of their
        own, which may come later, and until then all that the kernel publishes is lost.
        """
        self._replied.clear()
        self._published.clear()
        while not (self._replied.is_set() and self._published.is_set()):
            self._send(self.wire.make("shell", "kernel_info_request", {}))
            with contextlib.suppress(asyncio.TimeoutError):
                await within(ASK_EVERY, self._replied.wait())
                await within(PUBLISHES_WITHIN, self._published.wait())

    async def close(self) -> None:
        """Close the WebSocket and the local sockets; messages already sent still reach their receivers."""
        if self.link is not None:
            await self.link.close()
        for port in self._ports.values():
            port.close()

    def _send(self, message: Message) -> None:
        """Pass a message to the gateway; without a kernel there is nobody to pass it to."""
        if self.link is not None:
            self.link.send(message)

    def _receiver(self, channel: str) -> Callable[[list[bytes]], None]:
        def receive(frames: list[bytes]) -> None:
            try:
                identities, message = self.wire.unpack(frames, channel)
                self._from_client(identities, message)
            except BadFrame:
                self.dropped += 1

        return receive

    def _from_client(self, identities: list[bytes], message: Message) -> None:
        if message.channel == "control" and SHUTDOWN in bytes(message.header):
            self._shut_down(identities, message)
            return
        if message.msg_type.endswith("_request"):
            self._pending[message.msg_id] = Request(message.channel, identities, message.header, message.msg_type)
            if len(self._pending) > PENDING:
                self._pending.popitem(last=False)
        self._send(message)

    async def _from_gateway(self, message: Message) -> None:
        if message.channel == "iopub":
            if self._own in bytes(message.parent_header):
                self._published.set()
            else:
                await self._publish(message)
            return
        parent = str(message.parent.get("msg_id", ""))
        if parent.startswith(self.wire.session):
            self._replied.set()
            return
        request = self._pending.get(parent)
        if request is None:
            return
        if message.channel == request.channel:
            del self._pending[parent]
        self._ports[message.channel].send(self.wire.pack(message, request.identities))

    async def _publish(self, message: Message) -> None:
        """Give a message to every subscriber, and wait for one that is slow: nothing is dropped for speed."""
        msg_type = message.msg_type
        if msg_type == "status" and self._see_status(message) == "dead":
            return  # a restart may follow; front ends give a kernel up at this word
        frames = self.wire.pack(message, (self._topic(msg_type, message.content),))
        port = self._ports["iopub"]
        if not port.send(frames) and not await self._sent_in_time(port, frames):
            # Until it reads again, the one that does not loses its messages, and the others wait no more.
            self._stalled = True
            port.send_lossy(frames)
            return
        self._stalled = False

    async def _sent_in_time(self, port: Port, frames: list[Part]) -> bool:
        loop = asyncio.get_running_loop()
        end = loop.time() + (0 if self._stalled else STALL)
        while loop.time() < end:
            with contextlib.suppress(asyncio.TimeoutError):
                await within(RETRY_EVERY, port.room())
            if port.send(frames):
                return True
        return False

    def _topic(self, msg_type: str, content: Part) -> bytes:
        """Return the topic as ipykernel names it."""
        if msg_type == "stream":
            return b"stream.stderr" if b'"stderr"' in bytes(content[:24]) else b"stream.stdout"
        return f"kernel.{self.kernel_id}.{msg_type}".encode()

    def _see_status(self, message: Message) -> str:
        try:
            state = str(json.loads(bytes(message.content)).get("execution_state"))
        except (ValueError, AttributeError):
            return ""
        if state in ("restarting", "dead", "starting"):
            self._on_status(state)
        return state

    def _subscribed(self, frames: list[bytes]) -> None:
        """Greet a new subscriber (JEP 65), so that a client knows at once that it misses nothing from here on."""
        event = frames[0]
        if event[:1] == b"\x01":
            welcome = self.wire.make("iopub", "iopub_welcome", {"subscription": event[1:].decode("utf-8", "replace")})
            self._ports["iopub"].send(self.wire.pack(welcome, (event[1:],) if event[1:] else ()))

    def _beat(self, frames: list[bytes]) -> None:
        self._ports["hb"].send(frames)

    def hold(self, full: bool) -> None:
        """Stop reading from local clients, or go on: what they send waits in their sockets meanwhile."""
        for channel in ROUTED:
            self._ports[channel].pause(full)

    def _shut_down(self, identities: list[bytes], message: Message) -> None:
        try:
            restart = bool(json.loads(bytes(message.content)).get("restart", False))
        except (ValueError, AttributeError) as error:
            text = "a shutdown request without content"
            raise BadFrame(text) from error
        content = {"status": "ok", "restart": restart}
        self.publish("status", {"execution_state": "busy"}, message.header)
        reply = self.wire.make("control", "shutdown_reply", content, message.header)
        self._ports["control"].send(self.wire.pack(reply, identities))
        self.publish("shutdown_reply", content, message.header)
        self.publish("status", {"execution_state": "idle"}, message.header)
        gateway_loop().keep(self._on_shutdown(restart))

    def publish(self, msg_type: str, content: dict[str, Any], parent: Part = b"{}") -> None:
        """Publish a message of our own; it is lost where a subscriber does not read."""
        message = self.wire.make("iopub", msg_type, content, parent)
        self._ports["iopub"].send(self.wire.pack(message, (self._topic(msg_type, message.content),)))

    def abandon(self, status: str, ename: str = "", evalue: str = "") -> None:
        """Answer every request still open: nobody else will. With ``ename``, running cells show it as their error."""
        requests, self._pending = self._pending, OrderedDict()
        for request in requests.values():
            self._fail(request, status, ename, evalue)

    def _refused(self, message: Message) -> None:
        """Tell the sender that the gateway hung up over the size of its message."""
        size = message.size / 1_000_000
        text = f"The gateway does not take a message of {size:.0f} MB; hand large data over through S3."
        request = self._pending.pop(message.msg_id, None)
        if request is not None:
            self._fail(request, "error", "MessageTooLarge", text)
        else:
            self.publish("stream", {"name": "stderr", "text": f"{text}\n"}, message.header)

    def _fail(self, request: Request, status: str, ename: str, evalue: str) -> None:
        error = {"ename": ename, "evalue": evalue, "traceback": [f"{ename}: {evalue}"]} if ename else {}
        if request.msg_type == "execute_request":
            if error:
                self.publish("error", error, request.header)
            self.publish("status", {"execution_state": "idle"}, request.header)
        reply_type = request.msg_type.removesuffix("_request") + "_reply"
        reply = self.wire.make(request.channel, reply_type, {"status": status, **error}, request.header)
        self._ports[request.channel].send(self.wire.pack(reply, request.identities))
