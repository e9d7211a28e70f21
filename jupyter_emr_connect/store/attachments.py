"""Attachments in the state file: one per notebook or folder, by absolute path; also what computes have shown before."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone

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
MOVE = """
    UPDATE OR REPLACE attachments SET path = :new || substr(path, length(:old) + 1)
    WHERE path = :old OR substr(path, 1, length(:old) + 1) = :old || '/'
"""


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

    def remove_below(self, path: str) -> int:
        """Delete the attachments of a path and of everything below it; returns how many there were."""
        with self._database.transaction() as connection:
            return connection.execute(REMOVE_BELOW, {"path": path}).rowcount

    def move(self, old: str, new: str) -> int:
        """Give the attachments of ``old``, and of everything below it, to ``new``; returns how many there were.

        What ``new`` had belonged to a file that is no longer there, and is dropped.
        """
        with self._database.transaction() as connection:
            connection.execute(REMOVE_BELOW, {"path": new})
            return connection.execute(MOVE, {"old": old, "new": new}).rowcount

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
