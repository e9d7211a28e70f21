"""The queue of backups and what is known of each object in S3, in an SQLite file of its own beside the state file.

A file of its own, for two reasons: a damaged queue can be moved aside, since a scan of the folder makes it anew, while
attachments and the ledger cannot; and its many writes never hold up the ledger's. A row is one file of one server
folder (``root``) at one ``location``, the setting as it is written. It stands from the first save on; ``action`` is
what is still to be done. ``generation`` grows with each change: what changes during an upload is uploaded again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import StoreDamaged
from .database import Database
from .migrations import BACKUP_MIGRATIONS

State = Literal["in S3", "waiting", "conflict", "denied", "failed"]
FURTHEST_S = 900.0  # nothing is put off longer: a row that is due later was written before the clock was set back
OF = "root = :root AND location = :location"
BELOW = "(path = :path OR substr(path, 1, length(:path) + 1) = :path || '/')"
SAVE = """
    INSERT INTO backups (root, location, path, action, generation, queued_at, due_at, state)
    VALUES (:root, :location, :path, 'upload', 1, :now, :now + :merge, 'waiting')
    ON CONFLICT DO UPDATE SET
        due_at = CASE WHEN action = 'upload' THEN due_at ELSE max(:now + :merge, coalesce(sent_at, 0) + :pause) END,
        queued_at = CASE WHEN action = 'upload' THEN queued_at ELSE :now END,
        state = CASE WHEN state = 'in S3' THEN 'waiting' ELSE state END,
        action = 'upload', generation = generation + 1, moved_to = NULL
"""
DELETE = f"""
    UPDATE backups SET action = 'delete', generation = generation + 1, queued_at = :now, due_at = :now + :merge,
        moved_to = :moved_to, state = 'waiting', message = '', fix = '', sha256 = NULL
    WHERE {OF} AND path = :path
"""  # noqa: S608 - our own text
TO_DO = f"""
    {OF} AND action IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM backups AS new WHERE new.root = due.root AND new.location = due.location
        AND new.path = due.moved_to AND (new.action = 'upload' OR new.state = 'conflict')
    )
"""  # noqa: S608 - our own text
DUE = f"""
    SELECT * FROM backups AS due WHERE {TO_DO} AND (due_at <= :now OR due_at > :now + {FURTHEST_S})
    ORDER BY due_at, path LIMIT :limit
"""  # noqa: S608 - our own text
FINISH = f"""
    UPDATE backups SET etag = :etag, version_id = :version_id, sha256 = :sha256, size = :size, mtime_ns = :mtime_ns,
        sent_at = coalesce(:sent_at, sent_at), saved_at = coalesce(:saved_at, saved_at), attempts = 0, message = '',
        fix = '',
        state = CASE WHEN generation = :generation THEN 'in S3' ELSE 'waiting' END,
        action = CASE WHEN generation = :generation THEN NULL ELSE action END,
        due_at = CASE WHEN generation = :generation THEN NULL ELSE max(due_at, coalesce(:sent_at, 0) + :pause) END
    WHERE {OF} AND path = :path
"""  # noqa: S608 - our own text
FAIL = f"""
    UPDATE backups SET state = :state, message = :message, fix = :fix, due_at = :retry_at, attempts = attempts + 1,
        action = CASE WHEN :retry_at IS NULL AND generation = :generation THEN NULL ELSE action END
    WHERE {OF} AND path = :path
"""  # noqa: S608 - our own text

ANEW = f"""
    UPDATE backups SET action = 'upload', generation = generation + 1, queued_at = :now, due_at = :now, attempts = 0,
        moved_to = NULL, state = 'waiting', message = '', fix = '', etag = NULL, version_id = NULL, sha256 = NULL,
        sent_at = NULL, saved_at = NULL
    WHERE {OF}
"""  # noqa: S608 - our own text


@dataclass(frozen=True)
class BackupRow:
    """One file of the queue; moments ending in ``_at`` are Unix times in seconds, ``saved_at`` is ISO 8601.

    ``etag``, ``version_id``, ``sha256`` and ``saved_at`` are of the object in S3 that this folder wrote last or has
    taken over, ``size`` and ``mtime_ns`` of the file that it was made of. Without ``sha256`` the object may be gone:
    its delete was noted once.
    """

    root: str
    location: str
    path: str
    action: Literal["upload", "delete"] | None
    generation: int
    queued_at: float | None
    due_at: float | None
    attempts: int
    moved_to: str | None
    state: State
    message: str
    fix: str
    etag: str | None
    version_id: str | None
    sha256: str | None
    size: int | None
    mtime_ns: int | None
    sent_at: float | None
    saved_at: str | None


@dataclass(frozen=True)
class LocationState:
    """What keeps a whole location from being written: ``state`` is ``in S3`` where nothing does."""

    state: str
    since: str | None
    message: str
    fix: str


NO_TROUBLE = LocationState("in S3", None, "", "")


class BackupStore:
    """The rows of one server folder at one location; every method blocks and raises ``StoreError``; for any thread.

    ``merge_s`` is how long a change waits for others, ``pause_s`` what lies at least between two uploads of one file.
    """

    def __init__(self, file: Path, root: str, location: str, *, merge_s: float = 2.0, pause_s: float = 60.0) -> None:
        self.file = file
        self.root, self.location = root, location
        self._database = Database(file, migrations=BACKUP_MIGRATIONS)
        self._of = {"root": root, "location": location}
        self._waits = {"merge": merge_s, "pause": pause_s}

    def save(self, paths: Iterable[str]) -> None:
        """Note that files have changed."""
        with self._database.transaction() as connection:
            connection.executemany(SAVE, [self._values(path=path) for path in paths])

    def delete(self, paths: Iterable[str]) -> None:
        """Note that files were deleted, with all that was below them."""
        with self._database.transaction() as connection:
            for path in paths:
                rows = connection.execute(f"SELECT path FROM backups WHERE {OF} AND {BELOW}", self._values(path=path))  # noqa: S608 - our own text
                gone = [self._values(path=row["path"], moved_to=None) for row in rows.fetchall()]
                connection.executemany(DELETE, gone)

    def move(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Note that files are elsewhere: the old object is deleted once the new one is written and nobody else's."""
        known = list(pairs)
        with self._database.transaction() as connection:
            connection.executemany(DELETE, [self._values(path=old, moved_to=new) for old, new in known])
            connection.executemany(SAVE, [self._values(path=new) for _, new in known])

    def settle_at(self, url: str) -> str | None:
        """Note at which place the location is now, and return the former one where it was at another; else None.

        Nothing is known of the new place then, and every file is due; deletes that are left are those of the former.
        """
        with self._database.transaction() as connection:
            found = connection.execute(f"SELECT url FROM backup_places WHERE {OF}", self._of).fetchone()  # noqa: S608 - our own text
            former: str | None = found["url"] if found else None
            if former == url:
                return None
            values = self._values(url=url)
            connection.execute("INSERT OR REPLACE INTO backup_places VALUES (:root, :location, :url)", values)
            if former is not None:
                connection.execute(f"DELETE FROM backups WHERE {OF} AND action = 'delete'", values)  # noqa: S608 - our own text
                connection.execute(ANEW, values)
            return former

    def due(self, limit: int) -> list[BackupRow]:
        """Return what is to be done now, the longest due first."""
        with self._database.transaction() as connection:
            return [_row(row) for row in connection.execute(DUE, self._values(limit=limit))]

    def next_due(self) -> float | None:
        """Return when the next row is due, None when there is none that can be done."""
        query = f"SELECT min(due_at) AS due FROM backups AS due WHERE {TO_DO}"  # noqa: S608 - our own text
        due: float | None = self._database.rows(query, self._of)[0]["due"]
        return due

    def push(self, path: str | None = None) -> int:
        """Make what waits due now, of a path and below it, or all; returns how many rows that were."""
        below = BELOW if path else ":path IS NULL"
        query = f"UPDATE backups SET due_at = 0 WHERE {OF} AND action IS NOT NULL AND {below}"  # noqa: S608 - our own text
        with self._database.transaction() as connection:
            return connection.execute(query, self._values(path=path)).rowcount

    def finish(self, row: BackupRow, **known: Any) -> None:
        """Note an upload that was done, with ``etag``, ``version_id``, ``sha256``, ``size``, ``mtime_ns``.

        ``sent_at`` and ``saved_at`` are None where nothing had to be sent. A change since the row was read stays due.
        """
        with self._database.transaction() as connection:
            connection.execute(FINISH, self._values(path=row.path, generation=row.generation, **known))

    def fail(self, row: BackupRow, state: State, message: str, fix: str, *, retry_at: float | None) -> None:
        """Note why a row was not done; without ``retry_at`` it is not tried again before the file changes."""
        values = {"state": state, "message": message, "fix": fix, "retry_at": retry_at, "generation": row.generation}
        with self._database.transaction() as connection:
            connection.execute(FAIL, self._values(path=row.path, **values))

    def forget(self, row: BackupRow) -> None:
        """Drop the row of a file whose object is gone, unless the file has come back meanwhile."""
        query = f"DELETE FROM backups WHERE {OF} AND path = :path AND generation = :generation"  # noqa: S608 - our own text
        with self._database.transaction() as connection:
            connection.execute(query, self._values(path=row.path, generation=row.generation))

    def get(self, path: str) -> BackupRow | None:
        """Return the row of exactly this path."""
        query = f"SELECT * FROM backups WHERE {OF} AND path = :path"  # noqa: S608 - our own text
        rows = self._database.rows(query, {**self._of, "path": path})
        return _row(rows[0]) if rows else None

    def below(self, path: str, limit: int = -1) -> list[BackupRow]:
        """Return the rows of a path and below it (``""`` is all): what is not in S3 first, then the latest."""
        order = (
            "ORDER BY action IS NULL AND state = 'in S3', coalesce(sent_at, 0) DESC, path LIMIT CAST(:limit AS INTEGER)"
        )
        where = BELOW if path else ":path = ''"
        query = f"SELECT * FROM backups WHERE {OF} AND {where} {order}"  # noqa: S608 - our own text
        return [_row(row) for row in self._database.rows(query, {**self._of, "path": path, "limit": str(limit)})]

    def counts(self) -> dict[str, int]:
        """Return how many rows there are of each state; one with something left to do is not ``in S3``."""
        query = f"SELECT state, count(*) AS n FROM backups WHERE {OF} GROUP BY state"  # noqa: S608 - our own text
        return {row["state"]: row["n"] for row in self._database.rows(query, self._of)}

    def waiting(self) -> tuple[int, float | None]:
        """Return how many rows wait, and since when the longest does."""
        query = f"SELECT count(*) AS n, min(queued_at) AS since FROM backups WHERE {OF} AND action IS NOT NULL"  # noqa: S608 - our own text
        row = self._database.rows(query, self._of)[0]
        return row["n"], row["since"]

    def known_files(self) -> dict[str, tuple[int | None, int | None, str | None]]:
        """Return ``mtime_ns``, ``size`` and ``action`` of each path, for the scan."""
        query = f"SELECT path, mtime_ns, size, action FROM backups WHERE {OF}"  # noqa: S608 - our own text
        rows = self._database.rows(query, self._of)
        return {row["path"]: (row["mtime_ns"], row["size"], row["action"]) for row in rows}

    def trouble(self) -> LocationState:
        """Return what keeps the location from being written, as its worker has noted it last."""
        query = f"SELECT state, since, message, fix FROM backup_locations WHERE {OF}"  # noqa: S608 - our own text
        rows = self._database.rows(query, self._of)
        return LocationState(**rows[0]) if rows else NO_TROUBLE

    def note_trouble(self, trouble: LocationState) -> None:
        """Keep what is in the location's way, or :data:`NO_TROUBLE`."""
        values = {"state": trouble.state, "since": trouble.since, "message": trouble.message, "fix": trouble.fix}
        self._database.put("backup_locations", {**self._of, **values})

    def roots(self) -> list[str]:
        """Return the server folders that have rows, of any location."""
        return [row["root"] for row in self._database.rows("SELECT DISTINCT root FROM backups ORDER BY root")]

    def saved_elsewhere(self) -> dict[str, int]:
        """Return how many files of this folder have objects at other locations, by location."""
        query = (
            "SELECT location, count(*) AS n FROM backups WHERE root = :root AND location <> :location "
            "AND etag IS NOT NULL GROUP BY location ORDER BY location"
        )
        return {row["location"]: row["n"] for row in self._database.rows(query, self._of)}

    def set_aside(self) -> Path:
        """Move a damaged file away, with what SQLite has beside it, so that a new one is made; returns where it is."""
        target = self.file.with_name(f"{self.file.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
        for end in ("-wal", "-shm", ""):
            source = Path(f"{self.file}{end}")
            if source.exists():
                source.replace(Path(f"{target}{end}"))
        return target

    def check(self) -> None:
        """Raise ``StoreDamaged`` where SQLite finds the file damaged; reads all of it."""
        found = self._database.rows("PRAGMA quick_check")
        if (said := str(found[0][0])) != "ok":
            message = f"The queue of backups {self.file} is damaged ({said})."
            raise StoreDamaged(message, fix="It is moved aside and made anew by itself.")

    def _values(self, **values: Any) -> dict[str, Any]:
        return {**self._of, **self._waits, "now": time.time(), **values}


def _row(row: sqlite3.Row) -> BackupRow:
    return BackupRow(**dict(row))
