"""A restart by the gateway, also while the line to the kernel is down: it waits for the line, and says so."""

from __future__ import annotations

import asyncio

from ..errors import GatewayUnreachable
from ..gateway.channels.bridge import Bridge
from ..gateway.rest import GatewayClient
from ..services.stages import LINE, REQUESTED
from .interrupt import is_up, line_returns
from .stages import StartStages

LOOK_EVERY = 0.05
OWED = "[EMR Connect: the connection is down; the kernel is restarted when it returns.]\n"


async def restart_when_up(
    client: GatewayClient, bridge: Bridge, kernel_id: str, stages: StartStages, seconds: float
) -> None:
    """Have the gateway restart the kernel, at the latest within ``seconds``; a line that is down is waited for.

    When the line is lost before the answer, the gateway is asked again: between two restarts nothing can be lost. The
    stages are :data:`LINE`, while that is waited for, and ``REQUESTED``. Raises what the gateway refuses for.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        if not is_up(bridge):
            stages.enter(LINE)
            bridge.publish("stream", {"name": "stderr", "text": OWED})
        else:
            stages.enter(REQUESTED)
        left = max(end - loop.time(), 1.0)
        if await stages.bounded(_restarted(client, bridge, kernel_id, left), left):
            return


async def _restarted(client: GatewayClient, bridge: Bridge, kernel_id: str, seconds: float) -> bool:
    """Ask for the restart once the line is up; returns False when the line goes before the gateway has answered."""
    if not is_up(bridge):
        await line_returns(bridge)
        if is_up(bridge):
            return False
        await client.restart(kernel_id, timeout=seconds)  # a line that is gone for good: the gateway says why
        return True
    asking = asyncio.ensure_future(client.restart(kernel_id, timeout=seconds))
    going = asyncio.ensure_future(_line_goes(bridge))
    try:
        await asyncio.wait({asking, going}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            return False
        try:
            asking.result()
        except GatewayUnreachable:
            if is_up(bridge):
                raise
            return False
        return True
    finally:
        for task in (asking, going):
            task.cancel()
        await asyncio.gather(asking, going, return_exceptions=True)


async def _line_goes(bridge: Bridge) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY)
        if not is_up(bridge):
            return
