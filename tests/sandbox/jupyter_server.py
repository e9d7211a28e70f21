"""A real Jupyter server beside the sandbox, spoken to as JupyterLab speaks to it: REST and WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1

from tests.commands import ServerProcess
from tests.conftest import Sandbox

STARTS_WITHIN = 60
V1 = "v1.kernel.websocket.jupyter.org"  # the framing that JupyterLab asks for
PARTS = ("header", "parent_header", "metadata", "content")
# What is here for other tests, those in a browser: it takes two thirds of a start, and ydoc ends with a traceback where
# no front end uses it (3.0.4).
OTHERS = ("jupyterlab", "jupyter_lsp", "jupyter_server_terminals", "jupyter_server_ydoc", "notebook_shim")
WITHOUT_OTHERS = f"--ServerApp.jpserver_extensions={dict.fromkeys(OTHERS, False)}"


class Server:
    """A running ``jupyter server`` and a client of it."""

    def __init__(self, process: ServerProcess, http: aiohttp.ClientSession, log: Path) -> None:
        self.process = process
        self._http = http
        self._log = log

    @property
    def said(self) -> str:
        """What the server logged so far."""
        return self._log.read_text()

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and JSON of one request."""
        async with self._http.request(method, path, json=body) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def open_session(self, path: str, kernel: str) -> tuple[int, Any]:
        """Ask for a kernel for a notebook, as JupyterLab does when one is opened."""
        name = path.rsplit("/", 1)[-1]
        return await self.call(
            "POST", "/api/sessions", {"path": path, "name": name, "type": "notebook", "kernel": {"name": kernel}}
        )

    @asynccontextmanager
    async def channels(self, kernel_id: str, session: str = "") -> AsyncIterator[Channels]:
        """Open the kernel's WebSocket; with the ``session`` of one before, as the same front end."""
        session = session or uuid.uuid4().hex
        url = f"/api/kernels/{kernel_id}/channels?session_id={session}"
        async with self._http.ws_connect(url, protocols=(V1,)) as ws:
            yield Channels(ws, session)

    def socket(self, kernel_id: str, session: str, **options: Any) -> Any:
        """Open the kernel's WebSocket as one of aiohttp's, with its options."""
        url = f"/api/kernels/{kernel_id}/channels?session_id={session}"
        return self._http.ws_connect(url, max_msg_size=0, **options)

    def stop(self, within: float) -> float:
        """End the server with SIGTERM; return the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(within)
        return time.monotonic() - began


class Channels:
    """One kernel's messages, in JupyterLab's framing."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse[bool], session: str) -> None:
        self._ws = ws
        self.session = session

    async def ask(self, code: str, *, cell_id: str | None = None) -> str:
        """Send a cell, with its id as JupyterLab does; return its message id."""
        msg_id = uuid.uuid4().hex
        header = {"msg_id": msg_id, "msg_type": "execute_request", "session": self.session, "username": "", "date": ""}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        metadata = {"cellId": cell_id} if cell_id else {}
        parts = [json.dumps(part).encode() for part in (header | {"version": "5.3"}, {}, metadata, content)]
        await self._ws.send_bytes(serialize_msg_to_ws_v1(parts, "shell"))
        return msg_id

    async def receive(self) -> dict[str, Any]:
        """Return the next message; :class:`TypeError` when the connection was closed."""
        channel, parts = deserialize_msg_from_ws_v1(await self._ws.receive_bytes())
        message: dict[str, Any] = dict(zip(PARTS, map(json.loads, parts[:4]), strict=True))
        return message | {"channel": channel, "msg_type": message["header"]["msg_type"], "buffers": parts[4:]}

    async def until(self, msg_type: str, msg_id: str, *, wait: float = 60) -> dict[str, Any]:
        """Return the next message of this type that answers the request."""

        async def found() -> dict[str, Any]:
            while True:
                message = await self.receive()
                if message["parent_header"].get("msg_id") == msg_id and message["msg_type"] == msg_type:
                    return message

        # Not by aiohttp's own timeout, which each of the server's pings renews.
        return await asyncio.wait_for(found(), wait)

    async def until_state(self, state: str, *, wait: float = 60) -> dict[str, Any]:
        """Wait until the kernel is said to be in this state; return what was last said of its connection."""
        told: dict[str, Any] = {}

        async def found() -> dict[str, Any]:
            nonlocal told
            while True:
                message = await self.receive()
                if message["msg_type"] == "emr_connect_status":
                    told = message["content"]
                if message["msg_type"] == "status" and message["content"]["execution_state"] == state:
                    return told

        return await asyncio.wait_for(found(), wait)

    async def printed(self, code: str, *, wait: float = 60) -> str:
        """Run a cell; return the first line that it writes, which may come in two messages, or all without a line."""
        asked = await self.ask(code)

        async def found() -> str:
            text = ""
            while not text.endswith("\n"):
                message = await self.receive()
                if message["parent_header"].get("msg_id") != asked:
                    continue
                if message["msg_type"] == "stream":
                    text += message["content"]["text"]
                elif text and message["content"].get("execution_state") == "idle":
                    break
            return text

        return await asyncio.wait_for(found(), wait)


@asynccontextmanager
async def serving(sandbox: Sandbox, cwd: Path, *words: str, leaves: bool = False) -> AsyncIterator[Server]:
    """Run ``jupyter server`` in ``cwd`` with these words; it deletes its kernels at its end, or ``leaves`` them."""
    if not leaves:
        words = ("--EMRConnect.on_server_exit=shutdown", *words)
    log, token = cwd / "server.log", uuid.uuid4().hex
    process = _launch(sandbox, cwd, log, token, words)
    try:
        base = _address(process, Path(sandbox.env["JUPYTER_RUNTIME_DIR"]), log)
        async with aiohttp.ClientSession(base, headers={"Authorization": f"token {token}"}) as http:
            yield Server(process, http, log)
    finally:
        _end(process, log)


def _end(process: ServerProcess, log: Path) -> None:
    """End the server in good order; one that does not end writes down what its threads are at."""
    process.terminate()
    try:
        process.wait(60)  # it may have hundreds of megabytes to write
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        process.wait()
        message = f"the server did not end: {log.read_text()}"
        raise AssertionError(message) from None


def _launch(sandbox: Sandbox, cwd: Path, log: Path, token: str, words: tuple[str, ...]) -> ServerProcess:
    log.write_text("")
    options = ["--no-browser", "--allow-root", "--port=0", WITHOUT_OTHERS, *words]
    return ServerProcess(options, sandbox.env | {"JUPYTER_TOKEN": token}, cwd, log)


def _address(process: ServerProcess, runtime: Path, log: Path) -> str:
    """Return the server's address once it listens there, which is a moment after it has written it down."""
    info = runtime / f"jpserver-{process.pid}.json"
    end = time.monotonic() + STARTS_WITHIN
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)
        with contextlib.suppress(OSError, ValueError):
            port = json.loads(info.read_text())["port"]
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return f"http://127.0.0.1:{port}"
