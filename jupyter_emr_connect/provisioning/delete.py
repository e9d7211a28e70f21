"""Gateway kernels deleted, and what the ledger says of those that could not be."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ..errors import EMRConnectError
from ..gateway.rest import GatewayClient
from ..http.deadlines import within
from .ledger_entry import KernelStatus, LedgerEntry

DELETE_WITHIN = 20.0


async def delete(client: GatewayClient, entry: LedgerEntry, standing: KernelStatus, log: logging.Logger | Any) -> None:
    """Delete a kernel, unless another process has it by now; never raises the gateway's errors.

    One that went by itself stays in the ledger for a while, with the reason. One that could not be deleted waits there
    for ``kernels prune``, and for no notebook.
    """
    try:
        if not await entry.is_ours():
            return
        await within(DELETE_WITHIN, client.delete(entry.record.kernel_id))
    except (EMRConnectError, asyncio.TimeoutError) as error:
        text = str(error) or "no answer in time"
        log.warning("Kernel %s could not be deleted: %s", entry.record.kernel_id, text)
        await entry.release("not deleted", f"It could not be deleted: {text}", persistent=False)
    else:
        await (entry.end(standing.cause, standing.reason) if standing.state == "gone" else entry.delete())


async def discard(client: GatewayClient, entry: LedgerEntry, seconds: float) -> None:
    """Remove a kernel that may only be coming up, waiting for it for so many seconds."""
    if await client.remove_late(entry.record.kernel_id, within=seconds):
        await entry.delete()
    else:
        await entry.release("not deleted", "It did not start, and may yet come up.", persistent=False)
