"""Kernels taken from the ledger for this process: one at a time, or all those that a starting server brings back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ...config import EMRConnect
from ...models import KernelRecord, Owner
from ...store.database import Database
from ...store.ledger import Ledger
from ...store.writes import finish_write
from .ownership import Ownership, ownership
from .processes import lives


async def claim(
    ledger: Ledger,
    owned: Ownership,
    fits: Callable[[KernelRecord], bool],
    *,
    local_id: str | None,
    root: str | None,
) -> KernelRecord | None:
    """Give this process a kernel that ``fits`` and that no living process has; None when there is none.

    Called from tasks, on any loop. A kernel claimed for a task that is cancelled meanwhile is free again. Raises
    ``StoreError``; see :meth:`Ledger.claim`.
    """
    claimed: list[KernelRecord] = []

    def write() -> None:
        record = ledger.claim(fits, owned.present(), lives, local_id=local_id, root=root)
        claimed.extend([record] if record else [])

    try:
        await finish_write(write)
    except asyncio.CancelledError:
        reason = "It was not taken over: whoever wanted it gave up."
        for record in claimed:
            await finish_write(
                ledger.release, record.kernel_id, owned.owner.id, cause=record.cause or "given up", reason=reason
            )
        raise
    return claimed[0] if claimed else None


def claim_left(config: EMRConnect, root: str, inside: Callable[[str], bool]) -> tuple[list[KernelRecord], bool]:
    """Claim the kernels that a starting Jupyter server shall bring back: those of its folder that nobody has.

    ``root`` is the server's folder, ``inside`` says whether a notebook is in it. Also returned is whether there are
    others which a process on another machine seems to have: worth asking again when its heartbeat would be stale.
    Blocks on the state file and the disk. Raises ``StoreError``.
    """
    ledger = Ledger(Database(config.state_file))
    present = ownership(config.state_file).present()
    claimed: list[KernelRecord] = []
    doubtful = False

    def is_left(record: KernelRecord) -> bool:
        """Say whether a kernel is one of this server's, and a notebook's only if the notebook is still there."""
        if not record.persistent or record.state == "gone" or not record.local_id:
            return False
        if record.path and inside(record.path) and Path(record.path).is_file():
            return True
        return record.root == root and record.jupyter_type not in (None, "notebook")

    def lives_surely(owner: Owner) -> bool:
        nonlocal doubtful
        alive = lives(owner)
        doubtful = doubtful or (alive and (owner.host, owner.machine) != (present.host, present.machine))
        return alive

    for candidate in ledger.all():
        if is_left(candidate):
            here = {"local_id": candidate.local_id, "root": root}
            same = partial(_is_kernel, candidate.kernel_id)
            if record := ledger.claim(same, present, lives_surely, **here):
                claimed.append(record)
    return claimed, doubtful


def _is_kernel(kernel_id: str, record: KernelRecord) -> bool:
    return record.kernel_id == kernel_id


def let_go(config: EMRConnect, record: KernelRecord, reason: str) -> None:
    """Free a claimed kernel that could not be brought back; blocks on the state file."""
    owner = ownership(config.state_file).owner.id
    Ledger(Database(config.state_file)).release(record.kernel_id, owner, cause="not restored", reason=reason)
