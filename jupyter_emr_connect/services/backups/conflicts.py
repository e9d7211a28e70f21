"""A file that was changed here and in S3: what each side has, and what the user's choice does.

Neither side is ever lost: what is overwritten in S3 stays as a version, or in the history where the bucket keeps none,
and what is overwritten here is written to the history first, or into a file beside it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from ...aws.s3 import ObjectVersion, Written
from ...errors import AWSError, BackupConflict, FileInMotion, ObjectChanged, ObjectNotFound, PathNotFound
from ...store.backups import BackupRow
from .beside import part_of, write_beside, write_new
from .cells import Notebook, write_notebook
from .content import FileContent, read_content
from .history import former_states, keep_content, keep_state
from .merging import Unmergeable, comparable, differences, merge
from .upload import Uploader

Choice = Literal["mine", "theirs", "merge", "both"]
CHOICES: tuple[Choice, ...] = ("mine", "theirs", "merge", "both")


@dataclass(frozen=True)
class _Sides:
    """Both sides of a conflict as they are now."""

    row: BackupRow
    file: Path
    mine: FileContent
    theirs: ObjectVersion
    base: bytes | None

    @property
    def own(self) -> bytes:
        """The bytes of the file here."""
        return self.mine.open().read()


def describe(uploader: Uploader, path: str) -> dict[str, Any]:
    """Return both sides of a conflict as REST gives them; blocks. Raises ``PathNotFound`` where there is none."""
    sides = _sides(uploader, path)
    theirs = uploader.bucket.get(uploader.location.key(path)).read()
    notebooks = [comparable(content) for content in (sides.base, sides.own, theirs)]
    merged = _merged(*notebooks)
    saved_at = datetime.fromtimestamp(sides.mine.mtime_ns / 1e9, timezone.utc).isoformat(timespec="seconds")
    about = sides.theirs.metadata
    return {
        "path": path,
        "mine": {"saved_at": saved_at, "size": sides.mine.size},
        "theirs": {
            "saved_at": about.get("emr-connect-saved-at") or sides.theirs.modified.isoformat(timespec="seconds"),
            "size": sides.theirs.size,
            "host": about.get("emr-connect-host"),
            "version_id": sides.theirs.version_id,
        },
        "mergeable": merged is not None,
        "merged": merged,
        "diff": differences(*notebooks),
    }


def resolve(uploader: Uploader, path: str, choice: Choice) -> dict[str, Any]:
    """Do what the user has chosen; returns REST's answer. Blocks.

    ``saved_present_as`` is the version of what was here before, or, for ``both``, the file that now has theirs. Raises
    ``PathNotFound`` where there is no conflict, ``BackupConflict`` where both do not merge or S3 has changed once more.
    """
    sides = _sides(uploader, path)
    if choice in ("theirs", "merge"):
        theirs = uploader.bucket.get(uploader.location.key(path)).read()
        content = theirs if choice == "theirs" else _merged_bytes(path, sides, theirs)
        kept_as = _keep_mine(uploader, sides)
        _replace(sides.file, sides.mine, content)
        fresh = read_content(sides.file, path, uploader.leave_out)
        over = Written(sides.theirs.etag, sides.theirs.version_id)
        uploader.note(sides.row, fresh, over if fresh.sha256 == sides.theirs.sha256 else _put(uploader, sides, fresh))
        return {"path": path, "saved_present_as": kept_as}
    saved_as = _save_theirs(uploader, sides) if choice == "both" else None
    mine = read_content(sides.file, path, uploader.leave_out)
    uploader.note(sides.row, mine, _put(uploader, sides, mine))
    return {"path": path, "saved_present_as": saved_as}


def _sides(uploader: Uploader, path: str) -> _Sides:
    row, file = uploader.store.get(path), uploader.scope.file(path)
    if row is None or row.state != "conflict" or file is None or not file.is_file():
        message = f"There is no conflict about {path!a}."
        raise PathNotFound(message, fix="`jupyter emr backups status` shows the conflicts there are.")
    key = uploader.location.key(path)
    theirs = uploader.bucket.head(key)
    if theirs is None:
        uploader.store.save([path])
        message = f"There is no conflict about {path!a} any more: the other side was deleted in S3."
        raise PathNotFound(message, fix="Yours is uploaded by itself.")
    return _Sides(row, file, read_content(file, path, None), theirs, _common_state(uploader, row))


def _common_state(uploader: Uploader, row: BackupRow) -> bytes | None:
    """Return what this folder wrote last, with which both sides began: a version of S3's, or one of the history.

    None where it has expired by a lifecycle rule or may not be read: both sides can only be shown then.
    """
    bucket, location = uploader.bucket, uploader.location
    try:
        if row.version_id:
            return bucket.get(location.key(row.path), row.version_id).read()
        states = former_states(bucket, location, row.path, deleted=False)
        state = next((state for state in states if state.etag == row.etag), None)
        return bucket.get(state.key).read() if state else None
    except AWSError:
        return None


def _merged(base: Notebook | None, mine: Notebook | None, theirs: Notebook | None) -> Notebook | None:
    if base is None or mine is None or theirs is None:
        return None
    try:
        return merge(base, mine, theirs)
    except Unmergeable:
        return None


def _merged_bytes(path: str, sides: _Sides, theirs: bytes) -> bytes:
    merged = _merged(*(comparable(content) for content in (sides.base, sides.own, theirs)))
    if merged is None:
        message = f"The two sides of {path!a} do not merge by themselves: both have changed the same cell."
        raise BackupConflict(message, fix="Choose mine, theirs or both.")
    return write_notebook(merged)


def _put(uploader: Uploader, sides: _Sides, content: FileContent) -> Written:
    """Write on top of theirs, which stays as a version or in the history; raises ``BackupConflict``."""
    theirs, path = sides.theirs, sides.row.path
    try:
        if theirs.version_id is None:
            keep_state(uploader.bucket, uploader.location, path, theirs.etag)
        return uploader.put(path, content, sides.file, if_match=theirs.etag)
    except (ObjectChanged, ObjectNotFound) as error:
        message = f"{path} was changed in S3 once more while its conflict was resolved. Nothing was overwritten there."
        raise BackupConflict(message, fix="Look at both again, and choose.") from error


def _keep_mine(uploader: Uploader, sides: _Sides) -> str:
    """Keep the file here before it is replaced: in S3 as it is, or beside it where backups leave something out."""
    if uploader.leave_out(sides.row.path, sides.own) != sides.own:
        return _keep_beside(uploader, sides, "mine", sides.own)
    with sides.mine.open() as body:
        return keep_content(uploader.bucket, uploader.location, sides.row.path, body)


def _replace(file: Path, read: FileContent, content: bytes) -> None:
    """Give a file its new content at once; raises ``FileInMotion`` where it was saved since it was read."""
    real = Path(os.path.realpath(file))
    status = real.stat()
    if (status.st_mtime_ns, status.st_size) != (read.mtime_ns, read.size):
        message = f"{file.name} was saved while its conflict was resolved."
        raise FileInMotion(message, fix="Choose once more.")
    part = part_of(real)
    try:
        write_new(part, [content])
        part.chmod(status.st_mode & 0o777)
        part.replace(real)
    finally:
        part.unlink(missing_ok=True)


def _save_theirs(uploader: Uploader, sides: _Sides) -> str:
    who = re.sub(r"[^\w.-]+", "-", sides.theirs.metadata.get("emr-connect-host") or "S3")[:60]
    return _keep_beside(uploader, sides, who, uploader.bucket.get(uploader.location.key(sides.row.path)).read())


def _keep_beside(uploader: Uploader, sides: _Sides, whose: str, content: bytes) -> str:
    """Write one side into a new file beside the other, which has a backup as any other; returns its path."""
    made = str(PurePosixPath(sides.row.path).with_name(write_beside(sides.file, whose, content).name))
    uploader.store.save([made])
    return made
