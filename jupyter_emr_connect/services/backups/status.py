"""What REST and the command line say of backups: per file, and of the whole location."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ...config import EMRConnect
from ...errors import BackupsOff, EMRConnectError
from ...store.backups import BackupRow, BackupStore, LocationState
from .location import USER, parse_location

MOST_ITEMS = 500
OFF_FIX = "Set EMRConnect.backup_location to s3://bucket/prefix in Jupyter's configuration."
ORDER = ("denied", "failed", "conflict", "waiting", "in S3")


def backups_off() -> BackupsOff:
    """Return the error for a server without a location that can be used."""
    message = "Backups are off: no location is set, or it cannot be used."
    return BackupsOff(message, fix=OFF_FIX)


def off() -> dict[str, Any]:
    """Return the status of a server without a location."""
    message = "Backups are off: no location is set."
    return {**_whole("off", None, 0, None, message, OFF_FIX), "items": []}


def status_of(
    config: EMRConnect, store: BackupStore, path: str = "", problem: EMRConnectError | None = None
) -> dict[str, Any]:
    """Return the contract's status of a file, of a folder, or of all files (``""``).

    ``problem`` is why changes are not in the queue yet. At most ``MOST_ITEMS`` items, those not in S3 first. Blocks on
    the queue; raises ``StoreError``.
    """
    location = parse_location(config.backup_location)
    # The states first: what is read after them has the reason for each, while the worker goes on.
    states = [name for name, count in store.counts().items() if count]
    waiting, queued_at = store.waiting()
    rows = store.below(path, MOST_ITEMS)
    trouble = store.trouble()
    if problem is not None:
        trouble = LocationState("failed", None, problem.message, problem.fix)
    if waiting:
        states.append("waiting")
    if trouble.message:
        states.append(trouble.state)
    state = min(states or ["in S3"], key=ORDER.index)
    since = trouble.since or _iso(queued_at)
    first = next((row for row in rows if row.message), None)
    message = trouble.message or (first.message if first else "")
    fix = trouble.fix if trouble.message else (first.fix if first else "")
    items = [item_of(row, location.key(row.path), trouble) for row in rows]
    shown = location.url if USER not in config.backup_location else config.backup_location
    return {**_whole(state, shown, waiting, since, message, fix), "items": items}


def item_of(row: BackupRow, key: str, trouble: LocationState) -> dict[str, Any]:
    """Return the contract's status of one file; one that waits has the message of what is in the location's way."""
    waits = row.action is not None
    state, message, fix = row.state, row.message, row.fix
    if waits and state == "in S3":
        state = "waiting"
    if waits and trouble.message and not message:
        message, fix = trouble.message, trouble.fix
    return {
        "path": row.path,
        "state": state,
        "key": key,
        "version_id": row.version_id,
        "saved_at": row.saved_at,
        "waiting_since": _iso(row.queued_at) if waits else None,
        "message": message,
        "fix": fix,
    }


def _whole(state: str, location: str | None, waiting: int, since: str | None, message: str, fix: str) -> dict[str, Any]:
    return {
        "location": location,
        "state": state,
        "waiting": waiting,
        "since": since,
        "message": message,
        "fix": fix,
    }


def _iso(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="seconds")
