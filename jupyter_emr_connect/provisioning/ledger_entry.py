"""One kernel's row in the ledger as its :class:`RemoteKernel` writes it: in order, in threads, on the gateway loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import EMRConnectError
from ..gateway.channels.bridge import Bridge
from ..models import KernelRecord
from ..store.ledger import now_text

if TYPE_CHECKING:
    from ..services.kernels.ownership import Ownership
    from ..store.ledger import Ledger

T = TypeVar("T")


class LedgerEntry:
    """What becomes of a kernel, written down so that other processes see it.

    Only :meth:`add` raises (``StoreError``): a kernel that works is not given up because a file cannot be written.
    """

    def __init__(self, record: KernelRecord, ledger: Ledger, ownership: Ownership, log: logging.Logger | Any) -> None:
        self.record = record
        self.since = record.since
        self._ledger = ledger
        self._ownership = ownership
        self._log = log
        self._order = asyncio.Lock()

    async def add(self) -> None:
        """Enter the kernel as this process's; called before the gateway is asked, so that a crash cannot lose it."""
        added = await self._do(self._ledger.add, self.record, self._ownership.present())
        self.record, self.since = added, added.since

    def hold(self, on_taken: Callable[[], None]) -> None:
        """Beat for the kernel from now on; ``on_taken`` is called when another process took it over."""
        self._ownership.hold(self.record.kernel_id, on_taken)

    async def note(self, state: str, cause: str, reason: str, session_id: str | None) -> None:
        """Write the kernel's state, and the session of its connection for whoever takes it over."""
        values = {"state": state, "cause": cause, "reason": reason}
        if session_id is not None:
            values["session_id"] = session_id
        await self._try(self._ledger.update, self.record.kernel_id, **values)

    async def is_ours(self) -> bool:
        """Say whether the kernel is still this process's; True where the ledger cannot say."""
        found = await self._try(self._ledger.get, self.record.kernel_id)
        return found is None or found.owner_id in (None, self._ownership.owner.id)

    async def release(self, cause: str, reason: str, *, persistent: bool = True) -> None:
        """Leave the kernel to the next who wants it; without ``persistent`` it is only to be removed."""
        self.drop()
        owner = self._ownership.owner.id
        why = {"cause": cause, "reason": reason, "persistent": persistent}
        await self._try(self._ledger.release, self.record.kernel_id, owner, **why)

    async def end(self, cause: str, reason: str) -> None:
        """Note that the kernel is gone, and why."""
        self.drop()
        owner = self._ownership.owner.id
        await self._try(self._ledger.end, self.record.kernel_id, owner, cause=cause, reason=reason)

    async def delete(self) -> None:
        """Remove the row of a kernel that is no more."""
        self.drop()
        await self._try(self._ledger.remove, self.record.kernel_id)

    def drop(self) -> None:
        """Beat no longer for the kernel."""
        self._ownership.drop(self.record.kernel_id)

    async def _try(self, action: Callable[..., T], *args: Any, **kwargs: Any) -> T | None:
        try:
            return await self._do(action, *args, **kwargs)
        except EMRConnectError as error:
            self._log.warning("The ledger of kernels could not be written: %s", error)
            return None

    async def _do(self, action: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        async with self._order:
            work = asyncio.ensure_future(asyncio.to_thread(action, *args, **kwargs))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:  # a thread goes on all the same, and what comes next must find it done
                await asyncio.wait({work})
                raise
            except RuntimeError:  # the process is ending, and threads are no longer started
                return action(*args, **kwargs)


# -- How a gateway kernel stands, as local clients (IOPub ``emr_connect_status``) and other processes (ledger) see it.


class KernelStatus:
    """A kernel's ``state``, since when, and why: ``cause`` is a word for programs, ``reason`` a sentence for people.

    States: ``starting``, ``connected``, ``reconnecting``, ``detached``, ``gone``. Of its connection's states local
    clients are told by the bridge. Used on the gateway loop.
    """

    def __init__(self, bridge: Bridge, entry: LedgerEntry) -> None:
        self.state = "starting"
        self.since = now_text()
        self.cause = ""
        self.reason = ""
        self._bridge = bridge
        self._entry = entry

    def to_json(self) -> dict[str, str]:
        """Return ``state``, ``since``, ``cause`` and ``reason``; read from any thread."""
        return {"state": self.state, "since": self.since, "cause": self.cause, "reason": self.reason}

    async def become(self, state: str, cause: str, reason: str = "") -> None:
        """Change it, also in the ledger."""
        self.set(state, cause, reason)
        link = self._bridge.link
        await self._entry.note(state, cause, reason, link.session_id if link else None)

    def set(self, state: str, cause: str, reason: str = "") -> None:
        """Change it here alone; the ledger is written in another way."""
        if state != self.state:
            self.since = now_text()
        self.state, self.cause, self.reason = state, cause, reason

    def tell(self, state: str, cause: str, reason: str) -> None:
        """Change it, and tell local clients, of what is no matter of the connection."""
        self.set(state, cause, reason)
        self._bridge.publish("emr_connect_status", {**self.to_json(), "fix": ""})
