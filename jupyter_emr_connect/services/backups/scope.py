"""Which files below a server's folder have backups, and what the disk says of them."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from ...config import EMRConnect
from ..attachments.resolution import open_attachments
from .location import nearest_location
from .mirror import attachment_key

SMALL_BYTES = 1024 * 1024
TEXT_SUFFIXES = re.compile(
    r"\.(bib|c|cfg|conf|cpp|css|csv|geojson|h|hql|html|ini|java|jl|js|json|jsonl|log|md|py|q|r|rmd|rs|rst|scala|sh|sql|svg"
    r"|tex|toml|ts|tsv|txt|xml|ya?ml)",
    re.IGNORECASE,
)
LONGEST_KEY = 1024  # bytes of UTF-8, S3's own limit


@dataclass(frozen=True)
class FoundFile:
    """A file of the scan: its path relative to the folder, with ``/``, and what the disk says of it."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Scope:
    """Decides by a path alone, and for other files than notebooks by their size.

    ``root`` is the server's folder, links followed; ``others`` is ``none``, ``attached`` or ``all`` (other files than
    notebooks: small text files of the folders ``attached``, or all files). ``belongs`` says whether a path goes to this
    location and to no other.
    """

    root: str
    excluded: Sequence[str] = ()
    others: str = "attached"
    attached: Collection[str] = ()
    belongs: Callable[[str], bool] = lambda path: True

    def includes(self, path: str, size: int = 0) -> bool:
        """Say whether a file has a backup; its ``size`` in bytes matters for other files than notebooks."""
        if not path or path.startswith(".") or "/." in path or not fits_key(path):
            return False
        if self._is_excluded(path) or not self.belongs(path):
            return False
        return path.endswith(".ipynb") or self._takes(path, size)

    def _is_excluded(self, path: str) -> bool:
        if not self.excluded:
            return False
        above = [path, *(str(parent) for parent in PurePath(path).parents)][:-1]
        names = [*above, *PurePath(path).parts]
        return any(fnmatch.fnmatchcase(name, pattern.rstrip("/")) for pattern in self.excluded for name in names)

    def _takes(self, path: str, size: int) -> bool:
        if self.others == "all":
            return True
        if self.others != "attached" or size > SMALL_BYTES or not TEXT_SUFFIXES.fullmatch(PurePath(path).suffix):
            return False
        return any(not folder or path.startswith(f"{folder}/") for folder in self.attached)

    def file(self, path: str) -> Path | None:
        """Return where a file is; None where a link leads out of the server's folder. Blocks on the disk."""
        file = Path(self.root, path)
        real = os.path.realpath(file)
        return file if real == self.root or real.startswith(self.root.rstrip("/") + "/") else None

    def walk(self, below: str = "") -> Iterator[FoundFile]:
        """Yield the files with backups below a folder, or the one file; linked folders are left to where they are."""
        top = Path(self.root, below)
        if top.is_file():
            status = top.stat()
            if self.includes(below, status.st_size) and self.file(below):
                yield FoundFile(below, status.st_size, status.st_mtime_ns)
            return
        folders = [below]
        while folders:
            yield from self._list(folders.pop(), folders)

    def _list(self, folder: str, folders: list[str]) -> Iterator[FoundFile]:
        """Yield the files of one folder, and add the folders in it to ``folders``."""
        try:
            entries = list(os.scandir(Path(self.root, folder)))
        except OSError:  # gone, or not to be read: nothing is concluded from it
            return
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not self._is_excluded(path):
                        folders.append(path)
                    continue
                status = entry.stat()
                leads_out = entry.is_symlink() and not self.file(path)
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode) and not leads_out and self.includes(path, status.st_size):
                yield FoundFile(path, status.st_size, status.st_mtime_ns)


def fits_key(path: str) -> bool:
    """Say whether a path can be a key of S3: text, and not too long."""
    try:
        return len(path.encode()) <= LONGEST_KEY
    except UnicodeEncodeError:
        return False


def open_scope(config: EMRConnect, root: str, location: str | None = None) -> Scope:
    """Return the scope of a location, with the folders attached now; blocks on the state file.

    ``location`` is a setting, that of ``backup_location`` if left out.
    """
    attached: list[str] = []
    if config.backup_files == "attached":
        top = attachment_key(config, root, "").rstrip("/")
        for attachment in open_attachments(config).all():
            folder = attachment.path[len(top) + 1 :]
            if top == attachment.path or top.startswith(attachment.path.rstrip("/") + "/"):
                attached.append("")
            elif attachment.path.startswith(f"{top}/") and Path(root, folder).is_dir():
                attached.append(folder)
    place = config.backup_location if location is None else location
    belongs = (lambda path: nearest_location(config, path) == place) if config.backup_locations else lambda path: True
    return Scope(root, tuple(config.backup_exclude), config.backup_files, tuple(attached), belongs)
