"""The SQLite state file: opening, schema versions, and errors that say what to do.

Several processes (servers, kernels, the CLI) and threads use one file at once: WAL mode, short transactions, a
connection per call. On a file system that other machines use too, WAL is unsafe and a rollback journal is kept instead.
A file that cannot be used is reported and left as it is, never replaced.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import StoreDamaged, StoreError
from .filesystems import lock_problem, shared_type
from .migrations import MIGRATIONS, migrate, schema_version

BUSY_TIMEOUT_S = 10.0
BUSY_PAUSE_S = 0.02
SHARED_WARNING = (
    "The state file %s is on a file system that other machines may use too (%s): it is kept with a rollback journal, "
    "which is as safe as that system's file locks. A path on a local disk (EMRConnect.state_file) is safer and faster."
)

# One thread at a time makes or migrates files: see Database._make.
_preparing = threading.Lock()
# The files whose locks and journal this process has looked at.
_prepared: set[Path] = set()
log = logging.getLogger(__name__)


class Database:
    """The state file at ``path`` (``config.state_file``); made at first use with mode 0600 in a folder of mode 0700.

    ``migrations`` make its schema: those of the state file, or of another file that is kept in the same way.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        busy_seconds: float = BUSY_TIMEOUT_S,
        migrations: Sequence[Callable[[sqlite3.Connection], None]] = MIGRATIONS,
    ) -> None:
        self.path = Path(path).expanduser().absolute()
        self._busy = busy_seconds
        self._migrations = migrations

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside one write transaction; it is committed at the end, rolled back on an error."""
        with self._explained(), closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:  # a full disk makes SQLite roll back by itself
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def put(self, table: str, row: Mapping[str, Any]) -> None:
        """Insert a row, or replace the one with the same key; names are ours, values may be anybody's."""
        query = f"INSERT OR REPLACE INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608 - our own names
        with self.transaction() as connection:
            connection.execute(query, tuple(row.values()))

    def rows(self, query: str, values: tuple[str, ...] | Mapping[str, str] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query (it never waits for writers)."""
        with self._explained(), closing(self._connect()) as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._explain(error) from error
        except UnicodeEncodeError as error:
            message = f"{ascii(error.object)[:200]} cannot be kept in {self.path}: it is not UTF-8."
            raise StoreError(message, fix="Rename the file or folder.") from error

    def _connect(self) -> sqlite3.Connection:
        """Return a connection to a file that is ours alone and has the present schema, closed by the caller.

        None is kept open: closing any other descriptor of the file (a copy made by this process) would take a kept
        connection's locks away (POSIX), and the next process to close would delete the WAL under it.
        """
        if self.path in _prepared and self._is_private():
            connection = self._open()
            try:
                if schema_version(connection) == len(self._migrations):
                    return connection
            except BaseException:
                connection.close()
                raise
            connection.close()
        with _preparing:
            self._make()
            self._is_private()
            if problem := lock_problem(self.path.parent):
                raise self._without_locks(problem)
            with closing(self._open()) as connection:
                self._migrate(connection)
            _prepared.add(self.path)
        return self._open()

    def _is_private(self) -> bool:
        """Return False when there is no file yet; close an open mode, refuse a file that is another user's."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return False
        if status.st_uid != os.geteuid():
            message = f"The state file {self.path} belongs to another user (uid {status.st_uid})."
            raise StoreError(message, fix="Set EMRConnect.state_file to a file of your own.")
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
            for end in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    Path(f"{self.path}{end}").chmod(0o600)
        return True

    def _make(self) -> None:
        """Make the file when there is none. SQLite gives its -wal and -shm files the mode of this one.

        An existing file is never opened here: closing it again would drop the locks that other threads of this
        process hold on it. That of a new one is closed before any of them can have opened it (``_preparing``).
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def _open(self) -> sqlite3.Connection:
        # Not made by SQLite, which would give it the mode that the umask says. `timeout` sets PRAGMA busy_timeout.
        uri = f"{self.path.as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=self._busy, isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version = schema_version(connection)
        if version > len(self._migrations):
            raise self._newer(version)
        self._choose_journal(connection, new=version == 0)
        if version < len(self._migrations):
            migrate(connection, self._migrations)

    def _choose_journal(self, connection: sqlite3.Connection, *, new: bool) -> None:
        """Give a new file the journal that is safe where it is, and take WAL from one that other machines may use.

        One that has no WAL keeps it so: another machine may be the one that sees the network between.
        """
        shared = shared_type(self.path)
        wanted = "delete" if shared else "wal"
        if not (shared or new):
            return
        if shared and (new or connection.execute("PRAGMA journal_mode").fetchone()[0] != wanted):
            log.warning(SHARED_WARNING, self.path, shared)
        # SQLite does not wait for others here, as it does elsewhere: the lock for it might never come (deadlock).
        deadline = time.monotonic() + self._busy
        while connection.execute("PRAGMA journal_mode").fetchone()[0] != wanted:
            try:
                connection.execute(f"PRAGMA journal_mode = {wanted}")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(BUSY_PAUSE_S)

    def _without_locks(self, problem: OSError) -> StoreError:
        kind = shared_type(self.path)
        where = f"the file system of {self.path.parent}" + (f" ({kind})" if kind else "")
        message = f"The state file cannot be used: {where} has no file locks ({problem.strerror})."
        fix = "Set EMRConnect.state_file to a path on a local disk, or have the file system mounted with locks."
        return StoreError(message, fix=fix)

    def _newer(self, version: int) -> StoreError:
        message = f"The state file {self.path} was written by a newer jupyter_emr_connect (schema {version})."
        return StoreError(message, fix="Upgrade the package, or set EMRConnect.state_file to another path.")

    def _explain(self, error: sqlite3.Error | OSError) -> StoreError:
        # An OSError's own text holds the path, whose words must not be taken for SQLite's.
        text = (error.strerror or "unknown error") if isinstance(error, OSError) else str(error)
        if "locked" in text or "busy" in text:
            message = f"The state file {self.path} is locked by another process for more than {self._busy:g} s."
            return StoreError(message, fix="End the process that holds it, then try again.")
        if "is full" in text or "No space left" in text or "disk I/O" in text:  # the last also of a full disk
            message = f"The state file {self.path} cannot grow: {text}. Nothing was changed."
            fix = "Free some space, then try again." if "disk I/O" not in text else "Check the disk: it may be full."
            return StoreError(message, fix=fix)
        if "not a database" in text or "malformed" in text:
            message = f"The state file {self.path} is damaged ({text}); it was left as it is."
            return StoreDamaged(message, fix="Move it away to start anew: attachments must then be made again.")
        if "readonly" in text or isinstance(error, PermissionError):
            message = f"The state file {self.path} cannot be written: {text}."
            return StoreError(message, fix="Make it and its folder writable for you, or set EMRConnect.state_file.")
        message = f"The state file {self.path} cannot be used: {text}."
        return StoreError(message, fix="Check the disk and the path, or set EMRConnect.state_file.")
