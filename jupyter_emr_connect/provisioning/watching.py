"""Waiting for a kernel that comes up, and for one that goes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from ..errors import EMRConnectError, KernelGone, KernelStartFailed
from ..gateway.client import GatewayClient


async def opened(
    client: GatewayClient, kernel_id: str, opening: Coroutine[Any, Any, None], died: Coroutine[Any, Any, Any]
) -> None:
    """Wait until ``opening`` is done; raises :class:`KernelStartFailed` when the kernel dies before."""
    work = asyncio.ensure_future(opening)
    others = [asyncio.ensure_future(died), asyncio.ensure_future(until_gone(client, kernel_id, 1, dead=True))]
    try:
        await asyncio.wait({work, *others}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
            return
        message = f"The kernel died while it started on {client.target.label}."
        raise KernelStartFailed(message, fix="See the kernel's output in the gateway's log.")
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
