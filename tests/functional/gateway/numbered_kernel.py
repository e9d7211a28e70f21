"""A gateway with one kernel whose messages the test can lose or double; their numbers and the journal are real."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from jupyter_client import AsyncKernelClient
from jupyter_client.session import Session

from jupyter_emr_connect.gateway.bridge import Bridge
from jupyter_emr_connect.gateway.client import GatewayClient
from jupyter_emr_connect.gateway.framing import V1_PROTOCOL, Message, decode, encode
from jupyter_emr_connect.gateway.kernel_journal import Journal
from jupyter_emr_connect.gateway.loop import gateway_loop
from jupyter_emr_connect.gateway.state import LinkStatus
from jupyter_emr_connect.gateway.target import GatewayTarget

from .servers import API, HOST, serving

KEY = b"key"
SLOW = 0.6


class Wire:
    """Where the kernel's session sends to: one channel of the gateway."""

    def __init__(self, channel: str, forward: Callable[[Message], None]) -> None:
        self._channel, self._forward = channel, forward

    def send_multipart(self, frames: list[Any], **_: Any) -> None:
        parts = [bytes(frame) for frame in frames]
        at = parts.index(b"<IDS|MSG>")
        self._forward(Message(self._channel, *parts[at + 2 : at + 6], parts[at + 6 :]))


@dataclass
class NumberedKernel:
    """Handles requests as a Python kernel does, as far as the line is concerned.

    A cell's text is a list of words: ``say-x`` publishes ``x``, ``number-x`` takes a number for it and ``send``
    publishes it, ``lose`` and ``keep`` begin and end the loss of all that it sends, ``cut`` cuts the connection,
    ``pause`` takes a moment, ``back`` waits for the next connection, ``wait`` for ``go``, ``ask`` asks the user,
    ``restart`` begins another life, ``slow`` sends the journal's answers late from now on, ``unended`` loses the cell's
    reply and end. ``swallow``: the next message of this type is lost, and the connection with it.
    ``deaf``: on so many connections, from the first, it does not hear the control channel.
    """

    journal_bytes: int = 1_000_000
    swallow: str = ""
    losing: bool = False
    slow: bool = False
    double: bool = False
    deaf: int = 0
    gone: bool = False  # the gateway knows it no more
    requests: list[str] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    back: asyncio.Event = field(default_factory=asyncio.Event)
    ws: web.WebSocketResponse | None = None
    connections: int = 0
    shell: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin a life, as a restart does."""
        self.session = Session(key=KEY)
        self.control_handlers: dict[str, Any] = {}
        self.wires = {name: Wire(name, self._forward) for name in ("shell", "control", "iopub", "stdin")}
        self.queue: asyncio.Queue[Message] = asyncio.Queue()
        self.answers: asyncio.Queue[str] = asyncio.Queue()
        if self.shell is not None:
            self.shell.cancel()
            self.shell = None
        if hasattr(self, "emr_connect_journal"):
            del self.emr_connect_journal

    def restart(self) -> None:
        """Begin another life on the same connection."""
        self.start()
        self.losing = False
        self.shell = asyncio.create_task(self._serve_shell())

    def _forward(self, message: Message) -> None:
        if self.losing or self.ws is None:
            return
        for _ in range(2 if self.double else 1):
            frame = encode(message, "v1")
            assert isinstance(frame, bytes)
            late = SLOW if self.slow and message.channel == "control" else 0
            asyncio.get_running_loop().create_task(self._send(self.ws, frame, late))

    async def _send(self, ws: web.WebSocketResponse, frame: bytes, late: float) -> None:
        if late:
            await asyncio.sleep(late)
        with contextlib.suppress(ConnectionError):
            await ws.send_bytes(frame)

    def cut(self) -> None:
        """Cut the connection without a word."""
        if self.ws is not None and self.ws._req is not None and self.ws._req.transport is not None:
            self.ws._req.transport.abort()
        self.ws = None
        self.back.clear()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if self.gone:
            return web.json_response({"message": "Kernel does not exist: k"}, status=404)
        if not request.path.endswith("/channels"):
            return web.json_response(API if request.path == "/api" else {"execution_state": "idle"})
        ws = web.WebSocketResponse(protocols=(V1_PROTOCOL,), max_msg_size=0)
        await ws.prepare(request)
        self.connections += 1
        self.ws = ws
        self.back.set()
        if self.shell is None:
            self.shell = asyncio.create_task(self._serve_shell())
        async for frame in ws:
            if frame.type is WSMsgType.BINARY:
                self._take(decode(frame.data, "v1"))
        return ws

    def _take(self, message: Message) -> None:
        if message.msg_type == self.swallow:
            self.requests.append(f"{message.msg_type} (lost)")
            self.swallow = ""
            self.cut()
        elif message.channel == "control":
            if self.connections > self.deaf:
                self._handle(message)
        elif message.channel == "stdin":
            self.answers.put_nowait(self.session.unpack(bytes(message.content))["value"])
        else:
            self.queue.put_nowait(message)

    async def _serve_shell(self) -> None:
        while True:
            message = await self.queue.get()
            self.requests.append(message.msg_type)
            if message.msg_type == "execute_request" and not self._installs(message):
                await self._execute(message)
            else:
                self._handle(message)

    def _parent(self, message: Message) -> dict[str, Any]:
        content = self.session.unpack(bytes(message.content))
        return {"header": message.head, "content": content, "metadata": {}, "msg_type": message.msg_type}

    def _publish(self, msg_type: str, content: dict[str, Any], parent: dict[str, Any]) -> None:
        self.session.send(self.wires["iopub"], msg_type, content, parent=parent, ident=b"topic")

    def _handle(self, message: Message) -> None:
        parent = self._parent(message)
        self._publish("status", {"execution_state": "busy"}, parent)
        if handler := self.control_handlers.get(message.msg_type):
            handler(self.wires["control"], [b"id"], parent)
        elif message.channel == "shell":
            reply = message.msg_type.replace("request", "reply")
            expression = {"emr_connect": {"status": "ok" if self.journal_bytes else "error"}}
            content = {"status": "ok", "protocol_version": "5.3", "user_expressions": expression}
            self.session.send(self.wires["shell"], reply, content, parent)
        self._publish("status", {"execution_state": "idle"}, parent)

    def _installs(self, message: Message) -> bool:
        if b"emr_connect_journal" not in bytes(message.content):
            return False
        if self.journal_bytes:
            Journal(self, self.journal_bytes).install()
        return True

    async def _execute(self, message: Message) -> None:
        parent = self._parent(message)
        self._publish("status", {"execution_state": "busy"}, parent)
        for word in str(parent["content"]["code"]).split():
            verb, _, text = word.partition("-")
            if verb in ("say", "number", "send"):
                self._say(verb, text, parent)
            elif verb == "wait":
                await self.go.wait()
            elif verb == "cut":
                self.cut()
            elif verb == "pause":
                await asyncio.sleep(0.2)
            elif verb == "ask":
                self.session.send(self.wires["stdin"], "input_request", {"prompt": "", "password": False}, parent)
                self._publish("stream", {"name": "stdout", "text": await self.answers.get()}, parent)
            elif verb == "back":
                await self.back.wait()
            elif verb == "slow":
                self.slow = True
            elif verb == "restart":
                asyncio.get_running_loop().call_soon(self.restart)
                await asyncio.Event().wait()
            self.losing = verb in ("lose", "unended") or (self.losing and verb != "keep")
        self.session.send(self.wires["shell"], "execute_reply", {"status": "ok", "execution_count": 1}, parent)
        self._publish("status", {"execution_state": "idle"}, parent)
        self.losing = self.losing and verb != "unended"

    def _say(self, verb: str, text: str, parent: dict[str, Any]) -> None:
        if verb != "send":
            self.numbered = self.session.msg("stream", {"name": "stdout", "text": text}, parent=parent)
        if verb != "number":
            self.session.send(self.wires["iopub"], self.numbered, ident=b"topic")


@dataclass
class Cell:
    """What a client saw of a cell: its outputs up to idle, and its reply."""

    text: str = ""
    marks: str = ""
    error: str = ""
    reply: dict[str, Any] = field(default_factory=dict)


@dataclass
class Talk:
    """A client of the bridge in front of a :class:`NumberedKernel`."""

    client: AsyncKernelClient
    bridge: Bridge
    states: list[LinkStatus]

    async def run(self, words: str) -> Cell:
        """Run a cell and return what comes of it."""
        msg_id = self.client.execute(words)
        cell = Cell()
        while True:
            message = await self.client.get_iopub_msg(timeout=30)
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            content = message["content"]
            if message["msg_type"] == "stream" and content["name"] == "stdout":
                cell.text += content["text"]
            elif message["msg_type"] == "stream":
                cell.marks += content["text"]
            elif message["msg_type"] == "error":
                cell.error = content["ename"]
            elif content.get("execution_state") == "idle":
                break
        while not cell.reply:
            message = await self.client.get_shell_msg(timeout=30)
            if message["parent_header"].get("msg_id") == msg_id:
                cell.reply = message["content"]
        return cell


@asynccontextmanager
async def talking_to(kernel: NumberedKernel) -> AsyncIterator[Talk]:
    """Put a gateway, a bridge and a client in a row."""
    states: list[LinkStatus] = []

    async def nothing(restart: bool) -> None:
        """No client asks for the kernel's end here."""

    async with serving(kernel) as port:
        gateway = GatewayClient(GatewayTarget(f"http://{HOST}:{port}"), connect_timeout=2)

        async def begin() -> Bridge:
            bridge = Bridge(
                key=KEY,
                journal_bytes=kernel.journal_bytes,
                on_shutdown=nothing,
                on_state=states.append,
                on_status=lambda _: None,
            )
            await bridge.connect(gateway, "k")
            await bridge.ready()
            return bridge

        async def end(bridge: Bridge) -> None:
            await bridge.close()
            await gateway.close()

        bridge = await gateway_loop().call(begin())
        client = AsyncKernelClient()
        client.load_connection_info(bridge.connection_info)
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=30)
            yield Talk(client, bridge, states)
        finally:
            client.stop_channels()
            await gateway_loop().call(end(bridge))
            if kernel.shell is not None:
                kernel.shell.cancel()
