"""Kernels started as any Jupyter application starts them, for the tests of this folder."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from traitlets.config import Config

from tests.conftest import Sandbox

WAIT = 180


@contextmanager
def attached_to(sandbox: Sandbox, compute: str, role: str | None = None) -> Iterator[None]:
    """Give this process the environment of a user who attached to ``compute``."""
    patch = pytest.MonkeyPatch()
    for key, value in sandbox.env.items():
        if os.environ.get(key) != value:
            patch.setenv(key, value)
    patch.setenv("EMR_CONNECT_COMPUTE", compute)
    if role:
        patch.setenv("EMR_CONNECT_RUNTIME_ROLE", role)
    try:
        yield
    finally:
        patch.undo()


def with_settings(sandbox: Sandbox, folder: Path, settings: dict[str, Any]) -> Sandbox:
    """Return the sandbox as one sees it who has these settings of ``EMRConnect`` in a file of ``folder``, a new one."""
    folder.mkdir()
    (folder / "jupyter_emr_connect_config.json").write_text(json.dumps({"EMRConnect": settings}))
    return replace(sandbox, env=sandbox.env | {"JUPYTER_CONFIG_PATH": f"{folder}:{sandbox.env['JUPYTER_CONFIG_PATH']}"})


@asynccontextmanager
async def running(
    name: str = "emr-python", config: Config | None = None
) -> AsyncIterator[tuple[AsyncKernelManager, AsyncKernelClient]]:
    """Start a kernel and a client of it; afterwards shut both down. ``config`` is merged over the tests' patience."""
    settings = Config({"EMRConnect": {"ready_timeout": 180.0}})  # twelve busy processes share two cores
    settings.merge(config or Config())
    manager = AsyncKernelManager(kernel_name=name, config=settings)
    await manager.start_kernel()
    client = manager.client()
    try:
        client.start_channels()
        await client.wait_for_ready(timeout=WAIT)
        yield manager, client
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


async def execute(client: AsyncKernelClient, code: str, **options: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run code; return the reply and every IOPub message of it in order, from busy to idle."""
    msg_id = client.execute(code, **options)
    outputs = await published(client, msg_id)
    return await reply_to(client, msg_id), outputs


async def published(client: AsyncKernelClient, msg_id: str, *, wait: float = WAIT) -> list[dict[str, Any]]:
    """Return the IOPub messages of one request, up to its idle."""
    found = []
    while True:
        message = await client.get_iopub_msg(timeout=wait)
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        found.append(message)
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return found


async def reply_to(
    client: AsyncKernelClient, msg_id: str, *, channel: str = "shell", wait: float = WAIT
) -> dict[str, Any]:
    """Return the reply to one request."""
    get = client.get_control_msg if channel == "control" else client.get_shell_msg
    while True:
        message = await get(timeout=wait)
        if message["parent_header"].get("msg_id") == msg_id:
            return message


def texts(outputs: list[dict[str, Any]], name: str = "stdout") -> str:
    """Return what was written to a stream and not cleared."""
    written: list[str] = []
    for message in outputs:
        if message["msg_type"] == "clear_output":
            written.clear()
        elif message["msg_type"] == "stream" and message["content"]["name"] == name:
            written.append(message["content"]["text"])
    return "".join(written)


async def says(client: AsyncKernelClient, text: str, *, wait: float = WAIT) -> None:
    """Wait until a cell has printed this: in several messages, for Python may send half of a line by itself."""
    said = ""
    while text not in said:
        said += (await client.get_iopub_msg(timeout=wait))["content"].get("text") or ""


def of_type(outputs: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    """Return the messages of these types."""
    return [message for message in outputs if message["msg_type"] in kinds]


async def until(condition: Any, *, wait: float = WAIT) -> None:
    """Wait until ``condition()`` (or what it awaits) is true."""
    end = asyncio.get_running_loop().time() + wait
    while True:
        found = condition()
        if await found if asyncio.iscoroutine(found) else found:
            return
        assert asyncio.get_running_loop().time() < end, "it never came true"
        await asyncio.sleep(0.1)
