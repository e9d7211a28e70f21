"""One kernel's row in the ledger as the kernel's own process writes it, and the kernel's status that goes into it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import EMRConnectError, StoreError
from ..models import KernelRecord
from ..store.ledger import now_text
from ..store.writes import finish_write

if TYPE_CHECKING:
    from ..services.kernels.ownership import Ownership
    from ..store.ledger import Ledger

T = TypeVar("T")
NOT_ENTERED = "is in no ledger: it ends with this process, and a crash leaves it behind on its gateway"


class LedgerEntry:
    """What becomes of a kernel, written down so that other processes see it. Used on the gateway loop.

    Writes are done one after another, in threads. None raises for a file that cannot be written: a kernel that works is
    not given up for that, nor is one kept from starting. ``entered`` is False for one that other processes cannot see.
    """

    entered = True

    def __init__(self, record: KernelRecord, ledger: Ledger, ownership: Ownership, log: logging.Logger | Any) -> None:
        self.record = record
        self._ledger = ledger
        self._ownership = ownership
        self._log = log
        self._write_order = asyncio.Lock()

    async def add(self) -> None:
        """Enter the kernel as this process's; called before the compute is asked, so that a crash cannot lose it."""
        try:
            self.record = await self._write(self._ledger.add, self.record, self._ownership.present())
        except StoreError as error:
            self.entered = False
            self._log.warning("Kernel %s %s. %s", self.record.kernel_id, NOT_ENTERED, error)

    def start_heartbeat(self, on_taken: Callable[[], None]) -> None:
        """Say regularly that this process has the kernel; ``on_taken`` is called when another process took it over.

        One that was never entered would look as if it had been.
        """
        if not self.entered:
            return
        self._ownership.start_heartbeat(self.record.kernel_id, on_taken)

    def stop_heartbeat(self) -> None:
        """Say no longer that this process has the kernel."""
        self._ownership.stop_heartbeat(self.record.kernel_id)

    async def update(self, state: str, cause: str, reason: str, session_id: str | None) -> None:
        """Write the kernel's state, and the session of its connection for whoever takes it over."""
        values = {"state": state, "cause": cause, "reason": reason}
        if session_id is not None:
            values["session_id"] = session_id
        await self._try(self._ledger.update, self.record.kernel_id, **values)

    async def set_remote(self, remote_id: int | None) -> None:
        """Write which session the kernel has on its compute now."""
        text = None if remote_id is None else str(remote_id)
        await self._try(self._ledger.update, self.record.kernel_id, remote_id=text)

    async def is_ours(self) -> bool:
        """Say whether the kernel is still this process's; True where the ledger cannot say."""
        record = await self._try(self._ledger.get, self.record.kernel_id)
        return record is None or record.owner_id in (None, self._ownership.owner.id)

    async def path_now(self) -> str | None:
        """Return the key of the kernel's notebook as the ledger has it now; None for none, or where it cannot say."""
        record = await self._try(self._ledger.get, self.record.kernel_id)
        return record.path if record else None

    async def release(self, cause: str, reason: str, *, persistent: bool = True) -> None:
        """Leave the kernel to the next who wants it; without ``persistent`` it is only to be removed."""
        self.stop_heartbeat()
        owner = self._ownership.owner.id
        why = {"cause": cause, "reason": reason, "persistent": persistent}
        await self._try(self._ledger.release, self.record.kernel_id, owner, **why)

    async def end(self, cause: str, reason: str) -> None:
        """Write that the kernel is gone, and why."""
        self.stop_heartbeat()
        owner = self._ownership.owner.id
        await self._try(self._ledger.end, self.record.kernel_id, owner, cause=cause, reason=reason)

    async def delete(self) -> None:
        """Remove the row of a kernel that is no more."""
        self.stop_heartbeat()
        await self._try(self._ledger.remove, self.record.kernel_id)

    async def _try(self, action: Callable[..., T], *args: Any, **kwargs: Any) -> T | None:
        try:
            return await self._write(action, *args, **kwargs)
        except EMRConnectError as error:
            self._log.warning("The ledger of kernels could not be written: %s", error)
            return None

    async def _write(self, action: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        async with self._write_order:
            return await finish_write(action, *args, **kwargs)


class KernelStatus:
    """A kernel's ``state``, since when, and why: ``cause`` is a word for programs, ``reason`` a sentence for people.

    States: ``starting``, ``connected``, ``reconnecting``, ``detached``, ``gone``. ``publish`` sends an IOPub message to
    local clients, who know the states of a connection from the bridge; ``session_id`` returns the id of the connection
    to the kernel. Used on the gateway loop.
    """

    def __init__(
        self, entry: LedgerEntry, publish: Callable[[str, dict[str, Any]], None], session_id: Callable[[], str | None]
    ) -> None:
        self.state = "starting"
        self.since = now_text()
        self.cause = ""
        self.reason = ""
        self._entry = entry
        self._publish = publish
        self._session_id = session_id

    def to_json(self) -> dict[str, str]:
        """Return ``state``, ``since``, ``cause`` and ``reason``; read from any thread."""
        return {"state": self.state, "since": self.since, "cause": self.cause, "reason": self.reason}

    def set(self, state: str, cause: str, reason: str = "") -> None:
        """Change the status here alone; the caller writes the ledger in another way."""
        if state != self.state:
            self.since = now_text()
        self.state, self.cause, self.reason = state, cause, reason

    async def save(self, state: str, cause: str, reason: str = "") -> None:
        """Change the status here and in the ledger."""
        self.set(state, cause, reason)
        await self._entry.update(state, cause, reason, self._session_id())

    async def tell(self, state: str, cause: str, reason: str) -> None:
        """Change the status here and in the ledger, and tell local clients."""
        await self.save(state, cause, reason)
        self.announce(state, cause, reason)

    def announce(self, state: str, cause: str, reason: str, fix: str = "") -> None:
        """Change the status here, and tell local clients what the bridge does not (IOPub ``emr_connect_status``)."""
        self.set(state, cause, f"{reason} {fix}".strip())
        self._publish("emr_connect_status", {**self.to_json(), "reason": reason, "fix": fix})

    def announce_death(self) -> None:
        """Tell local clients that the kernel is dead and will not come back by itself, in Jupyter's own words."""
        self._publish("status", {"execution_state": "dead"})
