"""A whole folder brought back from S3 to a machine that may be empty: several files at a time, and resumable.

What is there already is left alone: the same content is not fetched again, other content stays and is named. A file
that was cut off half-way goes on where it was when the same command is given again.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ...aws.s3 import ObjectVersion, S3Store
from ...errors import (
    AWSUnavailable,
    BackupError,
    CredentialsExpired,
    EMRConnectError,
    InvalidCredentials,
    ObjectNotFound,
    Throttled,
)
from .beside import PART, copy_beside
from .location import OWN_FOLDER

THREADS = 8
AHEAD = 64  # files that are handed to the threads before the first of them is done
FATAL = (AWSUnavailable, CredentialsExpired, InvalidCredentials, Throttled)
"""What every other file would meet too."""


@dataclass
class FolderReport:
    """What came of it: how many files were written or were there already, and the paths of the others.

    ``kept`` are files with other content that were left as they are, ``failed`` pairs of path and reason; ``replaced``
    are former files, saved under the second path.
    """

    restored: int = 0
    present: int = 0
    bytes: int = 0
    kept: list[str] = field(default_factory=list)
    replaced: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "restored": self.restored,
            "present": self.present,
            "bytes": self.bytes,
            "kept": sorted(self.kept),
            "replaced": [{"path": path, "saved_present_as": copy} for path, copy in sorted(self.replaced)],
            "failed": [{"path": path, "message": message} for path, message in sorted(self.failed)],
        }


@dataclass(frozen=True)
class FolderRestore:
    """The objects below ``prefix`` (``""``, or ending with ``/``) on their way to the folder ``target``.

    ``at`` is a moment whose state is wanted, for a bucket with versions; None the present one. ``overwrite`` replaces
    files with other content, each saved beside as ``…before-restore…``. :meth:`run` blocks.
    """

    bucket: S3Store
    prefix: str
    target: Path
    at: datetime | None = None
    overwrite: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _written: dict[tuple[int, int], str] = field(default_factory=dict)

    def run(self, progress: Callable[[int, int], None] = lambda done, total: None) -> FolderReport:
        """Restore all; ``progress(done, known so far)`` is called in this thread.

        Raises what keeps all files from coming (no network, a login that is over); what was done stays done.
        """
        report, running, done, total = FolderReport(), set[Future[None]](), 0, 0
        self.target.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(THREADS, "emr-connect-restore") as pool:
            try:
                for row in self._rows():
                    total += 1
                    running.add(pool.submit(self._one, row, report))
                    while len(running) >= AHEAD:
                        running, ended = _take(running)
                        done += ended
                        progress(done, total)
                while running:
                    running, ended = _take(running)
                    done += ended
                    progress(done, total)
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return report

    def _rows(self) -> Iterator[ObjectVersion]:
        """Yield what is to be restored; nothing of our own folder, and no markers of folders."""
        own = f"/{OWN_FOLDER}/"
        pages = self.bucket.objects(self.prefix) if self.at is None else self._rows_at(self.at)
        for page in pages:
            yield from (row for row in page if own not in f"/{row.key}" and not row.key.endswith("/"))

    def _rows_at(self, at: datetime) -> Iterator[list[ObjectVersion]]:
        """Yield the newest version of each key that is not newer than a moment, if the file was there then."""
        last = ""
        for page in self.bucket.versions(self.prefix):
            found = []
            for row in page:
                if row.key != last and row.modified <= at:
                    last = row.key
                    found += [] if row.deleted else [row]
            yield found

    def _one(self, row: ObjectVersion, report: FolderReport) -> None:
        path = row.key[len(self.prefix) :]
        try:
            self._bring(row, path, report)
        except FATAL:
            raise
        except EMRConnectError as error:
            with self._lock:
                report.failed.append((path, str(error)))
        except OSError as error:
            with self._lock:
                report.failed.append((path, f"It cannot be written: {error.strerror or error}."))

    def _bring(self, row: ObjectVersion, path: str, report: FolderReport) -> None:
        file = self._file(path)
        if self._stays(row, file, path, report):
            return
        part = self._fetch(row, file)
        if part is None:
            return
        if self._stays(row, file, path, report):  # made by somebody meanwhile
            part.unlink()
            return
        replaced = str(copy_beside(file)) if file.exists() else None
        part.replace(os.path.realpath(file))
        with self._lock:
            self._written[_identity(file)] = path
            report.restored += 1
            report.bytes += row.size
            if replaced:
                report.replaced.append((path, replaced))

    def _stays(self, row: ObjectVersion, file: Path, path: str, report: FolderReport) -> bool:
        """Say whether the file that is there now stays, and note why; raises ``BackupError`` for another name's."""
        if not file.exists():
            return False
        twin = self._written.get(_identity(file))
        if twin is not None:
            message = f"The disk does not tell this name from {twin!r}, which is there."
            raise BackupError(message, fix="Restore it by itself under another name.")
        same = self._is_same(row, file)
        if not same and self.overwrite:
            return False
        with self._lock:
            if same:
                report.present += 1
            else:
                report.kept.append(path)
        return True

    def _file(self, path: str) -> Path:
        """Return where a file belongs; raises ``BackupError`` for a key that would lead out of the folder."""
        parts = path.split("/")
        if any(part in ("", ".", "..") or "\0" in part or (os.sep != "/" and os.sep in part) for part in parts):
            message = f"{path!r} is no path that a file could have."
            raise BackupError(message, fix="Copy the object under another key.")
        file = self.target.joinpath(*parts)
        root, real = os.path.realpath(self.target), os.path.realpath(file)
        if not real.startswith(root.rstrip(os.sep) + os.sep):
            message = f"{path!r} leads out of {self.target} by a symbolic link."
            raise BackupError(message, fix="Remove the link, or restore elsewhere.")
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _is_same(self, row: ObjectVersion, file: Path) -> bool:
        if not file.is_file() or file.stat().st_size != row.size:
            return False
        if _digest(file, "md5") == row.etag.strip('"'):
            return True
        known = self.bucket.head(row.key, self._version(row))
        return known is not None and known.sha256 is not None and known.sha256 == _digest(file, "sha256")

    def _fetch(self, row: ObjectVersion, file: Path) -> Path | None:
        """Bring a file whole into a part, or None when all is stopped: what has come stays for the next time."""
        name = hashlib.sha256(f"{row.key}\0{row.etag}".encode()).hexdigest()[:32]
        part = file.with_name(f"{PART}{name}")
        have = part.stat().st_size if part.exists() else 0
        if have > row.size or (have == row.size and have):
            part.unlink()
            have = 0
        download = self.bucket.get(row.key, self._version(row), start=have)
        if download.version.etag != row.etag:
            message = f"s3://{self.bucket.bucket}/{row.key} was changed while the folder was restored."
            raise ObjectNotFound(message, fix="Give the same command again.")
        with part.open("ab") as opened:
            for chunk in download:
                opened.write(chunk)
                if self._stop.is_set():
                    return None
        if download.version.sha256 and download.version.sha256 != _digest(part, "sha256"):
            part.unlink()
            message = f"What was read of s3://{self.bucket.bucket}/{row.key} is not what was written there."
            raise BackupError(message, fix="Give the same command again.")
        return part

    def _version(self, row: ObjectVersion) -> str | None:
        return None if self.at is None else row.version_id


def _take(running: set[Future[None]]) -> tuple[set[Future[None]], int]:
    """Wait for some of the work; return what is left and how many ended. Raises what one of them raised."""
    ended, left = wait(running, return_when=FIRST_COMPLETED)
    for future in ended:
        future.result()
    return left, len(ended)


def _identity(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_dev, status.st_ino


def _digest(file: Path, name: str) -> str:
    digest = hashlib.new(name, usedforsecurity=False)
    with file.open("rb") as opened:
        while chunk := opened.read(1024 * 1024):
            digest.update(chunk)
    return digest.hexdigest()
