"""A state file as the version before transports wrote it (schema 3), with what SQLite said of it: ``.schema``."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE attachments (
        path TEXT PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        compute TEXT NOT NULL,
        runtime_role TEXT,
        transport TEXT NOT NULL,
        profile TEXT,
        region TEXT,
        created_at TEXT NOT NULL
    , access_role TEXT);
CREATE TABLE kernels (
        kernel_id TEXT PRIMARY KEY,
        compute TEXT NOT NULL,
        kernelspec TEXT NOT NULL,
        gateway_url TEXT NOT NULL,
        runtime_role TEXT,
        path TEXT,
        profile TEXT,
        region TEXT,
        state TEXT NOT NULL,
        started_at TEXT NOT NULL
    , access_role TEXT, local_id TEXT, session_id TEXT, root TEXT,
    kept INTEGER NOT NULL DEFAULT 0, wanted INTEGER NOT NULL DEFAULT 0,
    owner_id TEXT, since TEXT,
    cause TEXT, reason TEXT, jupyter_session TEXT, jupyter_path TEXT, jupyter_type TEXT);
CREATE TABLE roles_used (
        compute TEXT NOT NULL,
        role TEXT NOT NULL,
        used_at TEXT NOT NULL,
        PRIMARY KEY (compute, role)
    );
CREATE TABLE computes (
        source TEXT NOT NULL,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        body TEXT NOT NULL,
        described_at REAL,
        PRIMARY KEY (source, kind, id)
    );
CREATE TABLE compute_lists (
        source TEXT NOT NULL,
        kind TEXT NOT NULL,
        listed_at REAL NOT NULL,
        PRIMARY KEY (source, kind)
    );
CREATE TABLE owners (
        id TEXT PRIMARY KEY,
        host TEXT NOT NULL,
        machine TEXT NOT NULL,
        pid INTEGER NOT NULL,
        process_started TEXT NOT NULL,
        heartbeat_at REAL NOT NULL
    );
PRAGMA user_version = 3;
"""


def write(path: Path, tables: Mapping[str, list[Mapping[str, Any]]]) -> None:
    """Make a state file of that version with these rows by table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        for table, rows in tables.items():
            for row in rows:
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
        connection.commit()
    path.chmod(0o600)


def rewrite(path: Path) -> None:
    """Turn a file of the present version into one of that version, with the same rows."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        names = ("attachments", "kernels", "roles_used", "computes", "compute_lists", "owners")
        tables = {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in names}
    for row in (*tables["kernels"], *tables["attachments"]):
        del row["compute_name"]
    for row in tables["compute_lists"]:
        del row["saved_at"]
    tables["compute_lists"] = [row for row in tables["compute_lists"] if row["listed_at"] is not None]
    for kernel in tables["kernels"]:
        kernel["gateway_url"], kernel["kept"] = kernel.pop("url"), kernel.pop("persistent")
        assert kernel.pop("remote_id") == kernel["kernel_id"]
        assert (kernel.pop("transport"), kernel.pop("remote_kind")) == ("gateway", "kernel")
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    write(path, tables)
