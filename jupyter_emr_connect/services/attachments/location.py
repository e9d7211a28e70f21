"""Which notebook a kernel is for, and the keys under which its attachment is looked for: one rule for all faces.

A key is an absolute path with symbolic links followed. Notebooks of a contents manager that keeps no files have API
paths behind the prefix ``contents:`` instead, which no absolute path can be mistaken for.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import PurePath

NO_FILE = "contents:"
# A session of VS Code on a remote server has a path in the server's folder that VS Code makes up from the notebook's
# name and random digits (`generateBackingIPyNbFileName`); a file is there for a moment at most.
MADE_UP = re.compile(r"-jvsc-[0-9a-f-]+(\.ipynb)?$")


@dataclass(frozen=True)
class KernelLocation:
    """Where a kernel belongs, as far as whoever starts it says.

    ``path`` is the notebook, script or console as its front end names it: absolute with links not followed, or a key;
    None where none is named. ``folder`` is then the folder in which the kernel is launched.
    """

    path: str | None = None
    folder: str | None = None

    @property
    def notebook(self) -> str | None:
        """The notebook's key; None where its path is not known. Blocks on the disk."""
        return None if self.path is None or is_made_up(self.path) else key_of(self.path)


def is_made_up(path: str) -> bool:
    """Say whether a path is none of a notebook, but one that VS Code makes up for a session."""
    return MADE_UP.search(path) is not None


def key_of(path: str) -> str:
    """Return the key of a path; blocks on the disk."""
    return path if path.startswith(NO_FILE) else os.path.realpath(os.path.expanduser(path))  # noqa: PTH111 - `~name` may be a file


def keys_above(path: str) -> list[str]:
    """Return the keys that an attachment may have to hold for a path, the nearest first; blocks on the disk.

    They are the path itself and the folders above it, symbolic links followed, and then the folders through which the
    path leads as it is written: a folder linked into an attached one counts as a part of it.
    """
    key = key_of(path)
    keys = [key, *map(str, PurePath(key).parents)]
    if not path.startswith(NO_FILE):
        written = PurePath(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111 - pathlib follows no `..`
        keys += map(os.path.realpath, written.parents)
    return list(dict.fromkeys(keys))
