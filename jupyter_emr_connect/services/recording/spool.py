"""An append-only file of kernel messages that survives the death of the process at any instant.

The file is a magic word and then one record after the other: a kind (one byte), a length (uint64, little-endian) and
the message as a binary WebSocket frame (``gateway.protocol.framing``). Each record goes to the operating system in one
write, so what a killed process has appended is there; a record that it could not finish is cut off when
the file is opened again.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import shutil
import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any

from ...gateway.protocol.framing import BadFrame, Message, decode, v1_parts

MAGIC = b"EMRSPL1\n"
HEAD = struct.Struct("<BQ")
BUFFER = 1 << 20
OPEN = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC


class RecordKind(IntEnum):
    """What a record is."""

    REQUEST = 1
    PUBLISHED = 2
    REPLY = 3
    SAVED = 4  # a front end has saved all of the run that the message names
    WRITTEN = 5  # the recorder has written all of it
    SEEN = 6  # in place of the header: up to which numbers messages were recorded before the file was emptied


KINDS = frozenset(RecordKind)


class Spool:
    """The file at ``path``, made with mode 0600 when there is none.

    It may be read while it is appended to; all else its owner does one after the other. A file that another owner still
    has, such as a server from which the kernel is taken by force, is copied, and each goes on with its own. Raises
    ``OSError`` where the disk does; the file is then as it was before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd = _own(path)
        self.size = 0
        if os.pread(self._fd, len(MAGIC), 0) == MAGIC:
            self.size = len(MAGIC)
            for _, _, end in self.read(0, os.fstat(self._fd).st_size):
                self.size = end
        os.ftruncate(self._fd, self.size)

    @property
    def is_empty(self) -> bool:
        """Whether there is no record."""
        return self.size <= len(MAGIC)

    @property
    def is_open(self) -> bool:
        """Whether it can be written."""
        return self._fd >= 0

    def append(self, kind: RecordKind, message: Message) -> None:
        """Add a record. Called on the gateway loop for each message, so it does no more than write."""
        frame = b"".join(v1_parts(message))
        head = HEAD.pack(kind, len(frame))
        if self.size == 0:
            head = MAGIC + head
        try:
            self._write(head, frame)
        except OSError:
            os.ftruncate(self._fd, self.size)
            raise
        self.size += len(head) + len(frame)

    def _write(self, head: bytes, frame: bytes) -> None:
        written = os.pwritev(self._fd, [head, frame], self.size)
        rest = memoryview(head + frame)[written:] if written < len(head) + len(frame) else memoryview(b"")
        while rest:
            count = os.pwrite(self._fd, rest, self.size + written)
            written += count
            rest = rest[count:]

    def read(self, start: int, end: int | None = None) -> Iterator[tuple[RecordKind, Message, int]]:
        """Yield the records from an offset on, each with the offset behind it; stops at what is no whole record."""
        end = self.size if end is None else end
        at = max(start, len(MAGIC))
        with io.BufferedReader(_Reader(self._fd, at), BUFFER) as file:
            while at + HEAD.size <= end:
                kind, length = HEAD.unpack(file.read(HEAD.size))
                if kind not in KINDS or at + HEAD.size + length > end:
                    return
                try:
                    message = decode(file.read(length), "v1")
                except BadFrame:
                    return
                at += HEAD.size + length
                yield RecordKind(kind), message, at

    def clear(self) -> None:
        """Drop all records; called when the notebook has them."""
        os.ftruncate(self._fd, 0)
        self.size = 0

    def close(self) -> None:
        """Let go of the file and leave it there."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        """Close and delete the file, unless somebody else's has taken its place."""
        mine = os.fstat(self._fd).st_ino if self.is_open else None
        self.close()
        with contextlib.suppress(FileNotFoundError):
            if mine in (None, self.path.stat().st_ino):
                self.path.unlink()


class _Reader(io.RawIOBase):
    """Reads an open file from an offset on, whatever has become of its name and its descriptor."""

    def __init__(self, fd: int, at: int) -> None:
        self._fd = os.dup(fd)
        self._at = at

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what comes next; part of the protocol of ``io``."""
        count = os.preadv(self._fd, [buffer], self._at)
        self._at += count
        return count

    def close(self) -> None:
        """Let go of the file."""
        if not self.closed:
            os.close(self._fd)
        super().close()


def _own(path: Path) -> int:
    """Open the file, or a copy that takes its name where it has an owner already; return the descriptor."""
    fd = os.open(path, OPEN, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _copied(fd, path)
    except OSError:  # a file system without locks
        pass
    return fd


def _copied(fd: int, path: Path) -> int:
    copy = path.with_name(f"{path.name}.{os.getpid()}")
    mine = os.open(copy, OPEN | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(fd, "rb") as theirs, os.fdopen(os.dup(mine), "wb") as file:
            shutil.copyfileobj(theirs, file, BUFFER)
        fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        copy.replace(path)
    except OSError:
        os.close(mine)
        copy.unlink(missing_ok=True)
        raise
    return mine
