"""A file of kernel messages: each is appended whole or not at all, and read back from where it begins.

A record is a kind (one byte, its meaning the owner's), a length (uint64, little-endian) and the message as a binary
WebSocket frame (``framing.py``). It goes to the operating system in one write, so what a killed process has appended is
there; a record that it could not finish is cut off when the file is opened again.
"""

from __future__ import annotations

import io
import os
import struct
import tempfile
import weakref
from collections.abc import Container, Iterator
from typing import Any

from .framing import BadFrame, Message, decode, v1_parts

HEAD = struct.Struct("<BQ")
READ_BYTES = 1 << 20
FIRST_READ_BYTES = 4096  # read at once, for most records are smaller
ANY_KIND = range(256)


class MessageFile:
    """An open file of messages; ``size`` is where the next record begins.

    The file of the descriptor ``fd`` is closed with this object. It begins with ``magic``; without it, and from the
    first record on that is not whole or whose kind is not in ``kinds``, it is cut off. It may be read while it is
    appended to; all else its owner does one after the other. Methods raise :class:`OSError` where the disk does; the
    file is then as it was before.
    """

    def __init__(self, fd: int, magic: bytes = b"", kinds: Container[int] = ANY_KIND) -> None:
        self.size = 0
        self._fd = fd
        self._close = weakref.finalize(self, os.close, fd)
        self._magic = magic
        self._kinds = kinds
        if os.pread(self._fd, len(magic), 0) == magic:
            self.size = len(magic)
            for _, _, end in self.read(0, os.fstat(self._fd).st_size):
                self.size = end
        os.ftruncate(self._fd, self.size)

    @classmethod
    def temporary(cls) -> MessageFile:
        """Return an empty file without a name, which is gone when it is closed."""
        with tempfile.TemporaryFile(buffering=0) as file:
            return cls(os.dup(file.fileno()))

    @property
    def is_open(self) -> bool:
        """Whether the file can be written and read."""
        return self._fd >= 0

    @property
    def is_empty(self) -> bool:
        """Whether there is no record."""
        return self.size <= len(self._magic)

    def append(self, message: Message, kind: int = 0) -> int:
        """Add a record and return where it begins."""
        frame = b"".join(v1_parts(message))
        head = HEAD.pack(kind, len(frame))
        start = self.size
        if self._magic and not start:
            head = self._magic + head
            start = len(self._magic)
        end = self.size + len(head) + len(frame)
        try:
            written = self.size + os.pwritev(self._fd, (head, frame), self.size)
            if written < end:  # the disk is all but full
                data = memoryview(head + frame)
                while written < end:
                    written += os.pwrite(self._fd, data[written - self.size :], written)
        except OSError:
            os.ftruncate(self._fd, self.size)
            raise
        self.size = end
        return start

    def read_at(self, start: int) -> Message:
        """Return the message of the record that begins there."""
        begun = os.pread(self._fd, FIRST_READ_BYTES, start)
        _, length = HEAD.unpack_from(begun)
        if HEAD.size + length <= len(begun):
            return decode(begun[HEAD.size : HEAD.size + length], "v1")
        return decode(os.pread(self._fd, length, start + HEAD.size), "v1")

    def read(
        self, start: int, end: int | None = None, *, buffer_bytes: int = READ_BYTES
    ) -> Iterator[tuple[int, Message, int]]:
        """Yield kind, message and end of the records from an offset on; stops at what is no whole record."""
        end = self.size if end is None else end
        at = max(start, len(self._magic))
        with io.BufferedReader(_Reader(self._fd, at), buffer_bytes) as file:
            while at + HEAD.size <= end:
                kind, length = HEAD.unpack(file.read(HEAD.size))
                if kind not in self._kinds or at + HEAD.size + length > end:
                    return
                try:
                    message = decode(file.read(length), "v1")
                except BadFrame:
                    return
                at += HEAD.size + length
                yield kind, message, at

    def clear(self) -> None:
        """Drop all records."""
        os.ftruncate(self._fd, 0)
        self.size = 0

    def close(self) -> None:
        """Let go of the file; it may be called twice."""
        self._fd = -1
        self._close()


class _Reader(io.RawIOBase):
    """Reads an open file from an offset on, whatever has become of its name and its descriptor."""

    def __init__(self, fd: int, at: int) -> None:
        self._fd = os.dup(fd)
        self._at = at

    def readable(self) -> bool:
        """Return True; part of the protocol of ``io``."""
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
