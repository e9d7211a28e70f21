"""Kernels that an earlier process left running: found in the ledger, claimed, and gone on with."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import EMRConnect
from ..errors import ComputeNotFound, EMRConnectError, KernelGone, NotAttachable
from ..gateway.channels.bridge import Bridge
from ..gateway.event_loop import gateway_loop
from ..gateway.injected.install import spark_installation
from ..gateway.rest import LAUNCH_PAD, GatewayClient
from ..models import Attachment, KernelRecord
from ..services.stages import READY
from .kernel import RemoteKernel
from .ledger_entry import LedgerEntry
from .spec import KernelRequest, attachment_of, new_record, reach, start_spec
from .stages import StartStages

if TYPE_CHECKING:
    from ..services.attachments.connect import Connection
MEGABYTE = 1_000_000


class Adopter:
    """The ledger for one start of a kernel: what was left behind for it, or a new row. Lives on the gateway loop."""

    def __init__(self, config: EMRConnect, wishes: KernelRequest, bridge: Bridge, log: logging.Logger | Any) -> None:
        from ..services.kernels.ownership import ownership
        from ..store.database import Database
        from ..store.ledger import Ledger

        self.config = config
        self.wishes = wishes
        bridge.journal_bytes = config.journal_megabytes * MEGABYTE
        bridge.reconnect_for = config.reconnect_hours * 3600
        bridge.injections = [spark_installation()] if wishes.spark and config.cancel_spark_jobs else []
        self._bridge = bridge
        self._log = log
        self._ledger = Ledger(Database(config.state_file))
        self._ownership = ownership(config.state_file)

    async def find(self, stages: StartStages) -> RemoteKernel:
        """Return the kernel to have: one that was left behind and goes on, else a new one, yet to be started.

        Raises what ``services.attachments.connect`` raises, and the gateway's errors; a kernel that was claimed is free
        again then.
        """
        notebook = await asyncio.to_thread(self._notebook) if self.wishes.persistent else None

        def of_notebook(record: KernelRecord) -> bool:
            return record.path == notebook and record.kernelspec == self.wishes.kernelspec

        while notebook and (entry := await self._claim(lambda one: one.wanted and of_notebook(one))):
            if kernel := await self._go_on(entry, stages):
                return kernel
        attachment = await attachment_of(self.config, self.wishes.env)
        connection = await self._connect(attachment, stages)
        place = (connection.compute.id, connection.role)
        while notebook and (
            entry := await self._claim(lambda one: of_notebook(one) and (one.compute, one.runtime_role) == place)
        ):
            if kernel := await self._go_on(entry, stages, connection):
                return kernel
        return self._remote(self._entry(new_record(connection, self.wishes)), connection)

    def handed(self) -> LedgerEntry | None:
        """Return the kernel that the server has claimed for this local kernel: a browser may still have it open."""
        from ..services.kernels.ownership import handed

        found = handed(self.wishes.local_id)
        return self._entry(found) if found else None

    def _notebook(self) -> str | None:
        """Return the notebook's path when it is one on this machine, and not a name that several may have."""
        path = self.wishes.path
        return path if path and Path(path).is_file() else None

    async def _connect(self, request: Attachment, stages: StartStages) -> Connection:
        seconds = self.config.credentials_timeout + 4 * self.config.connect_timeout
        return await stages.bounded(reach(self.config, request, stages.enter), seconds)

    async def _go_on(
        self, entry: LedgerEntry, stages: StartStages, connection: Connection | None = None
    ) -> RemoteKernel | None:
        """Go on with a kernel just claimed; None when it is no more. Raises what keeps it from being known."""
        try:
            connection = connection or await self._connect(attachment_behind(entry.record), stages)
            stages.enter(READY)
            kernel = await stages.bounded(self.take_up(entry, connection), self.config.ready_timeout)
            stages.end()
        except (ComputeNotFound, NotAttachable) as error:
            await self.give_up(entry, error)
            return None
        except BaseException as error:
            gateway_loop().keep(entry.release("network", f"It could not be taken over. {error}"))
            raise
        return kernel

    async def _claim(self, wanted: Callable[[KernelRecord], bool]) -> LedgerEntry | None:
        from ..services.kernels.processes import lives

        def fits(record: KernelRecord) -> bool:
            return record.persistent and record.state != "gone" and wanted(record)

        now = {"local_id": self.wishes.local_id, "root": self.wishes.root}
        found = await asyncio.to_thread(self._ledger.claim, fits, self._ownership.present(), lives, **now)
        return self._entry(found) if found else None

    async def give_up(self, entry: LedgerEntry, error: EMRConnectError) -> None:
        """Let a kernel go whose compute is no more."""
        self._log.warning("Kernel %s does not come back. %s", entry.record.kernel_id, error)
        await entry.release("cluster terminated", error.message, persistent=False)

    def _entry(self, record: KernelRecord) -> LedgerEntry:
        return LedgerEntry(record, self._ledger, self._ownership, self._log)

    def _remote(self, entry: LedgerEntry, connection: Connection) -> RemoteKernel:
        """Return the kernel, with its observer in place before anything of it passes."""
        if self.wishes.observe is not None:
            self._bridge.observer = self.wishes.observe(entry.record.kernel_id, self._bridge.publish)
        return RemoteKernel(start_spec(self.config, connection, self.wishes), self._bridge, entry, self._log)

    async def reach(self, entry: LedgerEntry) -> Connection:
        """Connect to the compute that a kernel of the ledger is on, as it was connected to before."""
        return await reach(self.config, attachment_behind(entry.record), lambda name: None)

    async def take_up(self, entry: LedgerEntry, connection: Connection) -> RemoteKernel | None:
        """Go on with a claimed kernel; None when it is gone, which is then struck off and said in the log.

        Raises the gateway's error when that cannot be known; the kernel is still claimed then.
        """
        remote, record = self._remote(entry, connection), entry.record
        try:
            await remote.adopt()
        except KernelGone as error:
            self._log.warning("Kernel %s, left behind on %s, is gone. %s", record.kernel_id, record.compute, error)
            gateway_loop().keep(self._bury(entry, remote))
            return None
        self._log.info("Kernel %s goes on: it was left behind on %s.", record.kernel_id, record.compute)
        return remote

    async def _bury(self, entry: LedgerEntry, remote: RemoteKernel) -> None:
        """Strike a kernel that the gateway does not know; one that may yet come up is removed when it does."""
        rest = remote.order.launch_timeout + LAUNCH_PAD - _age(entry.record)
        if entry.record.state == "starting" and rest > 0:
            client = GatewayClient(remote.order.target, connect_timeout=remote.order.connect_timeout)
            try:
                await client.remove_late(entry.record.kernel_id, within=rest)
            finally:
                await client.close()
        await entry.delete()


def attachment_behind(record: KernelRecord) -> Attachment:
    """Return how the compute of a kernel of the ledger was attached to."""
    return Attachment(
        record.compute,
        record.runtime_role,
        profile=record.profile,
        region=record.region,
        access_role=record.access_role,
    )


def _age(record: KernelRecord) -> float:
    if not record.started_at:
        return 0.0
    return (datetime.now(timezone.utc) - datetime.fromisoformat(record.started_at)).total_seconds()
