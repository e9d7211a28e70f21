"""Messages that wait for earlier ones: a queue that takes little memory however long it becomes."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from typing import IO

from .framing import Message, decode, encode

MEMORY_BYTES = 16 * 1024 * 1024
_LENGTH = struct.Struct("<Q")


class Held:
    """First in, first out; what exceeds ``memory`` bytes goes to a temporary file without a name."""

    def __init__(self, memory: int = MEMORY_BYTES) -> None:
        self._memory = memory
        self._messages: list[Message] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, message: Message) -> None:
        """Take a message in; raises :class:`OSError` when the disk is full, and then has not taken it."""
        if self._file is None and self._bytes + message.size <= self._memory:
            self._messages.append(message)
            self._bytes += message.size
        else:
            self._write(encode(message, "v1"))
        self._count += 1

    def _write(self, frame: bytes | str) -> None:
        data = frame if isinstance(frame, bytes) else frame.encode()
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - drain() closes it
        start = self._file.tell()
        rest = memoryview(_LENGTH.pack(len(data)) + data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.seek(start)
            self._file.truncate()
            raise

    def drain(self) -> Iterator[Message]:
        """Yield what was taken in, in order, and forget it."""
        messages, self._messages, self._bytes = self._messages, [], 0
        file, self._file, self._count = self._file, None, 0
        yield from messages
        if file is not None:
            with file:
                end = file.tell()
                file.seek(0)
                while file.tell() < end:
                    (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
                    yield decode(file.read(length), "v1")
