"""What REST and the command line say of backups: per file, and of the whole location."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ...config import EMRConnect
from ...errors import BackupsOff, EMRConnectError, StoreError
from ...store.backups import NO_TROUBLE, BackupRow, BackupStore, LocationState
from .location import USER, all_locations, nearest_location, open_queue, parse_location

MOST_ITEMS = 500
OFF_FIX = "Set EMRConnect.backup_location to s3://bucket/prefix in Jupyter's configuration."
NOT_HERE_FIX = "EMRConnect.backup_locations says where each folder's backups go."
ORDER = ("denied", "failed", "conflict", "waiting", "in S3")


def backups_off() -> BackupsOff:
    """Return the error for a server without a location that can be used."""
    message = "Backups are off: no location is set, or it cannot be used."
    return BackupsOff(message, fix=OFF_FIX)


def folder_off(path: str) -> BackupsOff:
    """Return the error for a file or folder that has no backups while others have."""
    message = f"{path or 'This folder'} has no backups: its folder has no place in S3."
    return BackupsOff(message, fix=NOT_HERE_FIX)


def off(config: EMRConnect, root: str, error: EMRConnectError | None = None) -> dict[str, Any]:
    """Return the status of a server without backups, with what earlier ones are kept where; blocks.

    ``error`` is why there are none, where a location is set.
    """
    message = error.message if error else "Backups are off: no location is set."
    fix = error.fix if error else OFF_FIX
    store = open_queue(config, root, "")
    stays = stays_of(config, [store]) if store.file.exists() else []
    return {
        **_whole("off", None, 0, None, " ".join([message, *map(stays_text, stays)]), fix),
        "items": [],
        "stays": stays,
    }


def stays_of(config: EMRConnect, stores: list[BackupStore]) -> list[dict[str, Any]]:
    """Return how many files are kept at locations that are not used any more, as JSON; blocks on the queue."""
    used = all_locations(config)
    found = stores[0].saved_elsewhere()
    return [{"location": name, "files": count} for name, count in found.items() if name not in used]


def stays_text(stays: dict[str, Any]) -> str:
    """Say what one of :func:`stays_of` means."""
    files = "1 file stays" if stays["files"] == 1 else f"{stays['files']} files stay"
    return f"What was saved of {files} in {stays['location']}, and are not written any more."


def status_of_all(
    config: EMRConnect,
    stores: list[BackupStore],
    path: str = "",
    problem: EMRConnectError | None = None,
    *,
    wrong: Mapping[str, EMRConnectError] | None = None,
) -> dict[str, Any]:
    """Return the contract's status over all locations of a server's folder; raises and blocks as :func:`status_of`.

    Its ``location`` is that of ``path``; what is worst says ``state``, ``message`` and ``fix``. ``wrong`` says of
    settings what is wrong with them.
    """
    found = [status_of(config, store, path, problem) for store in stores]
    items = [item for status in found for item in status["items"]]
    items.sort(key=lambda item: item["state"] == "in S3")
    return {
        **_worst(config, stores, found, path, wrong or {}),
        "waiting": sum(status["waiting"] for status in found),
        "since": min((status["since"] for status in found if status["since"]), default=None),
        "items": items[:MOST_ITEMS],
        "stays": stays_of(config, stores),
    }


def _worst(
    config: EMRConnect,
    stores: list[BackupStore],
    found: list[dict[str, Any]],
    path: str,
    wrong: Mapping[str, EMRConnectError],
) -> dict[str, Any]:
    """Return the state, its reason and the location that are told of a path, or of everything."""
    place = nearest_location(config, path.strip("/"))
    own = next((status for status, store in zip(found, stores, strict=True) if store.location == place), None)
    if own is None and path:
        error = wrong.get(place) or folder_off(path)
        return _whole("failed" if place in wrong else "off", None, 0, None, error.message, error.fix)
    troubles = [_whole("failed", None, 0, None, error.message, error.fix) for error in wrong.values() if not path]
    worst = min([*troubles, *found], key=lambda status: ORDER.index(status["state"]))
    return {**worst, "location": (own or found[0])["location"]}


def status_of(
    config: EMRConnect, store: BackupStore, path: str = "", problem: EMRConnectError | None = None
) -> dict[str, Any]:
    """Return the status of a file, of a folder, or of all files (``""``), at one location.

    ``problem`` is why changes are not in the queue yet. At most ``MOST_ITEMS`` items, those not in S3 first. Blocks on
    the queue; one that cannot be read is told as what is in the location's way.
    """
    location = parse_location(store.location)
    states: list[str] = []
    waiting, queued_at, rows, trouble = 0, None, list[BackupRow](), NO_TROUBLE
    try:
        # The states first: what is read after them has the reason for each, while the worker goes on.
        states = [name for name, count in store.counts().items() if count]
        waiting, queued_at = store.waiting()
        rows = store.below(path, MOST_ITEMS)
        trouble = store.trouble()
    except StoreError as error:  # a disk so full that it cannot even be read, or a damaged queue
        problem = error
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
    for item in items:
        if not item["message"] and nearest_location(config, item["path"]) != store.location:
            item.update(
                message=f"It is not saved here any more; what was saved stays in {location.url}.", fix=NOT_HERE_FIX
            )
    shown = location.url if USER not in store.location else store.location
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
