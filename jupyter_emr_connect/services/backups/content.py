"""What is uploaded of a file: its bytes as they are when nobody writes them, or without outputs or secrets."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ...config import EMRConnect
from ...errors import ConfigurationError, FileInMotion
from .cells import Notebook, read_notebook, write_notebook

IN_MEMORY_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
NEW_S = 2.0
REMOVED = "[removed]"
_SIGNED = r"([?&;](?:X-Amz-Signature|X-Amz-Security-Token|Signature|authToken)=)[^&\s\"'<>\\#\[]+"
SIGNED_URL_TEXT = re.compile(_SIGNED, re.IGNORECASE)
"""What makes a presigned URL of AWS, or one of EMR's application UIs, valid for whoever has it; never in a backup."""
SIGNED_URL = re.compile(_SIGNED.encode(), re.IGNORECASE)


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
    """What is left out of a notebook's backup: its outputs, what a pattern matches, and the signatures of URLs."""

    outputs: bool = False
    secrets: Sequence[re.Pattern[str]] = ()

    def __call__(self, path: str, content: bytes) -> bytes:
        """Return the bytes to upload: the same where nothing is to be left out, and for other files than notebooks."""
        if not path.endswith(".ipynb") or not (self.outputs or self.secrets or SIGNED_URL.search(content)):
            return content
        notebook = read_notebook(content)
        if notebook is None:
            text = content.decode("utf-8", "surrogateescape")
            return self._without_secrets(text).encode("utf-8", "surrogateescape")
        sent = self._cleaned(_stripped(notebook) if self.outputs else notebook)
        return content if sent == notebook else write_notebook(sent)

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._without_secrets(value)
        if isinstance(value, list):
            if _is_text(value):  # a secret may have several lines
                text = "".join(value)
                cleaned = self._without_secrets(text)
                return value if cleaned == text else cleaned.splitlines(keepends=True)
            return [self._cleaned(item) for item in value]
        if isinstance(value, dict):
            return {name: self._cleaned(item) for name, item in value.items()}
        return value

    def _without_secrets(self, text: str) -> str:
        for pattern in self.secrets:
            text = pattern.sub(REMOVED, text)
        return SIGNED_URL_TEXT.sub(rf"\1{REMOVED}", text)


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


def _stripped(notebook: Notebook) -> Notebook:
    """Return a notebook without outputs and counts."""
    cells = [
        {**cell, "outputs": [], "execution_count": None}
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
        else cell
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells}


def _is_text(value: list[Any]) -> bool:
    """Tell a text that a notebook has as a list of lines from other lists."""
    return all(isinstance(line, str) for line in value) and all(line.endswith("\n") for line in value[:-1])


def read_content(file: Path, path: str, leave_out: Filter | None, *, torn: bool = False) -> FileContent:
    """Return a file's content as nobody writes it meanwhile, as it is without ``leave_out``; blocks on the disk.

    Jupyter's contents manager empties a file before it writes it, and has the former content in ``.~name`` until it
    has done so: what a killed server left like this is read only where it may be ``torn``, and a new notebook that is
    still empty not at once. Raises ``FileInMotion``, and ``OSError`` (``FileNotFoundError``) from the disk.
    """
    with file.open("rb") as opened:
        before = os.fstat(opened.fileno())
        digest = _digest_of_large(opened, leave_out) if before.st_size > IN_MEMORY_BYTES else None
        if digest is not None:
            if not torn:
                _check_whole(file, None)
            found = FileContent(lambda: file.open("rb"), digest, before.st_size, before.st_mtime_ns)
        else:
            opened.seek(0)
            content = opened.read()
            if not torn:
                _check_whole(file, content)
                if not content and path.endswith(".ipynb") and 0 <= time.time() - before.st_mtime < NEW_S:
                    message = f"{path} is new, and is about to be written."
                    raise FileInMotion(message, fix="It is read again by itself.")
            found = content_of(path, content, leave_out, before.st_mtime_ns)
        after = file.stat()
    if (before.st_mtime_ns, before.st_size, before.st_ino) != (after.st_mtime_ns, after.st_size, after.st_ino):
        message = f"{path} was written while it was read."
        raise FileInMotion(message, fix="It is read again by itself.")
    return found


def content_of(path: str, content: bytes, leave_out: Filter | None, mtime_ns: int) -> FileContent:
    """Return what is to be uploaded of a file's bytes."""
    sent = leave_out(path, content) if leave_out else content
    return FileContent(lambda: io.BytesIO(sent), hashlib.sha256(sent).hexdigest(), len(content), mtime_ns)


def _digest_of_large(opened: BinaryIO, leave_out: Filter | None) -> str | None:
    """Return the SHA-256 of a file that is uploaded as it is, None of one that must be read whole to be changed."""
    if leave_out and (leave_out.outputs or leave_out.secrets):
        return None
    digest, before = hashlib.sha256(), b""
    while chunk := opened.read(CHUNK_BYTES):
        digest.update(chunk)
        if leave_out and SIGNED_URL.search(before + chunk):
            return None
        before = chunk[-64:]
    return digest.hexdigest()


def _check_whole(file: Path, content: bytes | None) -> None:
    """Raise ``FileInMotion`` for a file whose save has begun and not ended; without ``content`` it is not looked at."""
    if not file.with_name(f".~{file.name}").exists():
        return
    if content is not None and file.suffix == ".ipynb":
        with suppress(ValueError, RecursionError):
            json.loads(content)
            return
    message = f"A save of {file.name} has begun and not ended: {f'.~{file.name}'!r} has its former content."
    raise FileInMotion(message, fix="Save the file again.")
