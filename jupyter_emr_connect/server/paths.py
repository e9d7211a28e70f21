"""Between Jupyter's API paths, which REST speaks, and the keys under which attachments are kept.

A key is an absolute path, symbolic links followed, where the contents manager keeps files in a folder (``root_dir``).
Other contents managers have no files: their keys are API paths with the prefix ``contents:``, which no absolute path
can be mistaken for. Kernels of such notebooks do not find these attachments by themselves, because jupyter_server
gives a kernel no more than the notebook's name there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_core.paths import is_hidden
from jupyter_core.utils import ensure_async

from ..errors import PathError, PathNotFound
from ..executors import FILES, run_in

PREFIX = "contents:"
LONGEST = 4096  # characters; Linux's PATH_MAX


class PathMapper:
    """Translates paths for one server; ``contents`` is its contents manager."""

    def __init__(self, contents: Any) -> None:
        from jupyter_server.services.contents.fileio import FileManagerMixin

        self._contents = contents
        has_files = isinstance(contents, FileManagerMixin)
        self.root: str | None = os.path.realpath(contents.root_dir) if has_files else None

    async def key(self, path: str) -> str:
        """Return the key of an existing notebook or folder; ``""`` is the server's folder.

        Raises ``PathError`` for what is no API path or leads out of the server's folder, ``PathNotFound``.
        """
        parts = checked(path)
        if self.root is None:
            if parts and not await ensure_async(self._contents.exists("/".join(parts))):
                raise _not_found(path)
            return PREFIX + "".join(f"/{part}" for part in parts)
        hidden = getattr(self._contents, "allow_hidden", False)
        return await run_in(FILES, find, self.root, parts, hidden=hidden)

    def former_key(self, path: str) -> str:
        """Return the key that an API path had, where nothing may be any more; blocks on the disk."""
        parts = path.strip("/").split("/")
        if self.root is None:
            return "/".join([PREFIX, *parts])
        *above, name = parts
        return str(Path(os.path.realpath(Path(self.root, *above)), name))

    def is_link(self, path: str) -> bool:
        """Say whether the API path is a symbolic link, whose attachment is kept for what it leads to; blocks."""
        return self.root is not None and Path(self.root, path.strip("/")).is_symlink()

    def api_path(self, key: str) -> str | None:
        """Return the API path of a key; None for one that is not within this server's folder."""
        if self.root is None:
            return key.removeprefix(PREFIX).strip("/") if key.startswith(PREFIX) else None
        try:
            inside = Path(key).relative_to(self.root)
        except ValueError:
            return None
        return "" if inside == Path() else inside.as_posix()

    def has(self, key: str) -> bool:
        """Say whether a key is within this server's folder."""
        return self.api_path(key) is not None


def checked(path: str) -> list[str]:
    """Return the parts of an API path; raises ``PathError`` for what is none. ``a/b/`` is ``a/b``."""
    fix = "Write it relative to the server's folder and with /, as Jupyter's contents API does: work/report.ipynb."
    if len(path) > LONGEST:
        message = f"The path is {len(path):,} characters long; {LONGEST:,} is the most."
        raise PathError(message, fix=fix)
    if path.startswith("/"):
        message = f"{_shown(path)} is an absolute path."
        raise PathError(message, fix=fix)
    if not all(char.isprintable() for char in path):
        message = f"{_shown(path)} has control characters."
        raise PathError(message, fix=fix)
    parts = path.removesuffix("/").split("/") if path else []
    if any(part in ("", ".", "..") for part in parts):
        message = f"{_shown(path)} has an empty part, '.' or '..'."
        raise PathError(message, fix=fix)
    return parts


def find(root: str, parts: list[str], *, hidden: bool) -> str:
    """Return the real path of a notebook or folder below ``root``; blocks on the disk."""
    named = str(Path(root, *parts))
    try:
        real = os.path.realpath(named, strict=True)
    except (OSError, ValueError) as error:
        raise _not_found("/".join(parts)) from error
    if real != root and not real.startswith(root.rstrip("/") + "/"):
        message = f"{_shown('/'.join(parts))} leads out of the server's folder."
        raise PathError(message, fix="Name a notebook or folder within it, not a link to elsewhere.")
    there = Path(real)
    if not (there.is_file() or there.is_dir()) or (not hidden and is_hidden(named, root)):
        raise _not_found("/".join(parts))
    return real


def _not_found(path: str) -> PathNotFound:
    message = f"There is no notebook or folder {_shown(path)}."
    return PathNotFound(message, fix="Save the notebook first, or correct the path (it starts at the server's folder).")


def _shown(path: str) -> str:
    return ascii(path if len(path) <= 200 else f"{path[:197]}...")
