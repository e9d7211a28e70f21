"""Between Jupyter's API paths, which REST speaks and sessions have, and the keys under which attachments are kept.

A key (``services.attachments.location``) is an absolute path, symbolic links followed, where the contents manager keeps
files in a folder (``root_dir``). Other contents managers have no files: their keys are API paths behind a prefix.
"""

from __future__ import annotations

import os
import time
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_core.paths import is_hidden
from jupyter_core.utils import ensure_async

from ..errors import PathError, PathNotFound
from ..executors import FILES, run_in
from ..services.attachments.location import NO_FILE, is_made_up, key_of

LOOK_AGAIN_AFTER_S = 5.0
LONGEST = 4096  # characters; Linux's PATH_MAX
# The drive under which jupyter-collaboration has the server's own files; it begins the paths of its sessions.
COLLABORATION_DRIVE = "RTC:"
NOT_IN_A_PATH = frozenset({"Cc", "Cs"})  # Unicode categories: control characters and halves of surrogate pairs


class PathMapper:
    """Translates paths for one server; ``contents`` is its contents manager."""

    def __init__(self, contents: Any) -> None:
        from jupyter_server.services.contents.fileio import FileManagerMixin

        self._contents = contents
        has_files = isinstance(contents, FileManagerMixin)
        self.root: str | None = os.path.realpath(contents.root_dir) if has_files else None
        self._links: dict[str, str] = {}  # API paths of links that lead out of the server's folder, by their targets
        self._look_again_at = 0.0

    async def key(self, path: str) -> str:
        """Return the key of an existing notebook or folder; ``""`` is the server's folder.

        Raises ``PathError`` for what is no API path, ``PathNotFound``.
        """
        checked(path)
        if self.root is None:
            local = path.removesuffix("/").removeprefix(COLLABORATION_DRIVE)
            if local and not await ensure_async(self._contents.exists(local)):
                raise _not_found(path)
            return self.written(path)
        return await run_in(FILES, self._existing, path)

    def _existing(self, path: str) -> str:
        """Return the key of an existing notebook or folder, and take note of a link that leads to it."""
        written = self.written(path)
        hidden = getattr(self._contents, "allow_hidden", False)
        try:
            real = os.path.realpath(written, strict=True)
        except (OSError, ValueError) as error:
            raise _not_found(path) from error
        there = Path(real)
        if not (there.is_file() or there.is_dir()) or (not hidden and is_hidden(written, self.root or "")):
            raise _not_found(path)
        self._note_link(Path(written), real)
        return real

    def written(self, path: str) -> str:
        """Return an API path as an absolute path in the server's folder, links not followed; blocks on the disk.

        Nothing need be there. A drive of jupyter-collaboration is left out, unless a file has such a name.
        """
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        drive = bool(parts) and parts[0].startswith(COLLABORATION_DRIVE)
        if drive and (self.root is None or not os.path.lexists(Path(self.root, parts[0]))):
            parts[0] = parts[0].removeprefix(COLLABORATION_DRIVE)
        if self.root is None:
            return NO_FILE + "".join(f"/{part}" for part in parts if part)
        return str(Path(self.root, *parts))

    def former_key(self, path: str) -> str:
        """Return the key that an API path had, where nothing may be any more; blocks on the disk."""
        written = self.written(path)
        if self.root is None:
            return written
        return str(Path(os.path.realpath(Path(written).parent), Path(written).name))

    def document(self, path: str) -> str | None:
        """Return the API path of the file that a session's path means; None where that is made up. Blocks."""
        if is_made_up(path):
            return None
        written = self.written(path)
        return written.removeprefix(NO_FILE if self.root is None else self.root).lstrip("/")

    def is_link(self, path: str) -> bool:
        """Say whether the API path is a symbolic link, whose attachment is kept for what it leads to; blocks."""
        return self.root is not None and Path(self.written(path)).is_symlink()

    def reaches(self, key: str) -> bool:
        """Say whether a key is within this server's folder or linked into it; blocks on the disk.

        Links in the server's folder itself are looked for; those further down are known once they were used.
        """
        if not self.has(key) and self.root is not None and time.monotonic() >= self._look_again_at:
            with suppress(OSError), os.scandir(self.root) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        self._note_link(Path(entry.path), os.path.realpath(entry.path))
            self._look_again_at = time.monotonic() + LOOK_AGAIN_AFTER_S
        return self.has(key)

    def _note_link(self, written: Path, real: str) -> None:
        """Take note of the uppermost link on the way to what is there, if that is out of the server's folder."""
        root = Path(self.root or "")
        if Path(real).is_relative_to(root):
            return
        above = [part for part in (*reversed(written.parents), written) if part.is_relative_to(root)]
        for part in above:
            if not Path(target := os.path.realpath(part)).is_relative_to(root):
                self._links[target] = part.relative_to(root).as_posix()
                return

    def api_path(self, key: str) -> str | None:
        """Return the API path of a key; None for one that is not within this server's folder, links included."""
        if self.root is None:
            return key.removeprefix(NO_FILE).strip("/") if key.startswith(NO_FILE) else None
        for folder, link in (self.root, ""), *self._links.items():
            if Path(key).is_relative_to(folder):
                inside = Path(link, Path(key).relative_to(folder))
                return "" if inside == Path() else inside.as_posix()
        return None

    def has(self, key: str) -> bool:
        """Say whether a key is within this server's folder, or linked into it as far as is known."""
        return self.api_path(key) is not None

    def is_at(self, path: str, key: str) -> bool:
        """Say whether an API path leads to a key; blocks on the disk."""
        return key_of(self.written(path)) == key


def checked(path: str) -> list[str]:
    """Return the parts of an API path; raises ``PathError`` for what is none. ``a/b/`` is ``a/b``."""
    fix = "Write it relative to the server's folder and with /, as Jupyter's contents API does: work/report.ipynb."
    if len(path) > LONGEST:
        message = f"The path is {len(path):,} characters long; {LONGEST:,} is the most."
        raise PathError(message, fix=fix)
    if path.startswith("/"):
        message = f"{_shown(path)} is an absolute path."
        raise PathError(message, fix=fix)
    if any(unicodedata.category(char) in NOT_IN_A_PATH for char in path):
        message = f"{_shown(path)} has control characters."
        raise PathError(message, fix=fix)
    parts = path.removesuffix("/").split("/") if path else []
    if any(part in ("", ".", "..") for part in parts):
        message = f"{_shown(path)} has an empty part, '.' or '..'."
        raise PathError(message, fix=fix)
    return parts


def _not_found(path: str) -> PathNotFound:
    message = f"There is no notebook or folder {_shown(path)}."
    return PathNotFound(message, fix="Save the notebook first, or correct the path (it starts at the server's folder).")


def _shown(path: str) -> str:
    return ascii(path if len(path) <= 200 else f"{path[:197]}...")
