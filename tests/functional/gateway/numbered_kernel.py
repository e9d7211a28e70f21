"""A gateway with one kernel whose messages the test can lose or double; their numbers and the journal are real."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from jupyter_client.session import Session

from jupyter_emr_connect.gateway.injected.kernel_journal import Journal
from jupyter_emr_connect.gateway.protocol.framing import V1_PROTOCOL, Message, decode, encode

from .servers import API

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
    """Handles requests as a Python kernel does, as far as the inbox can see.

    A cell's text is a list of words: ``say-x`` publishes ``x``, ``number-x`` takes a number for it and ``send``
    publishes it, ``lose`` and ``keep`` begin and end the loss of all that it sends, ``cut`` cuts the connection,
    ``pause`` takes a moment, ``back`` waits for the next connection, ``wait`` for ``go``, ``ask`` asks the user,
    ``restart`` begins another life, ``slow`` sends the journal's answers late from now on, ``hesitate`` has its
    questions read late, ``unended`` loses the cell's reply and end, ``mute`` ends it without a reply,
    ``raise`` with one that says error, ``longid``
    publishes a text under an id that ends in thousands of digits, ``deep`` a state nested beyond what Python parses,
    ``open-x`` and ``shut-x`` open and close the comm ``x``,
    ``stall`` has the gateway pass on nothing more that is published, on this connection.
    ``swallow``: the next message of this type is lost, and the connection with it.
    ``deaf``: on so many connections, from the first, it does not hear the control channel; nor, without a journal or
    with ``all_deaf``, any.
    """

    journal_bytes: int = 1_000_000
    swallow: str = ""
    losing: bool = False
    slow: bool = False
    hesitant: bool = False
    double: bool = False
    deaf: int = 0
    all_deaf: bool = False
    gone: bool = False  # the gateway knows it no more
    gone_for_now: bool = False  # the gateway cannot be asked
    requests: list[str] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    back: asyncio.Event = field(default_factory=asyncio.Event)
    state: str = "idle"
    count: int | None = None  # of cells, by its own account; without one it is no IPython
    numbered: Any = None
    ws: web.WebSocketResponse | None = None
    connections: int = 0
    stalled: int = 0  # the connection on which nothing published is passed on
    looks: int = 0  # how often its gateway was asked for its state
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
        if self.losing or self.ws is None or (message.channel == "iopub" and self.stalled == self.connections):
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

    def stall(self) -> None:
        """Pass on nothing more that is published, on this connection."""
        self.stalled = self.connections
        self.back.clear()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if self.gone:
            return web.json_response({"message": "Kernel does not exist: k"}, status=404)
        if self.gone_for_now:
            return web.json_response({"message": "later"}, status=503)
        if not request.path.endswith("/channels"):
            self.looks += 1
            return web.json_response(API if request.path == "/api" else {"execution_state": self.state})
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
                asyncio.get_running_loop().call_later(SLOW if self.hesitant else 0, self._handle, message)
        elif (self.all_deaf or not self.journal_bytes) and self.connections <= self.deaf:
            self.requests.append(f"{message.msg_type} (not heard)")
        elif message.channel == "stdin":
            self.answers.put_nowait(self.session.unpack(bytes(message.content))["value"])
        else:
            self.queue.put_nowait(message)

    async def _serve_shell(self) -> None:
        while True:
            message = await self.queue.get()
            self.requests.append(message.msg_type)
            if message.msg_type == "execute_request" and not self._is_internal(message):
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
            expression: dict[str, Any] = {"emr_connect": {"status": "ok" if self.journal_bytes else "error"}}
            if self.count is not None and b"store_inputs" in bytes(message.content):
                self.count += 1
                expression["emr_connect"]["data"] = {"text/plain": str(self.count)}
            content = {"status": "ok", "protocol_version": "5.3", "user_expressions": expression}
            self.session.send(self.wires["shell"], reply, content, parent)
        self._publish("status", {"execution_state": "idle"}, parent)

    def _is_internal(self, message: Message) -> bool:
        """Say whether this package asks and no client; installs a journal where that is asked for."""
        content = bytes(message.content)
        if b"emr_connect_journal" in content and self.journal_bytes:
            Journal(self, self.journal_bytes).install()
        return b"emr_connect" in content

    async def _execute(self, message: Message) -> None:
        parent = self._parent(message)
        self.state = "busy"
        self._publish("status", {"execution_state": "busy"}, parent)
        for word in str(parent["content"]["code"]).split():
            verb, _, text = word.partition("-")
            await self._do(verb, text, parent)
            self.losing = verb in ("lose", "unended") or (self.losing and verb != "keep")
        if verb != "mute":
            content = {"status": "error" if verb == "raise" else "ok", "execution_count": 1}
            self.session.send(self.wires["shell"], "execute_reply", content, parent)
        self._publish("status", {"execution_state": "idle"}, parent)
        self.losing = self.losing and verb != "unended"
        self.state = "idle"

    async def _do(self, verb: str, text: str, parent: dict[str, Any]) -> None:
        if verb in ("say", "number", "send", "open", "shut"):
            self._say(verb, text, parent)
        elif verb in ("longid", "deep"):
            self._send_nonsense(verb, text, parent)
        elif verb == "wait":
            await self.go.wait()
        elif verb in ("cut", "stall"):
            {"cut": self.cut, "stall": self.stall}[verb]()
        elif verb == "pause":
            await asyncio.sleep(0.2)
        elif verb == "ask":
            self.session.send(self.wires["stdin"], "input_request", {"prompt": "", "password": False}, parent)
            self._publish("stream", {"name": "stdout", "text": await self.answers.get()}, parent)
        elif verb == "back":
            await self.back.wait()
        elif verb in ("slow", "hesitate"):
            self.slow, self.hesitant = self.slow or verb == "slow", self.hesitant or verb == "hesitate"
        elif verb == "restart":
            asyncio.get_running_loop().call_soon(self.restart)
            await asyncio.Event().wait()

    def _say(self, verb: str, text: str, parent: dict[str, Any]) -> None:
        message = self.numbered
        if verb in ("open", "shut"):
            comm = {"open": "comm_open", "shut": "comm_close"}[verb]
            message = self.session.msg(comm, {"comm_id": text, "data": {}}, parent=parent)
        elif verb != "send":
            message = self.session.msg("stream", {"name": "stdout", "text": text}, parent=parent)
        if verb == "number":
            self.numbered = message
        else:
            self.session.send(self.wires["iopub"], message, ident=b"topic")

    def _send_nonsense(self, verb: str, text: str, parent: dict[str, Any]) -> None:
        if verb == "longid":
            message = self.session.msg("stream", {"name": "stdout", "text": text}, parent=parent)
            message["msg_id"] = message["header"]["msg_id"] = f"k_{'9' * 5000}"
            self.session.send(self.wires["iopub"], message, ident=b"topic")
        else:
            header = self.session.pack(self.session.msg_header("status"))
            nested = b'{"execution_state": %s%s}' % (b"[" * 200_000, b"]" * 200_000)
            self._forward(Message("iopub", header, self.session.pack(parent["header"]), b"{}", nested))
