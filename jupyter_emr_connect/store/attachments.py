"""Attachments in the state file: one per notebook or folder, by absolute path; also what computes have shown before."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone

from ..models import Attachment
from .database import Database

COLUMNS = (
    "path",
    "id",
    "compute",
    "compute_name",
    "runtime_role",
    "transport",
    "profile",
    "region",
    "access_role",
    "created_at",
)
BELOW = "path = :path OR substr(path, 1, length(:path) + 1) = :path || '/'"
REMOVE_BELOW = f"DELETE FROM attachments WHERE {BELOW}"  # noqa: S608 - our own text
REMOVE_OLDER = f"DELETE FROM attachments WHERE ({BELOW}) AND created_at < :moment"  # noqa: S608 - our own text
MOVE = """
    UPDATE OR IGNORE attachments SET path = :new || substr(path, length(:old) + 1)
    WHERE path = :old OR substr(path, 1, length(:old) + 1) = :old || '/'
"""
FOLLOWED_WITHIN_S = 10  # a rename is followed within that time


class AttachmentStore:
    """Create, find and delete attachments; every method raises ``StoreError`` when the file cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, attachment: Attachment) -> Attachment:
        """Store an attachment for its ``path`` in place of any other; returns it with ``id`` and ``created_at``."""
        made = datetime.now(timezone.utc).isoformat(timespec="seconds")
        stored = replace(attachment, id=attachment.id or uuid.uuid4().hex, created_at=attachment.created_at or made)
        values = asdict(stored)
        self._database.put("attachments", {name: values[name] for name in COLUMNS})
        return stored

    def change(self, attachment: Attachment) -> Attachment | None:
        """Store an attachment that has an ``id`` for the path that it has by now, and return it; None when it is ended.

        In one step, so that a rename which is followed at the same time is kept.
        """
        values = asdict(attachment)
        names = [name for name in COLUMNS if name != "path"]
        query = f"UPDATE attachments SET {', '.join(f'{name} = :{name}' for name in names)} WHERE id = :id"  # noqa: S608 - our own names
        with self._database.transaction() as connection:
            if not connection.execute(query, {name: values[name] for name in names}).rowcount:
                return None
        return self.get(attachment.id or "")

    def at(self, path: str) -> Attachment | None:
        """Return the attachment of exactly this path."""
        rows = self._database.rows("SELECT * FROM attachments WHERE path = ?", (path,))
        return Attachment(**rows[0]) if rows else None

    def at_any(self, paths: Sequence[str]) -> list[Attachment]:
        """Return the attachments of these paths, in their order."""
        # A name that is not UTF-8 cannot have been stored, but a folder above it can.
        order = {path: at for at, path in enumerate(paths) if _is_text(path)}
        marks = ", ".join("?" * len(order))
        query = f"SELECT * FROM attachments WHERE path IN ({marks})"  # noqa: S608 - marks only
        found = [Attachment(**row) for row in self._database.rows(query, tuple(order))]
        return sorted(found, key=lambda attachment: order[attachment.path])

    def get(self, attachment_id: str) -> Attachment | None:
        """Return the attachment with this id."""
        rows = self._database.rows("SELECT * FROM attachments WHERE id = ?", (attachment_id,))
        return Attachment(**rows[0]) if rows else None

    def all(self) -> list[Attachment]:
        """Return all attachments, by path."""
        return [Attachment(**row) for row in self._database.rows("SELECT * FROM attachments ORDER BY path")]

    def version(self) -> str:
        """Return a text that is another one once any attachment was made, changed, moved or deleted."""
        rows = self._database.rows("SELECT * FROM attachments ORDER BY path")
        text = "\n".join(repr(tuple(row)) for row in rows)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def remove(self, path: str) -> bool:
        """Delete the attachment of this path; False when there was none."""
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM attachments WHERE path = ?", (path,)).rowcount > 0

    def below(self, path: str) -> list[Attachment]:
        """Return the attachments of a path and of everything below it, by path."""
        query = f"SELECT * FROM attachments WHERE {BELOW} ORDER BY path"  # noqa: S608 - our own text
        return [Attachment(**row) for row in self._database.rows(query, {"path": path})]

    def move(self, old: str, new: str) -> int:
        """Give the attachments of ``old``, and of everything below it, to ``new``; returns how many there were.

        What ``new`` had belonged to a file that is no longer there, and is dropped. What was stored for it in the last
        ten seconds is for what has just been renamed, and stays in place of what ``old`` had.
        """
        moment = datetime.now(timezone.utc) - timedelta(seconds=FOLLOWED_WITHIN_S)
        with self._database.transaction() as connection:
            connection.execute(REMOVE_OLDER, {"path": new, "moment": moment.isoformat(timespec="seconds")})
            moved = connection.execute(MOVE, {"old": old, "new": new}).rowcount
            connection.execute(REMOVE_BELOW, {"path": old})
            return moved

    def remember_role(self, compute: str, role: str) -> None:
        """Note that a runtime role was honoured by a compute, so that it is offered again."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO roles_used VALUES (?, ?, ?)", (compute, role, now))

    def roles_used(self, compute: str | None = None) -> list[str]:
        """Return the ARNs of roles used before (on one compute), the latest first."""
        query = "SELECT role FROM roles_used WHERE ? IN ('', compute) GROUP BY role ORDER BY max(used_at) DESC, role"
        return [row["role"] for row in self._database.rows(query, (compute or "",))]

    def remember_tls(self, compute: str, port: int) -> None:
        """Note that a compute has answered at a port over TLS, with a certificate that is trusted."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO tls_seen VALUES (?, ?)", (f"{compute}:{port}", now))

    def has_seen_tls(self, compute: str, port: int) -> bool:
        """Return whether a compute has ever answered at a port over TLS."""
        return bool(self._database.rows("SELECT 1 FROM tls_seen WHERE compute = ?", (f"{compute}:{port}",)))


def _is_text(path: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in path)
