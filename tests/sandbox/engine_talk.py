"""Talks to a bare gateway and a bare Livy, without the front doors and without our connector."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from aiohttp import ClientSession, ClientWebSocketResponse, web

from jupyter_emr_connect.sandbox.engines.process import Engine
from tests.stopping import stop_serving


def processes(engine: Engine) -> list[psutil.Process]:
    """The engine's guard and everything below it."""
    return [process for process in engine.processes() if process.status() != psutil.STATUS_ZOMBIE]


def listens_beyond_loopback(engine: Engine) -> list[str]:
    """Addresses below the engine that a neighbour on the network could reach."""
    return [
        f"{process.name()} {connection.laddr}"
        for process in processes(engine)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and not connection.laddr.ip.startswith("127.")
    ]


def places_of(secret: str, engine: Engine, folder: Path) -> list[str]:
    """Where a secret can be read: argv, environment, files. Empty is right."""
    found = [str(path) for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    for process in processes(engine):
        if secret in " ".join(process.cmdline()):
            found.append(f"argv of {process.pid}")
        if secret in str(process.environ()):
            found.append(f"environment of {process.pid}")
    return found


async def all_gone(pids: list[int]) -> bool:
    """Whether these processes end within five seconds."""
    for _ in range(100):
        if not any(psutil.pid_exists(pid) for pid in pids):
            return True
        await asyncio.sleep(0.05)
    return False


class Kernel:
    """A gateway kernel over REST and one WebSocket in legacy framing."""

    def __init__(self, session: ClientSession, url: str, kernel_id: str, socket: ClientWebSocketResponse) -> None:
        self.session = session
        self.url = url
        self.id = kernel_id
        self.socket = socket

    async def ask(self, kind: str, content: dict[str, Any]) -> str:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "username": "", "session": "test", "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        await self.socket.send_json({**message, "buffers": []})
        return header["msg_id"]

    async def answers(self, msg_id: str) -> list[dict[str, Any]]:
        """All messages of one request, until it is answered and the kernel idle."""
        found: list[dict[str, Any]] = []
        while True:
            message = json.loads((await asyncio.wait_for(self.socket.receive(), 120)).data)
            if message["parent_header"].get("msg_id") == msg_id:
                found.append(message)
            kinds = [row["msg_type"].rpartition("_")[2] for row in found]
            if "reply" in kinds and any(row["content"].get("execution_state") == "idle" for row in found):
                return found

    async def run(self, code: str) -> str:
        """Execute code; return everything it wrote, showed or complained of as text."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        return texts(await self.answers(await self.ask("execute_request", {**content, "stop_on_error": True})))

    async def restart(self) -> int:
        """Restart it; return once its outputs are heard too, which the gateway subscribes to anew meanwhile."""
        status = await self.post("restart")
        for _ in range(30):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.answers(await self.ask("kernel_info_request", {})), 1)
                break
        return status

    async def post(self, action: str) -> int:
        async with self.session.post(f"{self.url}/api/kernels/{self.id}/{action}") as answer:
            return answer.status


def texts(messages: list[dict[str, Any]]) -> str:
    """The text of all outputs, one after the other."""
    parts = []
    for message in messages:
        content = message["content"]
        parts.append(content.get("text") or content.get("evalue") or content.get("data", {}).get("text/plain") or "")
    return "".join(parts)


@asynccontextmanager
async def kernel(engine: Engine, token: str, name: str, **env: str) -> AsyncIterator[Kernel]:
    """Start a kernel on a bare gateway; delete it afterwards."""
    async with ClientSession(headers={"Authorization": f"token {token}"}) as session:
        async with session.post(f"{engine.url}/api/kernels", json={"name": name, "env": env}) as answer:
            assert answer.status == 201, await answer.text()
            kernel_id = (await answer.json())["id"]
        url = f"{engine.url}/api/kernels/{kernel_id}"
        try:
            async with session.ws_connect(f"{url}/channels?session_id=test", max_msg_size=0) as socket:
                yield Kernel(session, engine.url, kernel_id, socket)
        finally:
            async with session.delete(url) as answer:
                assert answer.status == 204


class PassThrough:
    """What the front door is to the kernels' Livy, at its barest: adds the superuser and a user; notes requests."""

    def __init__(self, livy: Engine, superuser: str, user: str) -> None:
        self.livy = livy
        self.claims = {"user.name": superuser, "doAs": user}
        self.seen: list[tuple[str, str, str, dict[str, Any]]] = []
        self.headers: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        path = request.match_info["path"]
        self.seen.append((request.method, request.match_info["kernel"], path, json.loads(body or b"{}")))
        self.headers.append(request.headers.get("X-Requested-By", ""))
        kept = {"Content-Type": "application/json", "X-Requested-By": "test"}
        url = f"{self.livy.url}/{path}"
        async with (
            ClientSession() as session,
            session.request(request.method, url, params=self.claims, data=body or None, headers=kept) as answer,
        ):
            text = await answer.text()
            return web.Response(status=answer.status, text=text, content_type="application/json")

    @asynccontextmanager
    async def serve(self, address: str) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_route("*", "/kernels/{kernel}/{path:.*}", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, address, 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            yield f"http://{address}:{port}"
        finally:
            await stop_serving(runner)
