"""What kind of file system the state file is on, and whether its locks work: SQLite needs them, and finds out late."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path, PurePath

MOUNTS = Path("/proc/self/mountinfo")
# Types whose files other machines may have open too. SQLite's WAL needs memory that all its users share, so it must not
# be used there (https://sqlite.org/wal.html). Of the unknown ones in user space (fuse.*) none is trusted with it.
SHARED_TYPES = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|lustre|ceph|gpfs|beegfs|glusterfs|afs|ocfs2|gfs2|9p|virtiofs|fuse\..*|prl_fs|vboxsf"
)
NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})


def shared_type(path: Path, mounts: str | None = None) -> str | None:
    """Return the type of the file system that ``path`` is on, if other machines may use it too; None for a local one.

    ``mounts`` is the text of ``/proc/self/mountinfo`` (proc(5)), read where it is left out; a system without it tells
    nothing.
    """
    if mounts is None:
        try:
            mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    place, found = PurePath(os.path.realpath(path)), ("", "")
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if separator and len(fields) > 4 and kind:
            point = re.sub(r"\\(\d{3})", lambda escape: chr(int(escape[1], 8)), fields[4])
            if place.is_relative_to(point) and len(point) >= len(found[0]):  # the last of several is the one seen
                found = point, kind[0]
    return found[1] if SHARED_TYPES.fullmatch(found[1]) else None


def lock_problem(folder: Path) -> OSError | None:
    """Return why files of a folder cannot be locked, None where they can, or where that cannot be tried; blocks.

    SQLite takes ``ENOLCK`` for a lock that another process has, and waits for it.
    """
    with suppress(ImportError):
        import fcntl

        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error if error.errno in NO_LOCKS else None
    return None
