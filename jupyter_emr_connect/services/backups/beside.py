"""Copies of files beside them, made before a file is replaced; and parts of files that are on their way."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

PART = ".emr-restore-"
LONGEST_NAME = 255  # bytes, on the usual file systems
PARTS_STAY_S = 86_400.0


def part_of(file: Path) -> Path:
    """Return a new hidden name beside a file, for what is to take its place once it is whole."""
    return file.with_name(f"{PART}{uuid.uuid4().hex}")


def drop_old_parts(folder: Path) -> None:
    """Remove what killed processes have left in a folder: parts that nobody has written to for a day."""
    for part in folder.glob(f"{PART}*"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - PARTS_STAY_S:
                part.unlink()


def write_new(file: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that must not be there yet, through to the disk; blocks, raises ``OSError``."""
    with file.open("xb") as opened:
        for chunk in chunks:
            opened.write(chunk)
        opened.flush()
        os.fsync(opened.fileno())


def copy_beside(file: Path) -> Path:
    """Copy a file to a name that nothing beside it has, whole or not at all; blocks, raises ``OSError``."""
    moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    part = part_of(file)
    try:
        shutil.copy2(file, part)
        return _name(part, file, f"-before-restore-{moment}")
    finally:
        part.unlink(missing_ok=True)


def write_beside(file: Path, whose: str, content: bytes) -> Path:
    """Write another state of a file as ``name (whose).ipynb`` beside it; as :func:`copy_beside`."""
    part = part_of(file)
    try:
        write_new(part, [content])
        shutil.copymode(file, part)
        return _name(part, file, f" ({whose})")
    finally:
        part.unlink(missing_ok=True)


def _name(part: Path, file: Path, mark: str) -> Path:
    """Give a part the name of a file with a mark, and a number where that is taken."""
    number = 1
    while True:
        ending = f"{mark}{f'-{number}' if number > 1 else ''}{file.suffix}"
        copy = file.with_name(f"{_cut(file.stem, LONGEST_NAME - len(ending.encode()))}{ending}")
        try:
            os.link(part, copy)  # fails where the name is taken
        except FileExistsError:
            number += 1
        except OSError:  # a file system without links
            if copy.exists():
                number += 1
                continue
            part.replace(copy)
            return copy
        else:
            return copy


def _cut(text: str, length: int) -> str:
    """Return the beginning of a text that has so many bytes at most."""
    while len(text.encode(errors="surrogateescape")) > length:
        text = text[:-1]
    return text
