"""Waiting for a kernel that comes up, and for one that goes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from ..errors import EMRConnectError, KernelGone
from ..gateway.rest import GatewayClient


async def comes_up(
    client: GatewayClient, kernel_id: str, connecting: Coroutine[Any, Any, None], died: Coroutine[Any, Any, Any]
) -> bool:
    """Wait until ``connecting`` is done; returns False when the kernel dies before."""
    work = asyncio.ensure_future(connecting)
    others = [asyncio.ensure_future(died), asyncio.ensure_future(until_gone(client, kernel_id, 1, dead=True))]
    try:
        await asyncio.wait({work, *others}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
        return work.done()
    except KernelGone:
        return False
    finally:
        for task in (work, *others):
            task.cancel()
        await asyncio.gather(work, *others, return_exceptions=True)


async def until_gone(client: GatewayClient, kernel_id: str, every: float, *, dead: bool = False) -> None:
    """Return when the gateway says that it has no such kernel (or, with ``dead``, a dead one), asked ``every`` seconds.

    A gateway that cannot be asked, or that refuses us, has said nothing.
    """
    while True:
        await asyncio.sleep(every)
        try:
            model = await client.kernel(kernel_id)
        except KernelGone:
            return
        except EMRConnectError:
            continue
        if dead and model.get("execution_state") == "dead":
            return
