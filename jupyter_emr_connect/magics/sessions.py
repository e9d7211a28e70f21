"""Spark sessions that a Python notebook attaches by itself, and their rows in the ledger.

A session whose kernel is killed outlives it on Livy. By its row ``jupyter emr kernels prune`` finds it, and ``%emr
adopt`` goes on with it.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..config import EMRConnect
from ..errors import EMRConnectError, StoreError
from ..gateway.event_loop import gateway_loop
from ..livy.client import LivyClient, View
from ..livy.target import LivyTarget
from ..models import Attachment, KernelRecord
from ..store.database import Database
from ..store.ledger import Ledger
from ..store.writes import finish_write
from .remote import RemoteSpark

if TYPE_CHECKING:
    from ..services.attachments.connect import LivyConnection

KERNELSPEC = "%emr"  # in the ledger, where others have the name of a kernelspec
log = logging.getLogger(__name__)


class SessionEntry:
    """The row of one such session, from before it is asked for to its end. Lives on the background loop.

    A ledger that cannot be written keeps no session from starting.
    """

    def __init__(self, config: EMRConnect, record: KernelRecord, *, entered: bool = False) -> None:
        from ..services.kernels.ownership import ownership

        self._record = record
        self._ledger = Ledger(Database(config.state_file))
        self._ownership = ownership(config.state_file)
        if entered:
            self._ownership.start_heartbeat(record.kernel_id, lambda: None)

    async def add(self) -> None:
        """Enter the session, which this process is about to ask for."""
        try:
            record = replace(self._record, remote_id=None)
            await finish_write(self._ledger.add, record, self._ownership.present())
        except StoreError as error:
            log.warning("The Spark session is in no ledger: a crash leaves it behind on Livy. %s", error)
        else:
            self._ownership.start_heartbeat(self._record.kernel_id, lambda: None)

    async def note(self, view: View | None) -> None:
        """Write which session there is; the row is deleted where there is none any more."""
        try:
            if view is None:
                self._ownership.stop_heartbeat(self._record.kernel_id)
                await finish_write(self._ledger.remove, self._record.kernel_id)
            else:
                values = {"remote_id": str(view["id"]), "state": "connected", "cause": "started", "reason": None}
                await finish_write(self._ledger.update, self._record.kernel_id, **values)
        except StoreError as error:
            log.warning("The ledger of kernels could not be written: %s", error)


def label_of(connection: LivyConnection) -> str:
    """Return how a compute is named in what cells show."""
    return f"{connection.compute.name} ({connection.compute.id})"


def attached_session(config: EMRConnect, request: Attachment, kind: str) -> tuple[LivyConnection, RemoteSpark]:
    """Prove an attachment and return its connection, and the session to be there; blocks.

    Raises as ``services.attachments.connect.connect``.
    """
    connection = _connection(config, request)
    record = KernelRecord(
        kernel_id=str(uuid.uuid4()),
        compute=connection.compute.id,
        compute_name=connection.compute.name,
        kernelspec=KERNELSPEC,
        url=connection.target.url,
        transport="livy",
        remote_kind="session",
        runtime_role=connection.role,
        profile=connection.compute.profile,
        region=connection.compute.region,
        access_role=connection.compute.access_role,
    )
    return connection, _remote(config, connection, kind, SessionEntry(config, record), record)


def adopted_session(config: EMRConnect, text: str) -> tuple[KernelRecord, LivyConnection, RemoteSpark]:
    """Take the session of a kernel (its id, or how it begins) that no living process has, and go on with it; blocks.

    Raises as ``services.kernels.listing.take_session`` and ``connect``; the session waits for another then.
    """
    from ..services.kernels.claims import let_go
    from ..services.kernels.listing import take_session

    record = gateway_loop().submit(take_session(config, text)).result()
    try:
        connection = _connection(config, record.attachment)
        kind = gateway_loop().submit(_kind_of(connection, int(record.remote_id or 0))).result()
    except EMRConnectError as error:
        let_go(config, record, f"It could not be taken over. {error}")
        raise
    entry = SessionEntry(config, record, entered=True)
    return record, connection, _remote(config, connection, kind, entry, record)


async def _kind_of(connection: LivyConnection, number: int) -> str:
    client = LivyClient(connection.target)
    try:
        return str((await client.session(number))["kind"])
    finally:
        await client.close()


def _connection(config: EMRConnect, request: Attachment) -> LivyConnection:
    from ..services.attachments.connect import LivyConnection, connect

    connection = gateway_loop().submit(connect(config, request)).result()
    if not isinstance(connection, LivyConnection):
        raise TypeError
    return connection


def _remote(
    config: EMRConnect, connection: LivyConnection, kind: str, entry: SessionEntry, record: KernelRecord
) -> RemoteSpark:
    from ..services.attachments.handover import session_settings
    from ..services.attachments.starting import ensure_started

    async def target() -> LivyTarget:
        return connection.target

    async def before_start(tell: Callable[[str, float], None]) -> str:
        await entry.add()
        return await ensure_started(config, connection.compute, tell)

    return RemoteSpark(
        target,
        kind=kind,
        name=f"emr-connect-{record.kernel_id}",
        start_timeout=config.session_timeout,
        reconnect_s=config.reconnect_hours * 3600,
        settings=session_settings(config, connection.compute, connection.role),
        reduced=connection.target.reduced,
        before_start=before_start,
        adopted=int(record.remote_id) if record.remote_id else None,
        on_session=entry.note,
    )
