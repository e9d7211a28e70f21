"""What is uploaded of a file: its bytes as they are when nobody writes them, or without outputs or secrets."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ...config import EMRConnect
from ...errors import ConfigurationError, FileInMotion

IN_MEMORY_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
REMOVED = "[removed]"


def content_type(path: str) -> str:
    """Return the content type of a file's objects."""
    return "application/x-ipynb+json" if path.endswith(".ipynb") else "application/octet-stream"


@dataclass(frozen=True)
class FileContent:
    """What is to be uploaded: ``open`` gives its bytes; ``size`` and ``mtime_ns`` are the file's."""

    open: Callable[[], BinaryIO]
    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Filter:
    """What is left out of a notebook's backup: its outputs, and whatever one of the patterns matches."""

    outputs: bool = False
    secrets: Sequence[re.Pattern[str]] = ()

    def __call__(self, path: str, content: bytes) -> bytes:
        """Return the bytes to upload; a file that is no notebook is changed by no filter for outputs."""
        if not (self.outputs or self.secrets) or not path.endswith(".ipynb"):
            return content
        try:
            notebook = json.loads(content)
        except ValueError:
            return content if not self.secrets else self._without_secrets(content.decode(errors="replace")).encode()
        if self.outputs:
            _strip(notebook)
        if self.secrets:
            notebook = self._cleaned(notebook)
        return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "surrogatepass")

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._without_secrets(value)
        if isinstance(value, list):
            return [self._cleaned(item) for item in value]
        if isinstance(value, dict):
            return {name: self._cleaned(item) for name, item in value.items()}
        return value

    def _without_secrets(self, text: str) -> str:
        for pattern in self.secrets:
            text = pattern.sub(REMOVED, text)
        return text


def filter_of(config: EMRConnect) -> Filter:
    """Return what the settings leave out of backups; raises ``ConfigurationError`` for a pattern that is none."""
    patterns = []
    for pattern in config.backup_redact:
        try:
            patterns.append(re.compile(pattern))
        except re.error as error:
            message = f"EMRConnect.backup_redact has {pattern!r}, which is no regular expression ({error})."
            raise ConfigurationError(message, fix="Correct the pattern; nothing is uploaded until then.") from error
    return Filter(config.backup_strip_outputs, patterns)


def _strip(notebook: Any) -> None:
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    for cell in cells if isinstance(cells, list) else ():
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            cell.update(outputs=[], execution_count=None)


def read_content(file: Path, path: str, leave_out: Filter, *, torn: bool = False) -> FileContent:
    """Return a file's content as nobody writes it meanwhile; blocks on the disk.

    Jupyter's contents manager empties a file before it writes it, and has the former content in ``.~name`` until it
    has done so: what a killed server left like this is read only where it may be ``torn``. Raises ``FileInMotion``, and
    ``OSError`` (``FileNotFoundError``) from the disk.
    """
    with file.open("rb") as opened:
        before = os.fstat(opened.fileno())
        if before.st_size > IN_MEMORY_BYTES and not (leave_out.outputs or leave_out.secrets):
            if not torn:
                _check_whole(file, None)
            digest = hashlib.sha256()
            while chunk := opened.read(CHUNK_BYTES):
                digest.update(chunk)
            found = FileContent(lambda: file.open("rb"), digest.hexdigest(), before.st_size, before.st_mtime_ns)
        else:
            content = opened.read()
            if not torn:
                _check_whole(file, content)
            sent = leave_out(path, content)
            digest = hashlib.sha256(sent)
            found = FileContent(lambda: io.BytesIO(sent), digest.hexdigest(), before.st_size, before.st_mtime_ns)
        after = file.stat()
    if (before.st_mtime_ns, before.st_size, before.st_ino) != (after.st_mtime_ns, after.st_size, after.st_ino):
        message = f"{path} was written while it was read."
        raise FileInMotion(message, fix="It is read again by itself.")
    return found


def _check_whole(file: Path, content: bytes | None) -> None:
    """Raise ``FileInMotion`` for a file whose save has begun and not ended; without ``content`` it is not looked at."""
    if not file.with_name(f".~{file.name}").exists():
        return
    if content is not None and file.suffix == ".ipynb":
        with suppress(ValueError):
            json.loads(content)
            return
    message = f"A save of {file.name} has begun and not ended: {f'.~{file.name}'!r} has its former content."
    raise FileInMotion(message, fix="Save the file again.")
