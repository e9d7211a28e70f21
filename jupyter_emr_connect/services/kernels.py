"""The gateway kernels that were started from here: the ledger, held against the gateways."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import groupby

from ..config import EMRConnect
from ..errors import EMRConnectError, KernelGone
from ..gateway.client import GatewayClient
from ..models import Attachment, KernelRecord
from ..store.database import Database
from ..store.ledger import Ledger
from .connect import connect


async def list_kernels(config: EMRConnect, *, check: bool = True) -> list[KernelRecord]:
    """Return all kernels of the ledger, the latest first.

    With ``check`` the gateways are asked, all at once, one connection per (compute, role): ``state`` is then the
    gateway's own word (``idle``, ``busy`` …), ``gone``, or ``unknown`` where the gateway cannot be asked.
    """
    records = await asyncio.to_thread(Ledger(Database(config.state_file)).all)
    if not check:
        return records
    ordered = sorted(records, key=_place)
    groups = [list(group) for _, group in groupby(ordered, key=_place)]
    states: dict[str, str] = {}
    for found in await asyncio.gather(*(_ask(config, group) for group in groups)):
        states.update(found)
    return [replace(record, state=states[record.kernel_id]) for record in records]


def _place(record: KernelRecord) -> tuple[str, ...]:
    names = (record.profile, record.region, record.access_role, record.compute, record.runtime_role)
    return tuple(name or "" for name in names)


async def _ask(config: EMRConnect, records: list[KernelRecord]) -> dict[str, str]:
    first = records[0]
    states = {record.kernel_id: "unknown" for record in records}
    try:
        request = Attachment(
            first.compute,
            first.runtime_role,
            profile=first.profile,
            region=first.region,
            access_role=first.access_role,
        )
        client = GatewayClient((await connect(config, request)).target, connect_timeout=config.connect_timeout)
    except EMRConnectError:
        return states
    try:
        for record in records:
            states[record.kernel_id] = await _state(client, record.kernel_id)
    finally:
        await client.close()
    return states


async def _state(client: GatewayClient, kernel_id: str) -> str:
    try:
        return str((await client.kernel(kernel_id)).get("execution_state", "unknown"))
    except KernelGone:
        return "gone"
    except EMRConnectError:
        return "unknown"
