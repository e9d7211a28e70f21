"""The file in which one kernel's messages are recorded: it survives the death of the process at any instant.

It begins with a magic word, and what follows is a message file (``gateway.protocol.message_file``).
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import shutil
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

from ...executors import FILES
from ...gateway.protocol.framing import Message
from ...gateway.protocol.message_file import MessageFile

MAGIC = b"EMRSPL1\n"
COPY_BYTES = 1 << 20
LARGE_BYTES = 4_000_000  # a disk takes a quarter of a millisecond to free each megabyte
OPEN_FLAGS = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC


class RecordKind(IntEnum):
    """What a record of the spool is; the numbers stand in files."""

    REQUEST = 1
    PUBLISHED = 2
    SAVED = 4  # a front end has saved all of the run that the message names
    WRITTEN = 5  # the recorder has written all of it
    SEEN = 6  # in place of the header: up to which numbers messages were recorded before the file was emptied


KINDS = {int(kind): kind for kind in RecordKind}


class Spool:
    """The file at ``path``, made with mode 0600 when there is none.

    It may be read while it is appended to; all else its owner does one after the other. A file that another owner still
    has, such as a server from which the kernel is taken by force, is copied, and each goes on with its own. Raises
    ``OSError`` where the disk does; the file is then as it was before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._inode, self._file = _opened(path)

    @property
    def size(self) -> int:
        """The bytes of the file."""
        return self._file.size

    @property
    def is_empty(self) -> bool:
        """Whether there is no record."""
        return self._file.is_empty

    @property
    def is_open(self) -> bool:
        """Whether the spool's file can be written."""
        return self._file.is_open

    def append(self, kind: RecordKind, message: Message) -> None:
        """Add a record. Called on the gateway loop for each message, so it does no more than write."""
        self._file.append(message, kind)

    def read(self, start: int) -> Iterator[tuple[RecordKind, Message, int]]:
        """Yield the records from an offset on, each with the offset behind it."""
        for kind, message, end in self._file.read(start):
            yield KINDS[kind], message, end

    def clear(self) -> None:
        """Drop all records; called when the notebook has them, also on the gateway loop.

        A large file gives way to a new one, so that a thread may wait for the disk to free its space.
        """
        former = self._file
        if former.size > LARGE_BYTES:
            with contextlib.suppress(OSError):  # no room for another file
                self._replace()
        if self._file is former:
            former.clear()
            return
        with contextlib.suppress(RuntimeError):  # Python ends, which closes it
            FILES.submit(former.close)

    def _replace(self) -> None:
        """Put an empty file in place of this one, unless another owner's has taken its place."""
        if self._inode == self.path.stat().st_ino:
            fd = _put_in_place(self.path, io.BytesIO())
            self._inode, self._file = os.fstat(fd).st_ino, MessageFile(fd, MAGIC, KINDS)

    def close(self) -> None:
        """Let go of the file and leave it there."""
        self._file.close()

    def remove(self) -> None:
        """Close and delete the file, unless another owner's has taken its place."""
        self.close()
        with contextlib.suppress(FileNotFoundError):
            if self._inode == self.path.stat().st_ino:
                self.path.unlink()


def _opened(path: Path) -> tuple[int, MessageFile]:
    """Return the file's inode and the file, or those of a copy that takes its name where it has an owner already."""
    fd = os.open(path, OPEN_FLAGS, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fd = _copied(fd, path)
    except OSError:  # a file system without locks
        pass
    return os.fstat(fd).st_ino, MessageFile(fd, MAGIC, KINDS)


def _copied(fd: int, path: Path) -> int:
    """Put a copy in place of the file that another owner has open; return its descriptor. Closes ``fd``."""
    with os.fdopen(fd, "rb") as theirs:
        return _put_in_place(path, theirs)


def _put_in_place(path: Path, content: BinaryIO) -> int:
    """Put a file with this content in place of another; return its descriptor, by which it is locked."""
    other = path.with_name(f"{path.name}.{os.getpid()}")
    fd = os.open(other, OPEN_FLAGS | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            shutil.copyfileobj(content, file, COPY_BYTES)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        other.replace(path)
    except OSError:
        os.close(fd)
        other.unlink(missing_ok=True)
        raise
    return fd
