"""A browser that reads slowly or not at all, on a real kernel: nothing is lost or piles up, interrupts arrive."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1

from tests.conftest import Sandbox
from tests.sandbox.jupyter_server import V1, Server, serving
from tests.sandbox.notebooks import write_notebook

pytestmark = pytest.mark.sandbox

MEGABYTES = 40
FLOOD = f"for n in range({MEGABYTES}): print(f'{{n}};' + 'x' * 1_000_000, flush=True)"
ENDLESS = "n = -1\nwhile True:\n    n += 1\n    print(f'{n};' + 'x' * 1_000_000, flush=True)"
ROOM = 64_000_000
# glibc raises this by itself and keeps blocks of a megabyte that are free then; what is used counts here.
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "131072"}
WAIT = 90


class Browser:
    """A front end's WebSocket that is read only when a test says so."""

    def __init__(self, ws: Any, session: str) -> None:
        self.ws = ws
        self.session = session

    async def ask(self, code: str) -> str:
        msg_id = uuid.uuid4().hex
        header = {"msg_id": msg_id, "msg_type": "execute_request", "session": self.session, "username": "", "date": ""}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        parts = [json.dumps(part).encode() for part in (header | {"version": "5.3"}, {}, {}, content)]
        if self.ws.protocol == V1:
            await self.ws.send_bytes(serialize_msg_to_ws_v1(parts, "shell"))
        else:
            names = ("header", "parent_header", "metadata", "content")
            message = dict(zip(names, map(json.loads, parts), strict=True))
            await self.ws.send_json(message | {"channel": "shell", "buffers": []})
        return msg_id

    async def next(self) -> tuple[str, str, dict[str, Any]]:
        """Return the next message's type, parent id and content."""
        frame = (await self.ws.receive(WAIT)).data
        if self.ws.protocol != V1:
            message = json.loads(frame)
            return message["msg_type"], message["parent_header"].get("msg_id", ""), message["content"]
        _, (header, parent, _, content) = deserialize_msg_from_ws_v1(frame)
        return json.loads(header)["msg_type"], json.loads(parent).get("msg_id", ""), json.loads(content)

    async def rest(self, asked: str) -> tuple[list[int], str]:
        """Read to the end of a cell; return the numbers that it printed and the error that it ended with."""

        async def read() -> tuple[list[int], str]:
            text, error, missing = [], "", {"execute_reply", "idle"}
            while missing:
                msg_type, parent, content = await self.next()
                if parent != asked:
                    continue
                missing -= {msg_type, content.get("execution_state", "")}
                if msg_type == "stream":
                    assert "rate exceeded" not in content["text"]
                    if content["name"] == "stdout":  # the recorder may say beside it that it has had enough
                        text.append(content["text"])
                elif msg_type == "error":
                    error = content["ename"]
            return [int(line.split(";")[0]) for line in "".join(text).splitlines()], error

        return await asyncio.wait_for(read(), WAIT)


@asynccontextmanager
async def browser(server: Server, kernel: str, session: str = "", *, v1: bool = True) -> AsyncIterator[Browser]:
    session = session or uuid.uuid4().hex
    async with server.socket(kernel, session, protocols=(V1,) if v1 else ()) as ws:
        yield Browser(ws, session)


@asynccontextmanager
async def open_kernel(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[tuple[Server, str]]:
    """A server and a kernel of its on `open`."""
    write_notebook(tmp_path / "n.ipynb", "emr-python", "1")
    done = sandbox.cli("attach", "open", str(tmp_path))
    assert done.returncode == 0, done.stderr
    try:
        async with serving(replace(sandbox, env={**sandbox.env, **GIVEN_BACK}), tmp_path) as server:
            status, session = await server.open_session("n.ipynb", "emr-python")
            assert status == 201, session
            yield server, session["kernel"]["id"]
            await server.call("DELETE", f"/api/kernels/{session['kernel']['id']}")
    finally:
        sandbox.cli("detach", str(tmp_path))


async def still(process: psutil.Process) -> int:
    """Return the process's memory once it grows no more."""
    before = 0
    while (now := process.memory_info().rss) - before > 1_000_000:
        before = now
        await asyncio.sleep(2)
    return now


@pytest.mark.parametrize("v1", [pytest.param(True, id="v1"), pytest.param(False, id="legacy", marks=pytest.mark.full)])
async def test_a_browser_that_reads_nothing_loses_nothing_and_costs_little(
    sandbox: Sandbox, tmp_path: Path, v1: bool
) -> None:
    async with open_kernel(sandbox, tmp_path) as (server, kernel):
        process = psutil.Process(server.process.pid)
        async with browser(server, kernel, v1=v1) as page:
            await page.rest(await page.ask("import time"))
            before = process.memory_info().rss
            asked = await page.ask(FLOOD)
            assert await still(process) - before < ROOM
            assert (await page.rest(asked))[0] == list(range(MEGABYTES))

            before = process.memory_info().rss
            asked = await page.ask(ENDLESS)
            assert await still(process) - before < ROOM
            status, _ = await asyncio.wait_for(server.call("POST", f"/api/kernels/{kernel}/interrupt"), WAIT)
            assert status == 204  # though the browser reads nothing
            numbers, error = await page.rest(asked)
            assert error == "KeyboardInterrupt"
            assert numbers == list(range(len(numbers)))
            assert len(numbers) > 3

            before = process.memory_info().rss
            asked = await page.ask(f"print('-1;', flush=True); time.sleep(2)\n{FLOOD}")
            while not (await page.next())[2].get("text", "").startswith("-1;"):
                pass
        await asyncio.sleep(6)
        for _ in range(120):  # what is written into the notebook meanwhile is copied for it, and let go
            if process.memory_info().rss - before < ROOM:
                break
            await asyncio.sleep(0.5)
        else:
            pytest.fail(f"the server keeps {process.memory_info().rss - before} bytes more")
        async with browser(
            server, kernel, page.session, v1=v1
        ) as page:  # one that comes back finds what came meanwhile
            assert (await page.rest(asked))[0] == list(range(MEGABYTES))
