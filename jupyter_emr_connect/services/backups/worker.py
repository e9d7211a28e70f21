"""The worker of one server folder's backups: a thread that does what is due, and says what keeps it from it.

One process at a time works on a folder and location, by a file lock that ends with the process; the others look now
and then whether it is free. Uploads run some at a time in threads of their own.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO

from ...config import EMRConnect
from ...errors import (
    AccessDenied,
    AWSError,
    BackupConflict,
    BucketNotFound,
    ConfigurationError,
    EMRConnectError,
    FileInMotion,
    ObjectNotFound,
    StoreDamaged,
    StoreError,
)
from ...executors import DaemonExecutor
from ...store.backups import NO_TROUBLE, BackupRow, BackupStore, LocationState
from ...tasks import report_failure
from .content import filter_of, read_content
from .history import empty_trash
from .location import USER, open_bucket, open_location, working_copy
from .scope import FoundFile, open_scope
from .upload import Uploader

LOOK_EVERY_S = 5.0  # at what other processes have put into the queue
SCAN_EVERY_S = 300.0
TRASH_EVERY_S = 86_400.0
AT_A_TIME = 4  # each takes Python's lock from the server's loop for some milliseconds
PER_ROUND = 64
MOTION_FIRST_S, MOTION_LAST_S = 2.0, 60.0
REFUSED_FIRST_S, REFUSED_LAST_S = 15.0, 300.0
FIRST_PAUSE_S, LAST_PAUSE_S = 2.0, 60.0
DENIED_IN_A_ROW = 3

log = logging.getLogger(__name__)


class BackupWorker:
    """Uploads what the queue has; started, woken and stopped from any thread."""

    def __init__(self, config: EMRConnect, root: str, store: BackupStore, *, logger: logging.Logger = log) -> None:
        self._config = config
        self._root = root
        self._store = store
        self._log = logger
        self._wake = threading.Event()
        self._scanned = threading.Event()
        self._stopping = False
        self._scan_at = 0.0
        self._trash_at = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._trouble = NO_TROUBLE
        self._thread = threading.Thread(target=self._run, name="emr-connect-backups", daemon=True)
        self._uploads = DaemonExecutor(AT_A_TIME, "emr-connect-uploads")

    def start(self) -> None:
        """Begin with a scan for what changed while nobody looked."""
        self._thread.start()

    def wake(self, *, scan: bool = False) -> None:
        """Look at once for what is due; with ``scan`` at the folder too."""
        if scan:
            self._scan_at = 0.0
        self._wake.set()

    def scanned(self, seconds: float) -> bool:
        """Wait until the folder was looked at, or another process is found to do so; False where that takes longer."""
        return self._scanned.wait(seconds)

    def stop(self, seconds: float) -> None:
        """Upload what waits, for so many seconds at most, then end; blocks."""
        self._stopping = True
        self._wake.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        lock: IO[bytes] | None = None
        while True:
            pause = LOOK_EVERY_S
            try:
                lock = lock or lock_of(self._store, self._root, self._store.location)
                if lock is not None:
                    pause = self.step()
                else:
                    self._scanned.set()
            except StoreDamaged as error:
                self._set_aside(error)
            except EMRConnectError as error:
                pause = self._note(error)
            except Exception as error:
                report_failure(self._log, "The backups could not be worked on.", error)
            if self._stopping:
                break
            self._wake.wait(pause)
            self._wake.clear()
        if lock is not None:
            lock.close()

    def step(self) -> float:
        """Scan where that is due, do what is due, and return after how many seconds to look again."""
        if self._stopping:
            self._store.push()
        elif time.monotonic() >= self._scan_at:
            self._scan_at = time.monotonic() + SCAN_EVERY_S
            scan(self._config, self._root, self._store)
            self._scanned.set()
            with suppress(AWSError):  # it is told once there is something to do
                self._is_elsewhere()
        rows = self._store.due(PER_ROUND)
        if not rows:
            self._empty_trash()
            due = self._store.next_due()
            if due is None:
                self._clear()
            return min(LOOK_EVERY_S, max(0.05, due - time.time())) if due else LOOK_EVERY_S
        return self.do(rows)

    def _is_elsewhere(self) -> bool:
        """Say whether the location is at another place than before, which its ``{user}`` makes it; all is due then."""
        if USER not in self._store.location:
            return False
        place = open_location(self._config, self._store.location).url
        if (former := self._store.settle_at(place)) is None:
            return False
        self._log.info("Backups go to %s from now on; what was saved at %s stays there.", place, former)
        return True

    def _empty_trash(self) -> None:
        """Delete what has been in the trash for long, once a day and while nothing waits."""
        days = self._config.backup_trash_days
        if not days or self._stopping or time.monotonic() < self._trash_at:
            return
        self._trash_at = time.monotonic() + TRASH_EVERY_S
        try:
            location = open_location(self._config, self._store.location)
            empty_trash(open_bucket(self._config, location.bucket), location, timedelta(days=days))
        except EMRConnectError as error:
            self._log.info("The trash of the backups could not be emptied: %s", error)

    def uploader(self, clock: Callable[[], float] = time.time) -> Uploader:
        """Return what does the rows of now; blocks, and may ask AWS who the caller is."""
        location = open_location(self._config, self._store.location)
        return Uploader(
            self._config,
            self._store,
            open_bucket(self._config, location.bucket),
            location,
            open_scope(self._config, self._root, self._store.location),
            working_copy(self._store.file, self._root),
            filter_of(self._config),
            clock,
        )

    def do(self, rows: list[BackupRow]) -> float:
        """Do rows, the first alone while there is trouble; return the seconds until the next look.

        Raises ``StoreError``, and what keeps the location from being known.
        """
        if self._is_elsewhere():
            return 0.0  # the rows say what is at the former place
        uploader = self.uploader()
        batch = rows[:1] if self._trouble.message else rows
        outcomes = [self._uploads.submit(self._one, uploader, row) for row in batch]
        wait(outcomes)
        errors = [error for outcome in outcomes if (error := outcome.result()) is not None]
        denied = [error for error in errors if isinstance(error, AccessDenied)]
        if len(errors) == len(batch) and len(denied) == len(batch) >= (1 if self._trouble.message else DENIED_IN_A_ROW):
            return self._note(denied[0])
        if blocking := next((error for error in errors if not isinstance(error, AccessDenied)), None):
            return self._note(blocking)
        self._clear()
        return 0.0

    def _one(self, uploader: Uploader, row: BackupRow) -> AWSError | ConfigurationError | None:
        """Do one row; note what is wrong with it alone, and return what is wrong with more than it."""
        try:
            uploader.do(row)
        except BackupConflict as error:
            self._store.fail(row, "conflict", error.message, error.fix, retry_at=None)
        except FileInMotion as error:
            retry_at = _later(row, MOTION_FIRST_S, MOTION_LAST_S)
            self._store.fail(row, "waiting", error.message, error.fix, retry_at=retry_at)
        except AccessDenied as error:
            self._store.fail(row, "denied", error.message, error.fix, retry_at=_later(row))
            return error
        except StoreError:
            raise
        except (BucketNotFound, ConfigurationError) as error:
            return error
        except AWSError as error:
            if type(error) is AWSError or isinstance(error, ObjectNotFound):  # S3 refuses this object alone
                retry_at = _later(row)
                self._store.fail(row, "failed", error.message, error.fix, retry_at=retry_at)
                return None
            return error
        except OSError as error:
            message = f"{row.path} cannot be read: {error.strerror or error}."
            retry_at = _later(row)
            self._store.fail(row, "failed", message, "Make the file readable for the server.", retry_at=retry_at)
        except Exception as error:
            report_failure(self._log, f"{row.path!a} could not be backed up.", error)
            message = f"{row.path} could not be backed up: {type(error).__name__}."
            fix = "The server's log has the details. It is tried again by itself."
            self._store.fail(row, "failed", message, fix, retry_at=_later(row))
        return None

    def _note(self, error: EMRConnectError) -> float:
        """Keep what is in the location's way; return the seconds until it is tried again."""
        state = "waiting"
        if isinstance(error, AccessDenied):
            state = "denied"
        elif isinstance(error, BucketNotFound | ConfigurationError | StoreError):
            state = "failed"
        since = self._trouble.since or datetime.now(timezone.utc).isoformat(timespec="seconds")
        trouble = LocationState(state, since, error.message, error.fix)
        if trouble != self._trouble:
            self._log.warning("Backups wait: %s", error)
            self._trouble = trouble
            with suppress(StoreError):
                self._store.note_trouble(trouble)
        pause = self._pause_s * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, hides nothing
        self._pause_s = min(self._pause_s * 2, LAST_PAUSE_S)
        return pause

    def _clear(self) -> None:
        self._pause_s = FIRST_PAUSE_S
        if self._trouble.message:
            self._log.info("Backups go on.")
        self._trouble = NO_TROUBLE
        if self._store.trouble() != NO_TROUBLE:
            self._store.note_trouble(NO_TROUBLE)

    def _set_aside(self, error: StoreDamaged) -> None:
        """Keep a damaged queue, and let a scan make it anew."""
        kept = self._store.set_aside()
        self._log.warning("%s It was moved to %s, and the folder is scanned anew.", error.message, kept)
        self._scan_at = 0.0
        self._wake.set()


def scan(config: EMRConnect, root: str, store: BackupStore) -> int:
    """Note the files that are not as the queue knows them; returns how many. Blocks on the disk.

    A file that is gone without Jupyter having deleted it keeps its object: a disk may just not be mounted. Where its
    content is under a new name, and of the same moment, it was renamed.
    """
    known = store.known_files()
    changed, new = [], []
    for file in open_scope(config, root, store.location).walk():
        mtime_ns, size, action = known.get(file.path, (None, None, None))
        if file.path not in known:
            new.append(file)
        elif action != "upload" and (mtime_ns, size) != (file.mtime_ns, file.size):
            changed.append(file.path)
    moved = _renamed(config, Path(root), store, new) if new else []
    if moved:
        store.move(moved)
    changed += {file.path for file in new} - {path for _, path in moved}
    if changed:
        store.save(changed)
    return len(changed) + len(moved)


def _renamed(config: EMRConnect, root: Path, store: BackupStore, new: list[FoundFile]) -> list[tuple[str, str]]:
    """Return the former and the new path of files that were renamed while nobody told."""
    gone: dict[tuple[int | None, int | None], list[str]] = {}
    for path, (mtime_ns, size, action) in store.known_files().items():
        if mtime_ns is not None and action != "delete" and not os.path.lexists(root / path):
            gone.setdefault((mtime_ns, size), []).append(path)
    leave_out, pairs = filter_of(config), []
    for file in new:
        for former in gone.get((file.mtime_ns, file.size), []):
            row = store.get(former)
            with suppress(FileInMotion, OSError):
                if row and row.sha256 == read_content(root / file.path, file.path, leave_out).sha256:
                    pairs.append((former, file.path))
                    gone[file.mtime_ns, file.size].remove(former)
                    break
    return pairs


def lock_of(store: BackupStore, root: str, location: str) -> IO[bytes] | None:
    """Return the open file whose lock lets this process alone work on a folder's backups, None while another does.

    The lock ends when the file is closed or the process ends. Where there are no file locks every process works, and
    S3's conditions keep them apart.
    """
    name = hashlib.sha256(f"{store.file.name}\0{root}\0{location}".encode(errors="replace")).hexdigest()[:16]
    store.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = Path(store.file.parent, f"backups-{name}.lock").open("ab")  # noqa: SIM115 - the caller closes it
    with suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        except OSError:
            return file
    return file


def _later(row: BackupRow, first_s: float = REFUSED_FIRST_S, last_s: float = REFUSED_LAST_S) -> float:
    """Return when a row that was refused is tried again, later each time."""
    return time.time() + min(last_s, first_s * 2.0 ** min(row.attempts, 10))
