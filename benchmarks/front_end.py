"""A browser's part in a benchmark: REST and one WebSocket to one kernel of a Jupyter server.

As JupyterLab does, it offers the binary framing ``v1.kernel.websocket.jupyter.org`` and takes what the server chooses
(jupyter_server's GatewayClient chooses the older JSON framing). As browsers do, it sets ``TCP_NODELAY`` on its socket,
which says how *it* sends, and leaves the acknowledging of what it receives to the operating system.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

V1 = "v1.kernel.websocket.jupyter.org"


@dataclass
class Run:
    """What a cell brought: seconds until reply and idle were there, messages and bytes of output, what it said last."""

    seconds: float = 0.0
    messages: int = 0
    size: int = 0
    text: str = ""
    error: str = ""


@dataclass
class Seen:
    """One message: its type, its parent's id, its content (empty for large ones) and the bytes it carries."""

    msg_type: str
    parent: str
    content: dict[str, Any]
    size: int


class FrontEnd:
    """One WebSocket."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse[bool], session: str) -> None:
        self._ws = ws
        self._session = session

    async def send(self, code: str) -> str:
        """Send a cell; return its id."""
        msg_id = uuid.uuid4().hex
        header = {"msg_id": msg_id, "msg_type": "execute_request", "session": self._session}
        header |= {"username": "", "version": "5.3", "date": ""}
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        if self._ws.protocol == V1:
            parts = [b"shell", *(json.dumps(part).encode() for part in (header, {}, {}, content))]
            await self._ws.send_bytes(_v1(parts))
        else:
            message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
            await self._ws.send_str(json.dumps(message | {"buffers": []}))
        return msg_id

    async def receive(self, timeout: float = 120) -> Seen:
        """Return the next message."""
        frame = await self._ws.receive(timeout=timeout)
        if frame.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            raise ConnectionError(frame)
        return _from_v1(frame.data) if self._ws.protocol == V1 else _from_legacy(frame.data)

    async def run(self, code: str, timeout: float = 120) -> Run:
        """Run a cell to its end."""
        done = Run()
        begun = time.perf_counter()
        msg_id = await self.send(code)
        missing = {"execute_reply", "idle"}
        while missing:
            seen = await self.receive(timeout)
            if seen.parent != msg_id:
                continue
            missing -= {seen.msg_type, str(seen.content.get("execution_state"))}
            if seen.msg_type in ("stream", "comm_msg", "display_data"):
                done.messages += 1
                done.size += seen.size
                done.text = str(seen.content.get("text", ""))
            elif seen.msg_type == "error":
                done.error = f"{seen.content.get('ename')}: {seen.content.get('evalue')}"
        done.seconds = time.perf_counter() - begun
        return done


def _v1(parts: list[bytes]) -> bytes:
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return b"".join([number.to_bytes(8, "little") for number in (len(offsets), *offsets)] + parts)


def _from_v1(frame: bytes) -> Seen:
    count = int.from_bytes(frame[:8], "little")
    offsets = [int.from_bytes(frame[8 * n : 8 * n + 8], "little") for n in range(1, count + 1)]
    header, parent, _, content = (frame[offsets[n] : offsets[n + 1]] for n in range(1, 5))
    buffers = offsets[-1] - offsets[5]
    small = json.loads(content) if len(content) < 10_000 else {}
    size = buffers or len(content)
    return Seen(json.loads(header)["msg_type"], json.loads(parent).get("msg_id", ""), small, size)


def _from_legacy(frame: str | bytes) -> Seen:
    """Read the JSON of a frame; what a binary frame has behind its JSON are buffers.

    GatewayClient passes binary frames on as text, which no browser could read; here they count all the same.
    """
    if isinstance(frame, bytes):
        frame = frame.decode("latin-1")
    begin = max(0, frame.find("{", 0, 200))
    message, end = json.JSONDecoder().raw_decode(frame, begin)
    content = message["content"]
    size = len(frame) - end or len(content.get("text", ""))
    return Seen(message["msg_type"], message["parent_header"].get("msg_id", ""), content, size)


class Server:
    """A Jupyter server, by REST."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url

    async def start(self, kernel: str) -> str:
        """Start a kernel; return its id."""
        async with self.http.post(f"{self.url}/api/kernels", json={"name": kernel}) as answer:
            model = await answer.json()
            assert answer.status == 201, model
            return str(model["id"])

    async def stop(self, kernel: str) -> None:
        """Shut a kernel down."""
        async with self.http.delete(f"{self.url}/api/kernels/{kernel}") as answer:
            await answer.read()

    async def interrupt(self, kernel: str) -> None:
        """Interrupt what a kernel runs."""
        async with self.http.post(f"{self.url}/api/kernels/{kernel}/interrupt") as answer:
            await answer.read()

    @asynccontextmanager
    async def front_end(self, kernel: str) -> AsyncIterator[FrontEnd]:
        """Open a kernel's WebSocket."""
        session = uuid.uuid4().hex
        url = f"{self.url}/api/kernels/{kernel}/channels?session_id={session}"
        async with self.http.ws_connect(url, protocols=(V1,), max_msg_size=0, compress=0) as ws:
            ws.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield FrontEnd(ws, session)


@asynccontextmanager
async def server(url: str) -> AsyncIterator[Server]:
    """Wait until a server answers and speak to it."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
        for _ in range(300):
            try:
                async with http.get(f"{url}/api") as answer:
                    await answer.read()
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
        yield Server(http, url)
