"""A client that talks to a :class:`NumberedKernel` through a bridge, and what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from jupyter_client import AsyncKernelClient

from jupyter_emr_connect.gateway.channels.bridge import Bridge
from jupyter_emr_connect.gateway.connection.status import LinkStatus
from jupyter_emr_connect.gateway.delivery.timings import DEFAULT_TIMINGS, DeliveryTimings
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.rest import GatewayClient
from jupyter_emr_connect.gateway.target import GatewayTarget

from .numbered_kernel import KEY, NumberedKernel
from .servers import HOST, serving


@dataclass
class Cell:
    """What a client saw of a cell: its outputs up to idle, and its reply."""

    text: str = ""
    marks: str = ""
    error: str = ""
    closed: list[str] = field(default_factory=list)
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
            elif message["msg_type"] == "comm_close":
                cell.closed.append(content["comm_id"])
            elif content.get("execution_state") == "idle":
                break
        while not cell.reply:
            message = await self.client.get_shell_msg(timeout=30)
            if message["parent_header"].get("msg_id") == msg_id:
                cell.reply = message["content"]
        return cell


@asynccontextmanager
async def talking_to(kernel: NumberedKernel, timings: DeliveryTimings = DEFAULT_TIMINGS) -> AsyncIterator[Talk]:
    """Put a gateway, a bridge and a client in a row."""
    states: list[LinkStatus] = []

    async def nothing(restart: bool) -> None:
        """No client asks for the kernel's end here."""

    async with serving(kernel) as port:
        gateway = GatewayClient(GatewayTarget(f"http://{HOST}:{port}"), connect_timeout=20)

        async def begin() -> Bridge:
            bridge = Bridge(
                key=KEY,
                journal_bytes=kernel.journal_bytes,
                on_shutdown=nothing,
                on_state=states.append,
                on_status=lambda _: None,
                timings=timings,
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


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(3000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError
