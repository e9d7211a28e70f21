"""The last known list of computes in the state file, so that a restarted server shows it at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any, get_args

from ..models import Compute, Kind
from .database import Database

TUPLES = ("applications", "transports")
NAMES = frozenset(field.name for field in fields(Compute))
TEXTS = tuple(field.name for field in fields(Compute) if field.type in ("str", "RoleSupport"))
TEXTS_OR_NONE = tuple(field.name for field in fields(Compute) if field.type == "str | None")
KINDS = get_args(Kind)
# Lists of sources that nobody has used for so long are dropped.
UNUSED_AFTER_S = 30 * 86_400.0
PUT_LIST = """
    INSERT INTO compute_lists VALUES (?, ?, ?, ?) ON CONFLICT (source, kind) DO UPDATE
    SET listed_at = coalesce(excluded.listed_at, listed_at), saved_at = excluded.saved_at
"""
DELETE_UNUSED_ROWS = """
    DELETE FROM computes WHERE (source, kind) IN (SELECT source, kind FROM compute_lists WHERE saved_at < ?)
"""


class ComputeStore:
    """Rows by (source, kind, id). Every method raises ``StoreError`` when the file cannot be used; all block."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, source: str, kind: str) -> tuple[float | None, list[tuple[Compute, float | None]]]:
        """Return when the list was read (seconds since the epoch) and its rows with their descriptions'.

        It is None for a list that was never read to its end, whose rows are those of its first pages. A row that an
        older or newer version wrote in another shape is left out.
        """
        lists = self._database.rows("SELECT listed_at FROM compute_lists WHERE source = ? AND kind = ?", (source, kind))
        if not lists:
            return None, []
        rows = self._database.rows(
            "SELECT body, described_at FROM computes WHERE source = ? AND kind = ?", (source, kind)
        )
        decoded = ((_decode(row["body"]), row["described_at"]) for row in rows)
        return lists[0]["listed_at"], [(compute, moment) for compute, moment in decoded if compute]

    def save(
        self,
        source: str,
        kind: str,
        *,
        put: Iterable[tuple[Compute, float | None]] = (),
        gone: Iterable[str] = (),
        listed_at: float | None = None,
        now: float,
    ) -> None:
        """Write changed rows and drop ended ones in one transaction; ``listed_at`` once a list was read to its end.

        ``now`` is seconds since the epoch, like ``listed_at``.
        """
        rows = [(source, kind, compute.id, _encode(compute), moment) for compute, moment in put]
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO computes VALUES (?, ?, ?, ?, ?)", rows)
            keys = [(source, kind, compute_id) for compute_id in gone]
            connection.executemany("DELETE FROM computes WHERE source = ? AND kind = ? AND id = ?", keys)
            connection.execute(PUT_LIST, (source, kind, listed_at, now))
            if listed_at is not None:
                connection.execute(DELETE_UNUSED_ROWS, (now - UNUSED_AFTER_S,))
                connection.execute("DELETE FROM compute_lists WHERE saved_at < ?", (now - UNUSED_AFTER_S,))


def _encode(compute: Compute) -> str:
    return json.dumps(asdict(compute), separators=(",", ":"))


def _decode(body: str) -> Compute | None:
    """Return a row's compute, or None for what is no compute of this version."""
    try:
        fields_by_name = json.loads(body)
        values: dict[str, Any] = {
            name: tuple(value) if name in TUPLES else value for name, value in fields_by_name.items() if name in NAMES
        }
        compute = Compute(**values)
    except (AttributeError, TypeError, ValueError, RecursionError):
        return None
    return compute if _has_valid_types(compute) else None


def _has_valid_types(compute: Any) -> bool:
    """Say whether every field holds what its type says, as far as the list uses it: a file may hold anything."""
    texts = [*(getattr(compute, name) for name in TEXTS), *compute.applications, *compute.transports]
    texts += [value for name in TEXTS_OR_NONE if (value := getattr(compute, name)) is not None]
    if not isinstance(compute.tags, dict) or not isinstance(compute.details, dict):
        return False
    texts += compute.tags.values()
    return (
        compute.kind in KINDS and isinstance(compute.attachable, bool) and all(isinstance(text, str) for text in texts)
    )
