"""The ledger of kernels: what was started where, since a gateway cannot tell which of its kernels are ours.

A kernel has at most one owner, the process whose WebSocket it has. Owning changes hands in one write transaction, so of
two processes that want a kernel exactly one gets it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ..models import KernelRecord, Owner
from .database import Database

COLUMNS = tuple(field.name for field in fields(KernelRecord))
MOVE = """
    UPDATE kernels SET path = :new || substr(path, length(:old) + 1)
    WHERE path = :old OR substr(path, 1, length(:old) + 1) = :old || '/'
"""
PUT_OWNER = "INSERT OR REPLACE INTO owners VALUES (:id, :host, :machine, :pid, :process_started, :heartbeat_at)"
FORGET_OWNERS = "DELETE FROM owners WHERE id != ? AND id NOT IN (SELECT owner_id FROM kernels WHERE owner_id NOTNULL)"
DELETE_GONE = "DELETE FROM kernels WHERE state = 'gone' AND since < ?"
GONE_SHOWN = timedelta(days=1)
WAITS = "It waits for the next start of its notebook."
CHANGEABLE = frozenset(
    {"state", "cause", "reason", "session_id", "remote_id", "jupyter_session", "jupyter_path", "jupyter_type"}
)


class Ledger:
    """Kernels by their ids; each is entered before it is asked for, so that none is lost. Every method blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: KernelRecord, owner: Owner | None = None) -> KernelRecord:
        """Enter a kernel (again), as ``owner``'s, and return the record with ``started_at`` and ``since``."""
        now = now_text()
        entered = replace(
            record,
            started_at=record.started_at or now,
            since=record.since or now,
            owner_id=owner.id if owner else record.owner_id,
        )
        marks = ", ".join(f":{name}" for name in COLUMNS)
        query = f"INSERT OR REPLACE INTO kernels ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608 - our own names
        with self._database.transaction() as connection:
            if owner:  # in one transaction, so that no kernel names an owner that nobody knows
                connection.execute(PUT_OWNER, asdict(owner))
            connection.execute(query, asdict(entered))
            connection.execute(DELETE_GONE, (moment_text(-GONE_SHOWN),))
        return entered

    def update(self, kernel_id: str, **values: str | None) -> None:
        """Set a state (with ``cause`` and ``reason``), a ``session_id`` and others; an unknown id is no error.

        ``since`` is the moment of a change of state.
        """
        if not set(values) <= CHANGEABLE:
            raise AssertionError
        sets = [f"{name} = :{name}" for name in values]
        if "state" in values:
            sets.append("since = CASE WHEN state = :state THEN since ELSE :now END")
        query = f"UPDATE kernels SET {', '.join(sets)} WHERE kernel_id = :id"  # noqa: S608 - our own names
        with self._database.transaction() as connection:
            connection.execute(query, {**values, "now": now_text(), "id": kernel_id})

    def remove(self, kernel_id: str) -> None:
        """Delete the row of a kernel that is deleted on its gateway."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM kernels WHERE kernel_id = ?", (kernel_id,))

    def claim(
        self,
        fits: Callable[[KernelRecord], bool],
        owner: Owner,
        lives: Callable[[Owner], bool],
        *,
        local_id: str | None = None,
        root: str | None = None,
    ) -> KernelRecord | None:
        """Give a kernel that no living process has to ``owner``; None when there is none.

        It is returned in the state that it was found in. ``fits`` chooses; of several the one that a user asked for
        (``kernels adopt``) comes first, then the latest. ``local_id`` and ``root`` are those it has from now on.
        Both callables run inside the transaction: they may look at this machine's processes, and at nothing slower.
        """
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT * FROM kernels ORDER BY wanted DESC, started_at DESC, kernel_id")
            owners = _owners(connection)
            for record in map(_record, rows.fetchall()):
                holder = owners.get(record.owner_id or "")
                if fits(record) and not (holder and (holder.id == owner.id or lives(holder))):
                    connection.execute(PUT_OWNER, asdict(owner))
                    query = "UPDATE kernels SET owner_id = ?, local_id = ?, root = ?, wanted = 0 WHERE kernel_id = ?"
                    connection.execute(query, (owner.id, local_id, root, record.kernel_id))
                    return replace(record, owner_id=owner.id, local_id=local_id, root=root, wanted=False)
        return None

    def offer(
        self, kernel_id: str, lives: Callable[[Owner], bool], *, path: str | None = None, force: bool = False
    ) -> Owner | None:
        """Mark a kernel as wanted by ``path`` (else its own notebook) and free it for the next start there.

        Returns the living owner, and changes nothing, where there is one and it is not to be taken by ``force``. Who
        loses a kernel so learns of it by :meth:`beat`.
        """
        with self._database.transaction() as connection:
            row = connection.execute("SELECT owner_id FROM kernels WHERE kernel_id = ?", (kernel_id,)).fetchone()
            holder = _owners(connection).get(row["owner_id"] or "") if row else None
            if holder and lives(holder) and not force:
                return holder
            query = """
                UPDATE kernels SET path = coalesce(:path, path), wanted = 1, persistent = 1, owner_id = NULL,
                state = 'detached', since = :now, cause = 'adopt', reason = :reason WHERE kernel_id = :id
            """
            values = {"path": path, "now": now_text(), "id": kernel_id, "reason": WAITS}
            connection.execute(query, values)
        return None

    def release(self, kernel_id: str, owner_id: str, *, cause: str, reason: str, persistent: bool = True) -> bool:
        """Leave a kernel to whoever wants it, as ``detached``; False when it is no longer this owner's.

        Without ``persistent`` it waits for nobody: no notebook takes it by itself, and ``kernels prune`` offers to
        remove it.
        """
        query = """
            UPDATE kernels SET owner_id = NULL, state = 'detached', since = ?, cause = ?, reason = ?,
            persistent = persistent AND ? WHERE kernel_id = ? AND owner_id = ?
        """
        with self._database.transaction() as connection:
            values = (now_text(), cause, reason, persistent, kernel_id, owner_id)
            return connection.execute(query, values).rowcount > 0

    def end(self, kernel_id: str, owner_id: str, *, cause: str, reason: str) -> None:
        """Note that a kernel of this owner is no more, and why; it is shown so for :data:`GONE_SHOWN`."""
        query = """
            UPDATE kernels SET owner_id = NULL, persistent = 0, state = 'gone', since = ?, cause = ?, reason = ?
            WHERE kernel_id = ? AND owner_id = ?
        """
        with self._database.transaction() as connection:
            connection.execute(query, (now_text(), cause, reason, kernel_id, owner_id))

    def beat(self, owner: Owner) -> set[str]:
        """Note that ``owner`` lives and forget owners without kernels; returns the ids of the kernels still its own."""
        with self._database.transaction() as connection:
            connection.execute(PUT_OWNER, asdict(owner))
            connection.execute(FORGET_OWNERS, (owner.id,))
            rows = connection.execute("SELECT kernel_id FROM kernels WHERE owner_id = ?", (owner.id,))
            return {row["kernel_id"] for row in rows}

    def move(self, old: str, new: str) -> int:
        """Let kernels of the notebook ``old``, and of those below it, be those of ``new``; returns how many."""
        with self._database.transaction() as connection:
            return connection.execute(MOVE, {"old": old, "new": new}).rowcount

    def get(self, kernel_id: str) -> KernelRecord | None:
        """Return the record of a kernel by its id, None when there is none."""
        rows = self._database.rows("SELECT * FROM kernels WHERE kernel_id = ?", (kernel_id,))
        return _record(rows[0]) if rows else None

    def all(self) -> list[KernelRecord]:
        """Return all kernels, the latest first."""
        return list(map(_record, self._database.rows("SELECT * FROM kernels ORDER BY started_at DESC, kernel_id")))

    def owners(self) -> dict[str, Owner]:
        """Return the processes that have kernels, or had some lately, by their ids."""
        return _by_id(self._database.rows("SELECT * FROM owners"))


def now_text() -> str:
    """Return the present moment as the ledger writes moments."""
    return moment_text(timedelta())


def moment_text(away: timedelta) -> str:
    """Return a moment so far from now as the ledger writes moments; in one time zone, so that text compares."""
    return (datetime.now(timezone.utc) + away).isoformat(timespec="seconds")


def _owners(connection: sqlite3.Connection) -> dict[str, Owner]:
    return _by_id(connection.execute("SELECT * FROM owners"))


def _by_id(rows: Iterable[sqlite3.Row]) -> dict[str, Owner]:
    return {row["id"]: Owner(**row) for row in rows}


def _record(row: sqlite3.Row) -> KernelRecord:
    values: dict[str, Any] = dict(row)
    return KernelRecord(**values | {"persistent": bool(values["persistent"]), "wanted": bool(values["wanted"])})
