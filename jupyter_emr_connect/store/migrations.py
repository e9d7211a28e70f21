"""The schema of the state file, as the steps from each version to the next.

SQLite's ``user_version`` holds a file's version; a new file has 0. Called by :class:`..database.Database`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence


def _attachments_and_kernels(connection: sqlite3.Connection) -> None:
    """Make schema 1."""
    connection.execute("""
        CREATE TABLE attachments (
            path TEXT PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            compute TEXT NOT NULL,
            runtime_role TEXT,
            transport TEXT NOT NULL,
            profile TEXT,
            region TEXT,
            created_at TEXT NOT NULL
        )
    """)
    connection.execute("""
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
        )
    """)
    connection.execute("""
        CREATE TABLE roles_used (
            compute TEXT NOT NULL,
            role TEXT NOT NULL,
            used_at TEXT NOT NULL,
            PRIMARY KEY (compute, role)
        )
    """)


def _access_roles_and_computes(connection: sqlite3.Connection) -> None:
    """Make schema 2 of schema 1."""
    for table in ("attachments", "kernels"):
        connection.execute(f"ALTER TABLE {table} ADD COLUMN access_role TEXT")
    connection.execute("""
        CREATE TABLE computes (
            source TEXT NOT NULL,
            kind TEXT NOT NULL,
            id TEXT NOT NULL,
            body TEXT NOT NULL,
            described_at REAL,
            PRIMARY KEY (source, kind, id)
        )
    """)
    connection.execute("""
        CREATE TABLE compute_lists (
            source TEXT NOT NULL,
            kind TEXT NOT NULL,
            listed_at REAL NOT NULL,
            PRIMARY KEY (source, kind)
        )
    """)


def _owners_of_kernels(connection: sqlite3.Connection) -> None:
    """Make schema 3 of schema 2."""
    connection.execute("""
        CREATE TABLE owners (
            id TEXT PRIMARY KEY,
            host TEXT NOT NULL,
            machine TEXT NOT NULL,
            pid INTEGER NOT NULL,
            process_started TEXT NOT NULL,
            heartbeat_at REAL NOT NULL
        )
    """)
    for column in ("local_id", "session_id", "root"):
        connection.execute(f"ALTER TABLE kernels ADD COLUMN {column} TEXT")
    for column in ("kept", "wanted"):
        connection.execute(f"ALTER TABLE kernels ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")
    for column in ("owner_id", "since", "cause", "reason", "jupyter_session", "jupyter_path", "jupyter_type"):
        connection.execute(f"ALTER TABLE kernels ADD COLUMN {column} TEXT")


def _kernels_of_any_transport(connection: sqlite3.Connection) -> None:
    """Make schema 4 of schema 3: a kernel need not be a gateway's.

    SQLite can take ``NOT NULL`` from no column, so the table is made anew, in the caller's transaction
    (https://sqlite.org/lang_altertable.html, 7).
    """
    connection.execute("ALTER TABLE kernels RENAME TO gateway_kernels")
    connection.execute("""
        CREATE TABLE kernels (
            kernel_id TEXT PRIMARY KEY,
            compute TEXT NOT NULL,
            kernelspec TEXT NOT NULL,
            transport TEXT NOT NULL,
            url TEXT,
            remote_id TEXT,
            remote_kind TEXT NOT NULL,
            runtime_role TEXT,
            path TEXT,
            profile TEXT,
            region TEXT,
            access_role TEXT,
            state TEXT NOT NULL,
            started_at TEXT NOT NULL,
            local_id TEXT,
            session_id TEXT,
            root TEXT,
            persistent INTEGER NOT NULL,
            wanted INTEGER NOT NULL,
            owner_id TEXT,
            since TEXT,
            cause TEXT,
            reason TEXT,
            jupyter_session TEXT,
            jupyter_path TEXT,
            jupyter_type TEXT
        )
    """)
    connection.execute("""
        INSERT INTO kernels
        SELECT kernel_id, compute, kernelspec, 'gateway', gateway_url, kernel_id, 'kernel', runtime_role, path, profile,
            region, access_role, state, started_at, local_id, session_id, root, kept, wanted, owner_id, since, cause,
            reason, jupyter_session, jupyter_path, jupyter_type
        FROM gateway_kernels
    """)
    connection.execute("DROP TABLE gateway_kernels")


def _tls_seen(connection: sqlite3.Connection) -> None:
    """Make schema 5 of schema 4: where TLS was seen, as ``compute:port``."""
    connection.execute("CREATE TABLE tls_seen (compute TEXT PRIMARY KEY, seen_at TEXT NOT NULL)")


def _names_and_lists_not_read_to_their_end(connection: sqlite3.Connection) -> None:
    """Make schema 6 of schema 5: names of computes beside their ids; ``listed_at`` is null before a first whole list.

    The table is made anew as in schema 4. ``saved_at`` is when a row of the list was last written.
    """
    for table in ("attachments", "kernels"):
        connection.execute(f"ALTER TABLE {table} ADD COLUMN compute_name TEXT")
    connection.execute("ALTER TABLE compute_lists RENAME TO whole_lists")
    connection.execute("""
        CREATE TABLE compute_lists (
            source TEXT NOT NULL,
            kind TEXT NOT NULL,
            listed_at REAL,
            saved_at REAL NOT NULL,
            PRIMARY KEY (source, kind)
        )
    """)
    connection.execute("INSERT INTO compute_lists SELECT source, kind, listed_at, listed_at FROM whole_lists")
    connection.execute("DROP TABLE whole_lists")


def _backups(connection: sqlite3.Connection) -> None:
    """Make schema 1 of the queue of backups, which is a file of its own (see :mod:`.backups`)."""
    connection.execute("""
        CREATE TABLE backups (
            root TEXT NOT NULL,
            location TEXT NOT NULL,
            path TEXT NOT NULL,
            action TEXT,
            generation INTEGER NOT NULL DEFAULT 0,
            queued_at REAL,
            due_at REAL,
            attempts INTEGER NOT NULL DEFAULT 0,
            moved_to TEXT,
            state TEXT NOT NULL,
            message TEXT NOT NULL DEFAULT '',
            fix TEXT NOT NULL DEFAULT '',
            etag TEXT,
            version_id TEXT,
            sha256 TEXT,
            size INTEGER,
            mtime_ns INTEGER,
            sent_at REAL,
            saved_at TEXT,
            PRIMARY KEY (root, location, path)
        )
    """)
    connection.execute("CREATE INDEX backups_due ON backups (root, location, due_at) WHERE action IS NOT NULL")
    connection.execute("""
        CREATE TABLE backup_locations (
            root TEXT NOT NULL,
            location TEXT NOT NULL,
            state TEXT NOT NULL,
            since TEXT,
            message TEXT NOT NULL,
            fix TEXT NOT NULL,
            PRIMARY KEY (root, location)
        )
    """)


def _backup_places(connection: sqlite3.Connection) -> None:
    """Make schema 2 of the queue of backups: where a location that has ``{user}`` in it was last."""
    connection.execute("""
        CREATE TABLE backup_places (
            root TEXT NOT NULL,
            location TEXT NOT NULL,
            url TEXT NOT NULL,
            PRIMARY KEY (root, location)
        )
    """)


# Entry n (from 0) makes schema n + 1 of schema n. Never edit a step that was released; add one.
MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _attachments_and_kernels,
    _access_roles_and_computes,
    _owners_of_kernels,
    _kernels_of_any_transport,
    _tls_seen,
    _names_and_lists_not_read_to_their_end,
)

BACKUP_MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_backups, _backup_places)


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the version of the file's schema."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection, steps: Sequence[Callable[[sqlite3.Connection], None]]) -> None:
    """Bring the file to the present schema in one transaction; processes that start together do it once."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[schema_version(connection) :]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
