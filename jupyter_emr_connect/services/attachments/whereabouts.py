"""Where a notebook is now that was renamed while something was done for it: its attachment follows it."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

from .location import NO_FILE

Whereabouts = Callable[[], str | None]
# Opening for its name alone: neither the right to read is needed, nor does macOS hold up an unmount.
OPEN_FLAGS = os.O_CLOEXEC | (0x8000 if sys.platform == "darwin" else getattr(os, "O_PATH", os.O_RDONLY))
MACOS_LONGEST = 1024  # MAXPATHLEN, which F_GETPATH wants


@contextmanager
def followed(key: str) -> Iterator[Whereabouts]:
    """Give, for a block, what returns the key that a notebook or folder has by now; None where it was removed.

    The system follows an open file through renames by any program, so that neither Jupyter nor whoever renames has to
    tell. A file that another was put in place of (by git, or an editor that saves so) counts as the same. A key that
    is no file's stays as it is. What is given blocks on the disk; it may be called in any thread.
    """
    if key.startswith(NO_FILE):
        yield lambda: key
        return
    try:
        fd = os.open(key, OPEN_FLAGS)
    except OSError:
        yield lambda: key if os.path.lexists(key) else None
        return
    try:
        yield lambda: _now(fd, key)
    finally:
        os.close(fd)


def _now(fd: int, key: str) -> str | None:
    with suppress(OSError):
        current = _path_of(fd)
        if os.path.samestat(Path(current).stat(), os.fstat(fd)):
            return None if current != key and _is_trash(current) else current
    return key if os.path.lexists(key) else None


def _path_of(fd: int) -> str:
    """Return the path that an open file has now, as the system knows it; raises ``OSError`` where it has none."""
    if sys.platform == "darwin":
        name: bytes = fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(MACOS_LONGEST))
        return os.fsdecode(name.rstrip(b"\0"))
    return str(Path(f"/proc/self/fd/{fd}").readlink())


def _is_trash(path: str) -> bool:
    """Say whether a path is in a trash folder, to which file browsers move what is deleted (freedesktop.org, macOS)."""
    return any(part == "Trash" or part.startswith(".Trash") for part in PurePath(path).parts[:-1])
