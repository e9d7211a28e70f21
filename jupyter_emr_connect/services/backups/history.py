"""Former states of files in a bucket that keeps no versions: copies under ``.emr-connect/`` of the prefix.

``history/<path>/<moment>`` has a state that was overwritten or replaced by a former one, ``trash/<moment>/<path>`` the
last state of a file that was deleted. A state is named by ``history:<moment>`` or ``trash:<moment>`` wherever S3's own
version ids stand. A path too long for a key there has its SHA-256 in its place.
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import BinaryIO

from ...aws.s3 import ObjectVersion, S3Store
from .content import content_type
from .location import OWN_FOLDER, BackupLocation

HISTORY, TRASH = "history", "trash"
_MOMENT = re.compile(r"\d{8}T\d{6}(?:\.\d+)?Z")
_LONGEST_KEY = 1024
_STATE = re.compile(rf"({HISTORY}|{TRASH}):({_MOMENT.pattern})")


def keep_state(bucket: S3Store, location: BackupLocation, path: str, etag: str, now: datetime | None = None) -> str:
    """Copy the present object of a file into its history, before it is overwritten; returns the state's name.

    Called where the bucket has answered a write without a version id. Raises ``ObjectChanged`` when the object is not
    the one with this ETag, ``ObjectNotFound``, and what every call of S3 raises.
    """
    moment = (now or datetime.now(timezone.utc)).strftime("%Y%m%dT%H%M%S.%fZ")
    bucket.copy(location.key(path), f"{_folder(location, path)}{moment}", if_match=etag)
    return f"{HISTORY}:{moment}"


def keep_deleted(bucket: S3Store, location: BackupLocation, path: str, etag: str, now: datetime) -> None:
    """Copy the present object of a file into the trash, before it is deleted; raises as :func:`keep_state`."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    bucket.copy(location.key(path), _trash_key(location, moment, path), if_match=etag)


def keep_content(bucket: S3Store, location: BackupLocation, path: str, body: BinaryIO) -> str:
    """Write what a file has now into its history, before it is replaced by a former state; returns the state's name."""
    moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    about = {"emr-connect-host": ascii(socket.gethostname())[1:-1]}
    key = f"{_folder(location, path)}{moment}"
    bucket.put(key, body, if_none_match=True, content_type=content_type(path), metadata=about)
    return f"{HISTORY}:{moment}"


def former_states(bucket: S3Store, location: BackupLocation, path: str, *, deleted: bool) -> Iterator[ObjectVersion]:
    """Yield a file's former states, in no order; the trash is looked through for a ``deleted`` file alone."""
    folder = _folder(location, path)
    for page in bucket.objects(folder):
        for row in page:
            if _MOMENT.fullmatch(moment := row.key[len(folder) :]):
                yield replace(row, version_id=f"{HISTORY}:{moment}", latest=False)
    if not deleted:
        return
    trash = location.key(f"{OWN_FOLDER}/{TRASH}/")
    for page in bucket.objects(trash):
        for row in page:
            moment = row.key[len(trash) :].partition("/")[0]
            if _MOMENT.fullmatch(moment) and row.key == _trash_key(location, moment, path):
                yield replace(row, version_id=f"{TRASH}:{moment}", latest=False)


def empty_trash(bucket: S3Store, location: BackupLocation, age: timedelta, now: datetime | None = None) -> int:
    """Delete what has been in the trash for longer than ``age`` for good; returns how many objects. Blocks."""
    oldest = ((now or datetime.now(timezone.utc)) - age).strftime("%Y%m%dT%H%M%SZ")
    trash, deleted = location.key(f"{OWN_FOLDER}/{TRASH}/"), 0
    for page in bucket.objects(trash):
        for row in page:
            moment = row.key[len(trash) :].partition("/")[0]
            if not _MOMENT.fullmatch(moment):
                continue
            if moment >= oldest:  # keys come in their order, so the rest is younger
                return deleted
            bucket.delete(row.key, if_match=row.etag)
            deleted += 1
    return deleted


def key_of_state(location: BackupLocation, path: str, version_id: str | None) -> str | None:
    """Return the key of a former state by its name; None for what is no such name."""
    match = _STATE.fullmatch(version_id or "")
    if match is None:
        return None
    if match[1] == HISTORY:
        return f"{_folder(location, path)}{match[2]}"
    return _trash_key(location, match[2], path)


def moment_of_state(version_id: str | None) -> str:
    """Return the moment in a former state's name, empty for other versions; of two, the greater is the later."""
    match = _STATE.fullmatch(version_id or "")
    return match[2] if match else ""


def _folder(location: BackupLocation, path: str) -> str:
    folder = location.key(f"{OWN_FOLDER}/{HISTORY}/{path}/")
    if len(folder.encode()) + len("20261130T000000.000000Z") <= _LONGEST_KEY:
        return folder
    return location.key(f"{OWN_FOLDER}/{HISTORY}/.long/{_digest(path)}/")


def _trash_key(location: BackupLocation, moment: str, path: str) -> str:
    key = location.key(f"{OWN_FOLDER}/{TRASH}/{moment}/{path}")
    if len(key.encode()) <= _LONGEST_KEY:
        return key
    return location.key(f"{OWN_FOLDER}/{TRASH}/{moment}/.long/{_digest(path)}")


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()
