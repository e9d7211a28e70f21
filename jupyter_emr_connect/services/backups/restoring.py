"""A file brought back from S3 to the server's folder, whole or one cell of it; what is there now is kept first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ...aws.s3 import Download, S3Store
from ...config import EMRConnect
from ...errors import AWSError, FileInMotion, NotebookError, ObjectNotFound, PathError, StoreError
from ...store.backups import BackupStore
from .beside import copy_beside, drop_old_parts, part_of, write_new
from .cells import cell_of, put_cell, read_notebook, write_notebook
from .content import Filter, filter_of, read_content
from .history import keep_content, keep_state
from .location import BackupLocation, open_bucket, open_location
from .scope import Scope, open_scope
from .versions import VersionList, list_versions, no_version, read_version

LARGEST_NOTEBOOK = 64 * 1024 * 1024  # bytes that are taken apart into cells


@dataclass(frozen=True)
class Restored:
    """A file that was brought back, and under which name its former state can be had.

    ``saved_present_as`` is a version of the list, or the path of a copy beside the file where S3 took none; None where
    there was no file.
    """

    path: str
    saved_present_as: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class FileRestorer:
    """Lists, reads and brings back the states of files of one server folder; every method blocks, for any thread."""

    bucket: S3Store
    location: BackupLocation
    scope: Scope
    store: BackupStore
    leave_out: Filter

    def versions(self, path: str) -> VersionList:
        """Return the states that S3 has of a file; raises as :func:`list_versions`."""
        return list_versions(self.bucket, self.location, checked(path))

    def read(self, path: str, version_id: str | None) -> Download:
        """Open one state of a file, the latest without a ``version_id``; raises ``ObjectNotFound``."""
        try:
            return read_version(self.bucket, self.location, checked(path), version_id)
        except ObjectNotFound as error:
            raise no_version(path, version_id) from error

    def notebook(self, path: str, version_id: str | None) -> dict[str, Any]:
        """Return one state of a notebook; raises ``NotebookError`` for what is none, ``ObjectNotFound``."""
        download = self.read(path, version_id)
        if download.version.size > LARGEST_NOTEBOOK:
            message = f"The backup of {path!r} is too large to be shown ({download.version.size:,} bytes)."
            raise NotebookError(message, fix="Restore it under another name and open that.")
        return notebook_in(download.read(), f"the backup of {path!r}")

    def restore(self, path: str, version_id: str | None, to: str | None = None) -> Restored:
        """Write one state of a file in place of the present one, or as the file ``to``; keeps what is there first.

        Raises ``ObjectNotFound``, ``PathError``, ``FileInMotion``, ``StoreError`` for the disk and what S3 raises; then
        the file is as it was.
        """
        target = checked(to or path)
        file = self._file(target)
        download = self.read(path, version_id)
        return self._replace(target, file, lambda part: write_new(part, download))

    def restore_cell(self, path: str, version_id: str | None, cell_id: str) -> Restored:
        """Write one cell of a former state into the present notebook, in place of the cell with its id.

        A cell that is not there any more comes after the one that it followed. Raises as :meth:`restore`, and
        ``NotebookError`` where there is no such cell.
        """
        file = self._file(checked(path))
        former = self.notebook(path, version_id)
        cell = cell_of(former, cell_id)
        if cell is None:
            message = f"That version of {path!r} has no cell {cell_id[:80]!r}."
            raise NotebookError(message, fix="Choose a cell that `jupyter emr backups diff` shows.")
        try:
            present = notebook_in(file.read_bytes(), repr(path))
        except FileNotFoundError as error:
            message = f"There is no notebook {path!r} to put the cell into."
            raise NotebookError(message, fix="Restore the whole notebook.") from error
        content = write_notebook(put_cell(present, former, cell))
        return self._replace(path, file, lambda part: write_new(part, [content]))

    def _file(self, path: str) -> Path:
        file = self.scope.file(path)
        if file is None or file.is_dir():
            message = f"{path!r} is a folder, or leads out of the server's folder."
            raise PathError(message, fix="Name a file within the folder.")
        return file

    def _replace(self, path: str, file: Path, fill: Callable[[Path], None]) -> Restored:
        part = part_of(file)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            drop_old_parts(file.parent)
            fill(part)
            before = _moment_of(file)
            saved = self._keep_present(path, file)
            if before is not None:
                shutil.copymode(file, part)
            if _moment_of(file) != before:
                message = f"{path!r} was saved while it was restored, and stays as it is."
                raise FileInMotion(message, fix="Restore it once more.")
            part.replace(os.path.realpath(file))
        except OSError as error:
            message = f"{path!r} cannot be written: {error.strerror or error}."
            raise StoreError(message, fix="Make room, or the folder writable; the file is as it was.") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        if self.scope.includes(path, file.stat().st_size):
            self.store.save([path])
        return Restored(path, saved)

    def _keep_present(self, path: str, file: Path) -> str | None:
        """Keep the present state of a file where it can be had again, and return its name there."""
        if not file.exists():
            return None
        content = read_content(file, path, None, torn=True)
        try:
            present = self.bucket.head(self.location.key(path))
            if present is not None and present.sha256 == content.sha256:
                return present.version_id or keep_state(self.bucket, self.location, path, present.etag)
            if (
                read_content(file, path, self.leave_out, torn=True).sha256 == content.sha256
            ):  # nothing has to be left out
                with content.open() as body:
                    return keep_content(self.bucket, self.location, path, body)
        except AWSError:
            # Read-only in S3, changed this very moment, or out of reach again: a copy beside the file is as good.
            pass
        return str(PurePosixPath(path).with_name(copy_beside(file).name))


def open_restorer(config: EMRConnect, root: str, store: BackupStore) -> FileRestorer:
    """Return what restores files of a server's folder; blocks, may ask AWS who the caller is.

    Raises ``ConfigurationError`` for a location that is none.
    """
    location = open_location(config, store.location)
    bucket = open_bucket(config, location.bucket)
    return FileRestorer(bucket, location, open_scope(config, root, store.location), store, filter_of(config))


def checked(path: str) -> str:
    """Return a path relative to the server's folder, parted by ``/``; raises ``PathError`` for what is none."""
    clean = path.strip("/")
    parts = clean.split("/")
    if not clean or any(part in ("", ".", "..") for part in parts) or "\0" in clean:
        message = f"{path[:200]!r} is no path of a file."
        raise PathError(message, fix="Write it relative to the server's folder and with /: work/report.ipynb.")
    try:
        clean.encode()
    except UnicodeEncodeError as error:
        message = f"{path[:200]!r} is not text that S3 could have as a key."
        raise PathError(message, fix="Rename the file.") from error
    return clean


def notebook_in(content: bytes, what: str) -> dict[str, Any]:
    """Return the notebook in a file's bytes; raises ``NotebookError`` for what is none."""
    found = read_notebook(content)
    if found is None:
        message = f"{what[:1].upper()}{what[1:]} is no notebook."
        raise NotebookError(message, fix="It can be restored whole, as it is.")
    return found


def _moment_of(file: Path) -> tuple[int, int, int] | None:
    """Return what tells a file's states apart, None where there is no file."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
