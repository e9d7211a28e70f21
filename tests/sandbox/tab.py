"""A browser tab with a notebook, as far as one cell's output goes: it catches up when it comes, and goes on live."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.sandbox.jupyter_server import Channels, Server
from tests.sandbox.notebooks import read_while_written

RECORDING = "/jupyter-emr-connect/kernels/{}/recording"


class Tab:
    """What a tab shows of the run ``msg_id``; ``ended`` is set when the kernel was idle after it."""

    def __init__(self, channels: Channels, msg_id: str = "") -> None:
        self.channels = channels
        self.msg_id = msg_id
        self.out = ""
        self.err = ""
        self.ended = asyncio.Event()
        self._last: dict[str, int] = {}

    async def catch_up(self, server: Server, kernel: str) -> None:
        """Take over what was recorded, as the front end's plugin does when a notebook is opened."""
        status, answer = await server.call("POST", RECORDING.format(kernel), {"session": self.channels.session})
        assert status == 200, answer
        for run in answer["runs"]:
            if run["msg_id"] == self.msg_id:
                self._last = run["last"]
                self.out, self.err = (stream(run["outputs"], name) for name in ("stdout", "stderr"))
                if run["state"] == "finished":
                    self.ended.set()

    async def follow(self) -> None:
        """Add what comes, but for what it has already."""
        with contextlib.suppress(aiohttp.ClientError, TypeError):  # the server is gone, or the tab was closed
            while True:
                self._see(await self.channels.receive())

    def _see(self, message: dict[str, Any]) -> None:
        prefix, _, number = message["header"]["msg_id"].rpartition("_")
        if message["parent_header"].get("msg_id") != self.msg_id or int(number) <= self._last.get(prefix, 0):
            return
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            self.out += content["text"]
        elif message["msg_type"] == "stream":
            self.err += content["text"]
        elif message["msg_type"] == "status" and content["execution_state"] == "idle":
            self.ended.set()


def stream(outputs: list[Any], name: str) -> str:
    """Return what a notebook's outputs have of a stream."""
    return "".join("".join(one["text"]) for one in outputs if one["output_type"] == "stream" and one["name"] == name)


def in_file(path: Path, name: str = "stdout", cell: int = 0) -> str:
    """Return what the notebook file has of a cell's stream."""
    return stream(read_while_written(path).cells[cell].outputs, name)


@asynccontextmanager
async def tab(server: Server, kernel: str, *, msg_id: str = "", session: str = "") -> AsyncIterator[Tab]:
    """Open a tab, follow the run, close the tab."""
    async with server.channels(kernel, session or uuid.uuid4().hex) as channels:
        shown = Tab(channels, msg_id)
        if msg_id:
            await shown.catch_up(server, kernel)
        following = asyncio.ensure_future(shown.follow())
        try:
            yield shown
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
