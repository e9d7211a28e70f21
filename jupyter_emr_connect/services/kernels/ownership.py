"""The process as the owner of kernels: its heartbeat, and news of kernels that another process took over."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from weakref import WeakSet

from ...errors import EMRConnectError
from ...gateway.event_loop import gateway_loop
from ...models import KernelRecord, Owner
from ...store.database import Database
from ...store.ledger import Ledger
from ...store.writes import finish_write
from ...tasks import repeat, report_failure
from .processes import this_process

HEARTBEAT_EVERY_S = 5.0
log = logging.getLogger(__name__)

# Kernel managers of Jupyter servers, whose kernels outlive the process; others end theirs.
_persistent_managers: WeakSet[object] = WeakSet()
_ownerships: dict[str, Ownership] = {}
_handed_over: dict[str, KernelRecord] = {}
_lock = threading.Lock()


def persist_kernels_of(manager: object) -> None:
    """Let kernels of this (multi) kernel manager outlive the process; called by the server extension at start."""
    _persistent_managers.add(manager)


def are_persistent(manager: object) -> bool:
    """Say whether kernels of this kernel manager outlive the process and may be taken over from another."""
    return manager is not None and manager in _persistent_managers


class Ownership:
    """The kernels that this process has in one state file. Its methods are called on the gateway loop."""

    def __init__(self, database: Database) -> None:
        self.owner = this_process()
        self._ledger = Ledger(database)
        self._on_taken: dict[str, Callable[[], None]] = {}
        self._beating: asyncio.Task[None] | None = None
        self._failing = False

    def present(self) -> Owner:
        """Return the owner with the present moment as its heartbeat."""
        return replace(self.owner, heartbeat_at=time.time())

    def start_heartbeat(self, kernel_id: str, on_taken: Callable[[], None]) -> None:
        """Say regularly that we have a kernel; ``on_taken`` is called when another process has taken it."""
        self._on_taken[kernel_id] = on_taken
        if self._beating is None:
            beating = repeat(self._beat, "It could not be said that this process has its kernels.", pause_s=0)
            self._beating = gateway_loop().loop.create_task(beating)

    def stop_heartbeat(self, kernel_id: str) -> None:
        """Say no longer that we have a kernel."""
        self._on_taken.pop(kernel_id, None)
        if not self._on_taken and self._beating is not None:
            self._beating.cancel()
            self._beating = None

    async def _beat(self) -> None:
        """Wait, and say that this process has its kernels; called again and again."""
        await asyncio.sleep(HEARTBEAT_EVERY_S)
        beating_for = set(self._on_taken)
        try:
            ours = await finish_write(self._ledger.beat, self.present())
        except EMRConnectError as error:
            if not self._failing:  # told once, until it works again
                log.warning("The ledger of kernels could not be written: %s", error)
            self._failing = True
            return
        self._failing = False
        for kernel_id in beating_for - ours:
            on_taken = self._on_taken.pop(kernel_id, None)
            try:
                if on_taken is not None:
                    on_taken()
            except Exception as error:  # the others must hear of theirs, and the heartbeat go on
                report_failure(log, "A kernel that another process took over could not be let go.", error)


def ownership(state_file: str) -> Ownership:
    """Return this process's ownership in a state file; called from any thread."""
    database = Database(state_file)
    with _lock:
        if (key := str(database.path)) not in _ownerships:
            _ownerships[key] = Ownership(database)
        return _ownerships[key]


def hand_over(record: KernelRecord) -> None:
    """Keep a kernel that this process has claimed for the local kernel that starts next under its ``local_id``."""
    _handed_over[record.local_id or ""] = record


def take_handed_over(local_id: str | None) -> KernelRecord | None:
    """Return, once, the kernel that was handed over for a local kernel; None when there is none."""
    return _handed_over.pop(local_id or "", None)


def _forget() -> None:
    """Leave the parent's kernels to the parent; called in a forked child."""
    global _lock
    _lock = threading.Lock()
    _ownerships.clear()
    _handed_over.clear()


os.register_at_fork(after_in_child=_forget)
