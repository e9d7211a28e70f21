"""One file's way to S3: written, deleted or left alone, on the condition that nobody else has changed it there."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ...aws.s3 import ObjectVersion, S3Store, Written
from ...config import EMRConnect
from ...errors import BackupConflict, FileInMotion, ObjectChanged, ObjectNotFound
from ...store.backups import BackupRow, BackupStore
from ..attachments.resolution import attachments_above
from .content import IN_MEMORY_BYTES, FileContent, Filter, content_type, read_content
from .history import keep_deleted, keep_state
from .location import BackupLocation
from .mirror import attachment_key
from .scope import Scope

COPY = "emr-connect-copy"
ATTEMPTS = 3


@dataclass(frozen=True)
class Uploader:
    """Does what rows of the queue say, for one server folder at one location; every method blocks, for any thread."""

    config: EMRConnect
    store: BackupStore
    bucket: S3Store
    location: BackupLocation
    scope: Scope
    copy_id: str
    leave_out: Filter
    clock: Callable[[], float] = time.time

    def do(self, row: BackupRow) -> None:
        """Do what is left of a row and note it; raises ``BackupConflict``, ``FileInMotion``, AWS errors, ``OSError``.

        A file that has come back is uploaded though it was to be deleted; one that is gone, or was put out of the
        backups' scope, is left as it is in S3.
        """
        file = self.scope.file(row.path)
        there = file is not None and file.is_file()
        if row.action == "delete" and not there:
            self._delete(row)
        elif there and file is not None and self.scope.includes(row.path, file.stat().st_size):
            self._upload(row, file)
        elif row.etag is None:
            self.store.forget(row)
        else:
            former = {"etag": row.etag, "version_id": row.version_id, "sha256": row.sha256}
            self.store.finish(row, **former, size=row.size, mtime_ns=row.mtime_ns, sent_at=None, saved_at=None)

    def _upload(self, row: BackupRow, file: Path) -> None:
        try:
            content = read_content(file, row.path, self.leave_out)
        except FileNotFoundError as error:
            message = f"{row.path} is gone while it is read."
            raise FileInMotion(message) from error
        known = self._known(row, content)
        self.note(row, content, known or self._put(row, content, file), sent=known is None)

    def _known(self, row: BackupRow, content: FileContent) -> Written | None:
        """Return the object that has this content already; S3 is asked where a delete of it may have been done."""
        if not row.etag or row.state == "conflict":
            return None
        if row.sha256 is None:
            present = self.bucket.head(self.location.key(row.path))
            same = present is not None and present.sha256 == content.sha256
            return Written(present.etag, present.version_id) if present is not None and same else None
        return Written(row.etag, row.version_id) if row.sha256 == content.sha256 else None

    def note(self, row: BackupRow, content: FileContent, written: Written, *, sent: bool = True) -> None:
        """Keep what was written to S3, or is there without having been ``sent``."""
        saved_at = datetime.fromtimestamp(self.clock(), timezone.utc).isoformat(timespec="seconds")
        self.store.finish(
            row,
            etag=written.etag,
            version_id=written.version_id,
            sha256=content.sha256,
            size=content.size,
            mtime_ns=content.mtime_ns,
            sent_at=self.clock() if sent else None,
            saved_at=saved_at if sent else None,
        )

    def _put(self, row: BackupRow, content: FileContent, file: Path) -> Written:
        """Write the object; where its condition fails for an earlier write of ours, on top of that one."""
        etag, version_id = row.etag, row.version_id
        for _ in range(ATTEMPTS):
            try:
                if etag and version_id is None:
                    keep_state(self.bucket, self.location, row.path, etag)
                return self.put(row.path, content, file, if_match=etag)
            except (ObjectChanged, ObjectNotFound):
                present = self.bucket.head(self.location.key(row.path))
                if present is not None and present.metadata.get(COPY) != self.copy_id:
                    raise self.conflict(row.path, present) from None
                # Deleted elsewhere: written anew.
                etag, version_id = (present.etag, present.version_id) if present else (None, None)
        message = f"The object of {row.path} is written by others at this very moment."
        raise FileInMotion(message, fix="It is tried again by itself.")

    def put(self, path: str, content: FileContent, file: Path, *, if_match: str | None) -> Written:
        """Write a file's object on top of the one with this ETag, or where none is; raises as ``S3Store.put``."""
        body = content.open()
        try:
            written = self.bucket.put(
                self.location.key(path),
                body,
                if_match=if_match,
                if_none_match=if_match is None,
                content_type=content_type(path),
                metadata=self._metadata(path, file),
            )
        finally:
            body.close()
        if content.size > IN_MEMORY_BYTES and file.stat().st_mtime_ns != content.mtime_ns:
            message = f"{path} was written while it was uploaded."
            raise FileInMotion(message, fix="It is uploaded again by itself.")
        return written

    def conflict(self, path: str, theirs: ObjectVersion) -> BackupConflict:
        """Return the error for an object that somebody else has written."""
        who = theirs.metadata.get("emr-connect-host") or "somebody else"
        when = theirs.metadata.get("emr-connect-saved-at") or theirs.modified.isoformat(timespec="seconds")
        message = f"{path} was changed in S3 by {who} at {when}, after this folder last saved it. Both are kept."
        return BackupConflict(message, fix="Choose yours, theirs or both (JupyterLab: EMR backup), or merge them.")

    def _metadata(self, path: str, file: Path) -> dict[str, str]:
        key = attachment_key(self.config, self.store.root, path)
        attachment = next(iter(attachments_above(self.config, key)), None)
        moment = datetime.fromtimestamp(file.stat().st_mtime, timezone.utc).isoformat(timespec="seconds")
        values = {
            "emr-connect-compute": attachment.compute if attachment else None,
            "emr-connect-role": attachment.runtime_role if attachment else None,
            "emr-connect-host": socket.gethostname(),
            "emr-connect-saved-at": moment,
            COPY: self.copy_id,
        }
        return {name: ascii(value)[1:-1][:400] for name, value in values.items() if value}

    def _delete(self, row: BackupRow) -> None:
        """Delete the object that this folder has written; one that was changed elsewhere stays."""
        key = self.location.key(row.path)
        present = self.bucket.head(key)
        ours = present is not None and (present.etag == row.etag or present.metadata.get(COPY) == self.copy_id)
        if present is not None and ours:
            moved = self.store.get(row.moved_to) if row.moved_to else None
            if present.version_id is None and (moved is None or moved.etag is None):
                now = datetime.fromtimestamp(self.clock(), timezone.utc)
                keep_deleted(self.bucket, self.location, row.path, present.etag, now)
            try:
                self.bucket.delete(key, if_match=present.etag)
            except ObjectNotFound:
                pass
            except ObjectChanged as error:
                message = f"The object of {row.path} was changed elsewhere as it was to be deleted."
                raise FileInMotion(message, fix="It is looked at again by itself.") from error
        self.store.forget(row)
