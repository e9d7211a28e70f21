"""The states of one file that S3 has: its versions, or what ``history`` keeps where the bucket has none."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ...aws.s3 import Download, ObjectVersion, S3Store
from ...errors import AccessDenied, EMRConnectError, ObjectNotFound
from .history import former_states, key_of_state, moment_of_state
from .location import BackupLocation

CURRENT = "current"
"""Names the present object of a bucket that keeps no versions."""
MOST_DESCRIBED = 100
"""The newest states are asked for their compute and role, each by a call of its own."""
THREADS = 8


@dataclass(frozen=True)
class BackupVersion:
    """One state of a file in S3; ``saved_at`` in ISO 8601, ``size`` in bytes.

    ``compute``, ``runtime_role`` and ``host`` say what the notebook was attached to and which machine has saved it;
    None where the object does not tell. ``deleted`` means that the file was deleted then.
    """

    version_id: str
    saved_at: str
    size: int
    latest: bool
    deleted: bool
    compute: str | None = None
    runtime_role: str | None = None
    host: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class VersionList:
    """What is known of a file's states, the newest first; ``versioned`` is None where nobody could say.

    ``errors`` tell what is missing and why, as where the caller may not list versions.
    """

    items: list[BackupVersion]
    versioned: bool | None
    errors: list[EMRConnectError]

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON."""
        return {
            "items": [version.to_json() for version in self.items],
            "versioned": self.versioned,
            "errors": [error.to_json() for error in self.errors],
        }


def list_versions(bucket: S3Store, location: BackupLocation, path: str) -> VersionList:
    """Return the states of a file that S3 has; for any thread, blocks.

    Raises what calls of S3 raise, save that versions may not be listed: then the present state and the history are
    returned, with the missing action among the errors.
    """
    key, errors = location.key(path), []
    try:
        rows = [row for page in bucket.versions(key) for row in page if row.key == key]
    except AccessDenied as error:
        present = bucket.head(key)
        rows, errors = [present] if present else [], [_without_versions(error)]
    gone = not any(row.latest and not row.deleted for row in rows)
    have_ids = [row.version_id is not None for row in rows]
    versioned = any(have_ids) if have_ids else None
    rows += former_states(bucket, location, path, deleted=gone and not versioned)
    # S3 tells whole seconds; the names of states of our own say which was first within one.
    rows.sort(key=lambda row: (row.latest, row.modified, moment_of_state(row.version_id)), reverse=True)
    rows, denied = _described(bucket, location, path, rows)
    return VersionList([_version(row) for row in rows], versioned, errors + denied)


def read_version(bucket: S3Store, location: BackupLocation, path: str, version_id: str | None) -> Download:
    """Open one state of a file, the latest without a ``version_id``; raises ``ObjectNotFound``."""
    state = key_of_state(location, path, version_id)
    if state is not None:
        return bucket.get(state)
    return bucket.get(location.key(path), None if version_id in (None, "", CURRENT) else version_id)


def _without_versions(error: AccessDenied) -> AccessDenied:
    message = f"{error.message} Older versions of this file are not shown."
    return AccessDenied(message, fix=error.fix, iam_action=error.iam_action)


def _described(
    bucket: S3Store, location: BackupLocation, path: str, rows: list[ObjectVersion]
) -> tuple[list[ObjectVersion], list[EMRConnectError]]:
    """Return the states with the metadata of the newest ones; a refusal is told once."""

    def describe(row: ObjectVersion) -> ObjectVersion | AccessDenied:
        if row.deleted or row.metadata:
            return row
        state = key_of_state(location, path, row.version_id)
        try:
            found = bucket.head(row.key, None if state or row.latest else row.version_id)
        except AccessDenied as error:
            return error
        return replace(row, metadata=found.metadata) if found and found.etag == row.etag else row

    newest, rest = rows[:MOST_DESCRIBED], rows[MOST_DESCRIBED:]
    with ThreadPoolExecutor(THREADS, "emr-connect-versions") as pool:
        answers = list(pool.map(describe, newest))
    denied: Iterable[EMRConnectError] = [answer for answer in answers if isinstance(answer, AccessDenied)]
    described = [
        row if isinstance(answer, AccessDenied) else answer for row, answer in zip(newest, answers, strict=True)
    ]
    return described + rest, list({error.message.partition(" on ")[0]: error for error in denied}.values())


def _version(row: ObjectVersion) -> BackupVersion:
    told = row.metadata.get("emr-connect-saved-at")
    moment = row.modified.astimezone(timezone.utc).isoformat(timespec="seconds")
    return BackupVersion(
        row.version_id or CURRENT,
        told if told and _is_time(told) else moment,
        row.size,
        row.latest,
        row.deleted,
        row.metadata.get("emr-connect-compute"),
        row.metadata.get("emr-connect-role"),
        row.metadata.get("emr-connect-host"),
    )


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return False
    return True


def no_version(path: str, version_id: str | None) -> ObjectNotFound:
    """Return the error for a state that S3 does not have."""
    which = f"version {version_id} of {path!r}" if version_id else repr(path)
    return ObjectNotFound(
        f"There is no backup of {which}.", fix="`jupyter emr backups list PATH` shows those there are."
    )
