"""Kernels that an earlier process left running: found in the ledger, claimed, and gone on with."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import EMRConnect
from ..errors import ComputeNotFound, EMRConnectError, KernelGone, NotAttachable, StoreError
from ..executors import FILES, run_in
from ..gateway.event_loop import gateway_loop
from ..models import Attachment, KernelRecord, Transport
from ..services.stages import READY
from .launchers import LaunchedKernel, Launcher
from .ledger_entry import LedgerEntry
from .spec import KernelRequest, connect_to
from .stages import StartStages

if TYPE_CHECKING:
    from ..services.attachments.connect import Connection


class Adopter:
    """The ledger for one start of a kernel: the kernels left behind that it may go on with. Lives on the gateway loop.

    ``launcher_of`` returns the provisioner's launcher for a transport.
    """

    def __init__(
        self,
        config: EMRConnect,
        request: KernelRequest,
        launcher_of: Callable[[Transport], Launcher],
        log: logging.Logger | Any,
    ) -> None:
        from ..services.kernels.ownership import ownership
        from ..store.database import Database
        from ..store.ledger import Ledger

        self.config = config
        self.request = request
        self._launcher_of = launcher_of
        self._log = log
        self._ledger = Ledger(Database(config.state_file))
        self._ownership = ownership(config.state_file)

    async def wanted_kernel(self, stages: StartStages) -> LaunchedKernel | None:
        """Return the notebook's kernel that a user asked for (``kernels adopt``), taken over; None when there is none.

        Raises what :meth:`connect` and the launcher raise; a kernel that was claimed is free again then.
        """
        return await self._adopted(lambda record: record.wanted, stages)

    async def left_kernel(self, connection: Connection, stages: StartStages) -> LaunchedKernel | None:
        """Return a kernel that the notebook left on this compute and role, taken over; None when there is none.

        Raises as :meth:`wanted_kernel`.
        """
        wanted = (connection.compute.id, connection.role, connection.transport)

        def fits(record: KernelRecord) -> bool:
            return (record.compute, record.runtime_role, record.transport) == wanted

        return await self._adopted(fits, stages, connection)

    async def _adopted(
        self, fits: Callable[[KernelRecord], bool], stages: StartStages, connection: Connection | None = None
    ) -> LaunchedKernel | None:
        notebook = await run_in(FILES, self._notebook) if self.request.persistent else None
        while notebook and (entry := await self._claim(notebook, fits)):
            if kernel := await self._go_on(entry, stages, connection):
                return kernel
        return None

    def handed_over(self) -> LedgerEntry | None:
        """Return the kernel that the server has claimed for this local kernel: a browser may still have it open."""
        from ..services.kernels.ownership import take_handed_over

        record = take_handed_over(self.request.local_id)
        return self.entry(record) if record else None

    def _notebook(self) -> str | None:
        """Return the notebook's path when it is one on this machine, and not a name that several may have; blocks."""
        path = self.request.path
        return path if path and Path(path).is_file() else None

    async def _claim(self, notebook: str, fits: Callable[[KernelRecord], bool]) -> LedgerEntry | None:
        """Claim a kernel that the notebook left, and that no living process has."""
        from ..services.kernels.claims import claim

        def is_left(record: KernelRecord) -> bool:
            of_notebook = record.path == notebook and record.kernelspec == self.request.kernelspec
            return of_notebook and record.persistent and record.state != "gone" and fits(record)

        local_id, root = self.request.local_id, self.request.root
        try:
            record = await claim(self._ledger, self._ownership, is_left, local_id=local_id, root=root)
        except StoreError as error:
            self._log.warning("Kernels that the notebook may have left are not looked for: %s", error)
            return None
        return self.entry(record) if record else None

    async def _go_on(
        self, entry: LedgerEntry, stages: StartStages, connection: Connection | None
    ) -> LaunchedKernel | None:
        """Go on with a kernel just claimed; None when it is no more. Raises what keeps it from being known."""
        try:
            connection = connection or await self.connect(entry.record.attachment, stages)
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

    async def connect(self, attachment: Attachment, stages: StartStages) -> Connection:
        """Reach the attachment's compute within the configured time; raises as ``services.attachments.connect``."""
        seconds = self.config.credentials_timeout + 4 * self.config.connect_timeout
        return await stages.bounded(connect_to(self.config, attachment, stages.enter), seconds)

    async def give_up(self, entry: LedgerEntry, error: EMRConnectError) -> None:
        """Let a kernel go whose compute is no more."""
        self._log.warning("Kernel %s does not come back. %s", entry.record.kernel_id, error)
        await entry.release("cluster terminated", error.message, persistent=False)

    def entry(self, record: KernelRecord) -> LedgerEntry:
        """Return what writes a kernel's row in this ledger."""
        return LedgerEntry(record, self._ledger, self._ownership, self._log)

    def kernel(self, entry: LedgerEntry, connection: Connection) -> LaunchedKernel:
        """Return the kernel of a row, yet to be started or taken over."""
        launcher = self._launcher_of(connection.transport)
        return launcher.kernel(self.config, self.request, connection, entry)

    async def reach(self, entry: LedgerEntry) -> Connection:
        """Connect to the compute that a kernel of the ledger is on, as it was connected to before."""
        return await connect_to(self.config, entry.record.attachment, lambda name: None)

    async def take_up(self, entry: LedgerEntry, connection: Connection) -> LaunchedKernel | None:
        """Go on with a claimed kernel; None when it is gone, which is then said in the log.

        Raises the launcher's error when that cannot be known; the kernel is still claimed then.
        """
        kernel, record = self.kernel(entry, connection), entry.record
        try:
            await kernel.adopt()
        except KernelGone as error:
            self._log.warning("Kernel %s, left behind on %s, is gone. %s", record.kernel_id, record.compute, error)
            return None
        self._log.info("Kernel %s goes on: it was left behind on %s.", record.kernel_id, record.compute)
        return kernel
