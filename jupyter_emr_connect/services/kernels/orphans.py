"""Orphans: kernels on a gateway that no notebook has, and that nobody will come back for. Only ours: the ledger's."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ...config import EMRConnect
from ...errors import EMRConnectError, KernelInUse
from ...executors import FILES, run_in
from ..git import is_known_to_git
from .listing import ListedKernel, claimed, list_kernels
from .processes import is_elsewhere

LEFT_FOR_LONG = timedelta(days=1)
LIVING_STATES = frozenset({"idle", "busy", "starting", "restarting"})
NOT_ASKED = "Its gateway cannot be asked now."
ABSENT = "its notebook is not there, but git knows it: it may be on another branch"


@dataclass(frozen=True)
class Orphan:
    """A kernel to be removed, and why; ``removed`` says whether it was, ``error`` what kept or keeps it.

    One that is ``kept`` is only shown: its notebook may come back, and it is removed on an explicit word alone.
    """

    kernel: ListedKernel
    why: str
    removed: bool = False
    error: str | None = None
    kept: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the JSON of ``jupyter emr kernels prune --json``."""
        return {
            **self.kernel.to_json(),
            "why": self.why,
            "removed": self.removed,
            "error": self.error,
            "kept": self.kept,
        }


async def find_orphans(
    config: EMRConnect, *, older_than: timedelta = LEFT_FOR_LONG, absent: bool = False
) -> list[Orphan]:
    """Return the orphans that live on their gateways, each asked for; where that was not possible ``error`` says so.

    ``older_than`` is how long nobody must have had a kernel whose notebook is still there, or on another git branch;
    with ``absent`` the latter is not waited for.
    """
    kernels = (await list_kernels(config)).items
    reasons = await run_in(FILES, lambda: [why_orphan(kernel, older_than) for kernel in kernels])
    return [
        Orphan(
            kernel, why, error=None if kernel.word in LIVING_STATES else NOT_ASKED, kept=why == ABSENT and not absent
        )
        for kernel, why in zip(kernels, reasons, strict=True)
        if why and kernel.word != "gone"
    ]


async def remove(config: EMRConnect, orphan: Orphan) -> Orphan:
    """Delete an orphan on its gateway; one that somebody has taken in the meantime, or with an error, is left alone."""
    record = orphan.kernel.record
    if orphan.error or orphan.kept:
        return orphan
    try:
        async with claimed(config, record) as remote:
            await remote.delete(record)
    except KernelInUse as error:
        return Orphan(orphan.kernel, orphan.why, error=error.message)
    except EMRConnectError as error:
        return Orphan(orphan.kernel, orphan.why, error=str(error))
    return Orphan(orphan.kernel, orphan.why, removed=True)


def why_orphan(kernel: ListedKernel, older_than: timedelta) -> str | None:
    """Return why a kernel is an orphan, None when it is none; blocks on the disk.

    A kernel whose owner lives never is. Of a process on another machine only its silence is known, so that its kernels
    wait for ``older_than`` in any case.
    """
    record = kernel.record
    if kernel.alive:
        return None
    if record.state == "gone":
        return "its connection was given up, but it still runs" if kernel.word in LIVING_STATES else None
    alone = datetime.now(timezone.utc) - _left_at(kernel)
    if not (kernel.owner and is_elsewhere(kernel.owner)):
        is_notebook = record.path and record.jupyter_type in (None, "notebook")
        if is_notebook and record.persistent and is_gone(record.path or ""):
            return ABSENT if alone < older_than and is_known_to_git(record.path or "") else "its notebook is gone"
        if not record.persistent and (kernel.owner or record.state == "detached"):
            return "the process that started it has ended, and no notebook waits for it"
    if alone >= older_than:
        hours = alone.total_seconds() / 3600
        return f"nobody has had it for {hours:.0f} h"
    return None


def _left_at(kernel: ListedKernel) -> datetime:
    """Return when a kernel was last known to be somebody's."""
    record = kernel.record
    if kernel.owner:
        return datetime.fromtimestamp(kernel.owner.heartbeat_at, timezone.utc)
    moment = record.since or record.started_at
    return datetime.fromisoformat(moment) if moment else datetime.fromtimestamp(0, timezone.utc)


def is_gone(path: str) -> bool:
    """Say whether a notebook's file was removed; blocks on the disk.

    A folder that cannot be read, or an unmounted one (empty), proves nothing.
    """
    if not path.startswith("/"):
        return False
    try:
        os.lstat(path)
    except FileNotFoundError:
        with suppress(OSError), os.scandir(Path(path).parent) as entries:
            return any(True for _ in entries)
    except OSError:
        pass
    return False
