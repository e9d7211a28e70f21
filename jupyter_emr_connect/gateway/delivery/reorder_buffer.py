"""Messages that wait for earlier ones: a buffer that takes little memory however much waits."""

from __future__ import annotations

from collections.abc import Iterator

from ..protocol.framing import Message
from ..protocol.message_file import MessageFile

MEMORY_BYTES = 16 * 1024 * 1024

FileOffset = int


class ReorderBuffer:
    """Gives messages back in the order of their numbers; equal numbers as they came. Lives on the gateway loop.

    What exceeds ``memory_bytes`` goes to a temporary file without a name.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._entries: list[tuple[tuple[int, int], Message | FileOffset]] = []
        self._epoch = 0
        self._bytes = 0
        self._file: MessageFile | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, number: int, message: Message) -> None:
        """Take a message in; raises :class:`OSError` when the disk is full, and then has not taken it."""
        key = (self._epoch, number)
        if self._bytes + message.size <= self._memory_bytes:
            self._bytes += message.size
            self._entries.append((key, message))
            return
        self._file = self._file or MessageFile.temporary()
        self._entries.append((key, self._file.append(message)))

    def start_epoch(self) -> None:
        """Let what is added from here on come after all that was before: another process counts anew."""
        self._epoch += 1

    def drain(self) -> Iterator[Message]:
        """Yield what was taken in, in order, and forget it; what is added meanwhile waits for the next time."""
        entries, self._entries, self._bytes = self._entries, [], 0
        file, self._file = self._file, None
        try:
            for _, entry in sorted(entries, key=lambda pair: pair[0]):
                if isinstance(entry, Message):
                    yield entry
                elif file is not None:
                    yield file.read_at(entry)
        finally:
            if file is not None:
                file.close()
