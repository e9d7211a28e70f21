"""A restart by the gateway, also while the connection is down: the restart waits for it, and says so."""

from __future__ import annotations

import asyncio

from ..errors import GatewayUnreachable
from ..gateway.channels.bridge import Bridge
from ..gateway.rest import GatewayClient
from ..services.stages import CONNECTION_RETURNS, REQUESTED
from .interrupt import connection_returns, is_up
from .stages import StartStages

CHECK_EVERY_S = 0.05
CONNECTION_DOWN = "[EMR Connect: the connection is down; the kernel is restarted when it returns.]\n"


async def restart_when_up(
    client: GatewayClient, bridge: Bridge, kernel_id: str, stages: StartStages, seconds: float
) -> None:
    """Have the gateway restart the kernel, at the latest within ``seconds``; a connection that is down is waited for.

    When the connection is lost before the answer, the gateway is asked again: between two restarts nothing can be
    lost. The stages are :data:`CONNECTION_RETURNS`, while that is waited for, and ``REQUESTED``. Raises what the
    gateway refuses for.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        if not is_up(bridge):
            stages.enter(CONNECTION_RETURNS)
            bridge.publish("stream", {"name": "stderr", "text": CONNECTION_DOWN})
        else:
            stages.enter(REQUESTED)
        left = max(end - loop.time(), 1.0)
        if await stages.bounded(_restarted(client, bridge, kernel_id, left), left):
            return


async def _restarted(client: GatewayClient, bridge: Bridge, kernel_id: str, seconds: float) -> bool:
    """Ask for the restart once connected; returns False when the connection goes before the gateway has answered."""
    if not is_up(bridge):
        await connection_returns(bridge)
        if is_up(bridge):
            return False
        await client.restart(kernel_id, timeout=seconds)  # gone for good: the gateway says why
        return True
    asking = asyncio.ensure_future(client.restart(kernel_id, timeout=seconds))
    going = asyncio.ensure_future(_connection_goes(bridge))
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


async def _connection_goes(bridge: Bridge) -> None:
    """Return once the connection is not up any more."""
    while True:
        await asyncio.sleep(CHECK_EVERY_S)
        if not is_up(bridge):
            return
