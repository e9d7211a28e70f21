"""Kernels taken from the ledger for this process: one at a time, or all those that a starting server brings back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ...config import EMRConnect
from ...executors import LEDGER, run_in
from ...models import KernelRecord, Owner
from ...store.database import Database
from ...store.ledger import Ledger
from ...store.writes import finish_write
from .ownership import Ownership, ownership
from .processes import is_alive

WATCH_EVERY_S = 1.0
log = logging.getLogger(__name__)


class Doubts:
    """One look at owners of kernels; ``any`` says whether of some it is not known yet if they live."""

    def __init__(self) -> None:
        self.any = False

    def lives(self, owner: Owner) -> bool:
        """Say whether a process may live."""
        alive = is_alive(owner)
        self.any = self.any or alive is None
        return alive is not False


async def settle(ledger: Ledger, kernel_id: str) -> None:
    """Wait until it is known whether the process that has a kernel lives. Called from tasks; raises ``StoreError``."""

    def look() -> bool:
        record = ledger.get(kernel_id)
        owner = ledger.owners().get((record and record.owner_id) or "")
        return owner is not None and is_alive(owner) is None

    while True:
        if not await run_in(LEDGER, look):
            return
        await asyncio.sleep(WATCH_EVERY_S)


async def claim(
    ledger: Ledger,
    owned: Ownership,
    fits: Callable[[KernelRecord], bool],
    *,
    local_id: str | None,
    root: str | None,
) -> KernelRecord | None:
    """Give this process a kernel that ``fits`` and that no living process has; None when there is none.

    One that a process on another machine may have is waited for, until it is known whether that one lives. Called from
    tasks, on any loop. A kernel claimed for a task that is cancelled meanwhile is free again. Raises ``StoreError``;
    see :meth:`Ledger.claim`.
    """
    claimed: list[KernelRecord] = []
    told = False

    def write() -> bool:
        doubts = Doubts()
        record = ledger.claim(fits, owned.present(), doubts.lives, local_id=local_id, root=root)
        claimed.extend([record] if record else [])
        return doubts.any

    try:
        while True:
            doubtful = await finish_write(write)
            if claimed or not doubtful:
                break
            if not told:
                log.info(
                    "Another machine may have the kernel that is wanted: its heartbeat is watched until that is known."
                )
            told = True
            await asyncio.sleep(WATCH_EVERY_S)
    except asyncio.CancelledError:
        reason = "It was not taken over: whoever wanted it gave up."
        for record in claimed:
            await finish_write(
                ledger.release, record.kernel_id, owned.owner.id, cause=record.cause or "given up", reason=reason
            )
        raise
    return claimed[0] if claimed else None


def claim_left(
    config: EMRConnect, root: str, inside: Callable[[KernelRecord], bool]
) -> tuple[list[KernelRecord], list[KernelRecord]]:
    """Claim the kernels that a starting Jupyter server shall bring back: those of its folder that nobody has.

    ``root`` is the server's folder, ``inside`` says whether a kernel's notebook is in it. Also returned are
    others of which it is not known yet if the process that has them lives: it is on another machine, and its heartbeat
    must be watched, so ask again every :data:`WATCH_EVERY_S`.
    Blocks on the state file and the disk. Raises ``StoreError``.
    """
    ledger = Ledger(Database(config.state_file))
    present = ownership(config.state_file).present()
    claimed: list[KernelRecord] = []
    doubtful: list[KernelRecord] = []

    def is_left(record: KernelRecord) -> bool:
        """Say whether a kernel is one of this server's, and a notebook's only if the notebook is still there.

        A notebook whose front end hides its path is taken to be there.
        """
        if not record.persistent or record.state == "gone" or not record.local_id:
            return False
        if record.path and Path(record.path).is_file() and inside(record):
            return True
        is_notebook = record.jupyter_type == "notebook" and record.path is not None
        return record.root == root and record.jupyter_type is not None and not is_notebook

    for candidate in ledger.all():
        if is_left(candidate):
            here = {"local_id": candidate.local_id, "root": root}
            same, doubts = partial(_is_kernel, candidate.kernel_id), Doubts()
            if record := ledger.claim(same, present, doubts.lives, **here):
                claimed.append(record)
            elif doubts.any:
                doubtful.append(candidate)
    return claimed, doubtful


def _is_kernel(kernel_id: str, record: KernelRecord) -> bool:
    return record.kernel_id == kernel_id


def let_go(config: EMRConnect, record: KernelRecord, reason: str) -> None:
    """Free a claimed kernel that could not be brought back; blocks on the state file."""
    owner = ownership(config.state_file).owner.id
    Ledger(Database(config.state_file)).release(record.kernel_id, owner, cause="not restored", reason=reason)
