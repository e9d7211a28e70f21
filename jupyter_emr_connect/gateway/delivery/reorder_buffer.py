"""Messages that wait for earlier ones: a queue that takes little memory however long it becomes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO

from ..protocol.framing import Message, decode, v1_parts

MEMORY_BYTES = 16 * 1024 * 1024

Place = tuple[int, int]  # where a message begins in the file, and its length


class ReorderBuffer:
    """Gives messages back in the order of their numbers; equal numbers as they came.

    What exceeds ``memory`` bytes goes to a temporary file without a name.
    """

    def __init__(self, memory: int = MEMORY_BYTES) -> None:
        self._memory = memory
        self._kept: list[tuple[tuple[int, int], Message | Place]] = []
        self._part = 0
        self._bytes = 0
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, number: int, message: Message) -> None:
        """Take a message in; raises :class:`OSError` when the disk is full, and then has not taken it."""
        turn = (self._part, number)
        if self._bytes + message.size <= self._memory:
            self._bytes += message.size
            self._kept.append((turn, message))
        else:
            self._kept.append((turn, self._write(b"".join(v1_parts(message)))))

    def start_epoch(self) -> None:
        """Let what is added from here on come after all that was before: another process counts anew."""
        self._part += 1

    def _write(self, frame: bytes) -> Place:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - drain() closes it
        start = self._file.seek(0, 2)
        rest = memoryview(frame)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(start)
            raise
        return start, len(frame)

    def drain(self) -> Iterator[Message]:
        """Yield what was taken in, in order, and forget it."""
        kept, self._kept, self._bytes = self._kept, [], 0
        file, self._file = self._file, None
        for _, one in sorted(kept, key=lambda entry: entry[0]):
            if isinstance(one, Message):
                yield one
            elif file is not None:
                file.seek(one[0])
                yield decode(file.read(one[1]), "v1")
        if file is not None:
            file.close()
