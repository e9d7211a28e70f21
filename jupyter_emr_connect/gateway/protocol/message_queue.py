"""A queue of messages between two threads: in memory, or from a point on in a temporary file without a name."""

from __future__ import annotations

import struct
import tempfile
import threading
from collections import deque
from typing import IO

from .framing import Message, Part, decode, v1_parts

_LENGTH = struct.Struct("<Q")
DISK_BYTES = 1_000_000_000


class MessageQueue:
    """First in, first out. What was put with ``to_file`` is read from the file again when its turn comes.

    Once something is in the file, all that follows goes there too, until the file has been read to its end. ``lost``
    counts the messages refused since the file was last empty; ``put`` and ``take`` may be called by different threads.
    """

    def __init__(self, disk: int = DISK_BYTES) -> None:
        self.lost = 0
        self._disk = disk
        self._lock = threading.Lock()
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._read = self._written = 0

    @property
    def waiting(self) -> int:
        """The bytes not yet taken, in memory and in the file."""
        return self._bytes + self._written - self._read

    def __bool__(self) -> bool:
        return bool(self._messages) or self._written > self._read

    def put(self, message: Message, *, to_file: bool = False) -> bool:
        """Append a message; returns False when there is no room for it on disk, and counts it as lost."""
        with self._lock:
            if not to_file and self._written == self._read:
                self._messages.append(message)
                self._bytes += message.size
                return True
            if not self.lost and self._write(v1_parts(message)):
                return True
            self.lost += 1  # and all after it, so that what was kept has no holes
            return False

    def take(self, size: int) -> list[Message]:
        """Remove and return messages of about ``size`` bytes in all, at least one if there is any."""
        with self._lock:
            taken: list[Message] = []
            while size > 0 and self._messages:
                taken.append(message := self._messages.popleft())
                size -= message.size
                self._bytes -= message.size
            while size > 0 and (stored := self._read_next()) is not None:
                taken.append(stored)
                size -= stored.size
            return taken

    def take_lost(self) -> int:
        """Return how many messages were lost, once all before them were taken; 0 before that, and from then on."""
        with self._lock:
            if self._messages or self._written > self._read:
                return 0
            lost, self.lost = self.lost, 0
            return lost

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._messages.clear()
            self._bytes = 0
            self._drop_file()

    def _read_next(self) -> Message | None:
        if self._file is None or self._written == self._read:
            return None
        self._file.seek(self._read)
        (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
        message = decode(self._file.read(length), "v1")
        self._read += _LENGTH.size + length
        if self._read == self._written:
            self._drop_file()
        return message

    def _write(self, parts: list[Part]) -> bool:
        length = sum(len(part) for part in parts)
        if self._written - self._read + length > self._disk:
            return False
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - kept until it is read
            self._file.seek(self._written)
            self._file.write(_LENGTH.pack(length))
            self._file.writelines(parts)
            self._file.flush()
        except OSError:
            return False
        self._written += _LENGTH.size + length
        return True

    def _drop_file(self) -> None:
        file, self._file = self._file, None
        self._read = self._written = 0
        if file is not None:
            file.close()
