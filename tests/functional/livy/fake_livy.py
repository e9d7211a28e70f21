"""A Livy that misbehaves at command, on a port of this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from jupyter_emr_connect.livy.client import LivyClient
from jupyter_emr_connect.livy.target import LivyTarget
from tests.functional.gateway.servers import HOST
from tests.stopping import stop_serving


class FakeLivy:
    """A Livy: ``refuse`` answers a request in its place, ``lose`` cuts the connection after it was done.

    What has a gate of ``gates`` waits for it.
    """

    def __init__(self) -> None:
        self.sessions: list[dict[str, Any]] = []
        self.statements: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.bodies: list[tuple[str, str, str]] = []
        self.states = ["idle"]
        self.log = ["stderr:", "OutOfMemoryError: no room"]
        self.news = asyncio.Condition()
        self.polls_until_done = 2
        self.reads_as = "utf-8"
        self.gates: dict[str, asyncio.Event] = {}
        self.text_of: Callable[[str], str] = lambda code: "done"
        self.lose: set[str] = set()
        self.refuse: Callable[[web.Request], web.Response | None] = lambda request: None

    async def called(self, call: str) -> None:
        """Return once the call was made."""
        async with self.news:
            await self.news.wait_for(lambda: call in self.calls)

    async def answer(self, request: web.Request) -> web.Response:
        call = f"{request.method} {request.path}"
        self.calls.append(call)
        async with self.news:
            self.news.notify_all()
        if call in self.gates:
            await self.gates[call].wait()
        if (instead := self.refuse(request)) is not None:
            return instead
        body = (await request.content.read()).decode(self.reads_as)  # of any size
        if body:
            kind = request.headers["Content-Type"]
            self.bodies.append((kind, body, request.headers.get("X-Requested-By", "")))
        answer = self._do(request.method, request.path.strip("/").split("/"), json.loads(body or "{}"))
        if call in self.lose:
            self.lose.discard(call)
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(answer, status=404 if answer.get("msg", "").endswith("not found.") else 200)

    def _do(self, method: str, parts: list[str], body: dict[str, Any]) -> dict[str, Any]:
        match (method, *parts):
            case ("GET", "sessions"):
                return {"from": 0, "total": len(self.sessions), "sessions": self.sessions}
            case ("POST", "sessions"):
                self.sessions.append({"id": len(self.sessions), "state": "starting", **body})
                return self.sessions[-1]
            case ("GET", "sessions", number):
                return self._session(number, self.states[0] if len(self.states) == 1 else self.states.pop(0))
            case ("DELETE", "sessions", number):
                self.sessions = [one for one in self.sessions if str(one["id"]) != number]
                return {"msg": "deleted"}
            case ("GET", "sessions", number, "log"):
                return {"log": self.log}
            case ("GET", "sessions", number, "statements"):
                return {"total_statements": len(self.statements), "statements": self.statements}
            case ("POST", "sessions", number, "statements"):
                self.statements.append({"id": len(self.statements), "state": "waiting", "output": None, **body})
                return dict(self.statements[-1])
            case ("POST", "sessions", number, "statements", which, "cancel"):
                self.statements[int(which)]["state"] = "cancelled"
                return {"msg": "canceled"}
            case ("GET", "sessions", number, "statements", which):
                return self._statement(int(which))
        raise AssertionError((method, parts))

    def _session(self, number: str, state: str) -> dict[str, Any]:
        found = [one for one in self.sessions if str(one["id"]) == number]
        return {**found[0], "state": state} if found else {"msg": f"Session '{number}' not found."}

    def _statement(self, which: int) -> dict[str, Any]:
        self.polls_until_done -= 1
        if self.polls_until_done <= 0 and self.statements[which]["state"] != "cancelled":
            code = self.statements[which]["code"]
            output = {"status": "ok", "execution_count": which, "data": {"text/plain": self.text_of(code)}}
            self.statements[which] |= {"state": "available", "output": output}
        return self.statements[which]


@asynccontextmanager
async def served(livy: FakeLivy) -> AsyncIterator[LivyClient]:
    runner = web.ServerRunner(web.Server(livy.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    port = runner.addresses[0][1]
    client = LivyClient(LivyTarget(f"http://{HOST}:{port}", label="Livy"), connect_timeout=30, request_timeout=30)
    try:
        yield client
    finally:
        await client.close()
        await stop_serving(runner)
