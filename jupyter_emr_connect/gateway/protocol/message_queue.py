"""A queue of messages between two threads: in memory, or from a point on in a temporary file without a name."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from .framing import Message
from .message_file import MessageFile

DISK_BYTES = 256_000_000
READ_BYTES = 64 * 1024


class MessageQueue:
    """First in, first out. What was put with ``to_file`` is read from the file again when its turn comes.

    Once something is in the file, all that follows goes there too, until the file has been read to its end. ``lost``
    counts the messages refused since the file was last empty; ``put`` and ``take`` may be called by different threads.
    """

    def __init__(self, disk_bytes: int = DISK_BYTES) -> None:
        self.lost = 0
        self._disk_bytes = disk_bytes
        self._lock = threading.Lock()
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._file: MessageFile | None = None
        self._read_to = 0
        self._in_file = 0  # bytes in the file that were not taken yet

    @property
    def waiting(self) -> int:
        """The bytes not yet taken, in memory and in the file."""
        return self._bytes + self._in_file

    def __bool__(self) -> bool:
        return bool(self._messages) or self._in_file > 0

    def put(self, message: Message, *, to_file: bool = False) -> bool:
        """Append a message; returns False when there is no room for it on disk, and counts it as lost."""
        with self._lock:
            if not to_file and not self._in_file:
                self._messages.append(message)
                self._bytes += message.size
                return True
            if not self.lost and self._append(message):
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
            if size > 0 and self._in_file and self._file is not None:
                taken += self._read(self._file, size)
            return taken

    def take_lost(self) -> int:
        """Return how many messages were lost, once all before them were taken; 0 before that, and from then on."""
        with self._lock:
            if self:
                return 0
            lost, self.lost = self.lost, 0
            return lost

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._messages.clear()
            self._bytes = 0
            self._drop_file()

    def _append(self, message: Message) -> bool:
        if self._in_file + message.size > self._disk_bytes:
            return False
        try:
            if self._file is None:
                self._file = MessageFile.temporary()
            self._file.append(message)
        except OSError:
            return False
        self._in_file = self._file.size - self._read_to
        return True

    def _read(self, file: MessageFile, size: int) -> Iterator[Message]:
        """Yield messages of about ``size`` bytes from the file, which is dropped at its end."""
        for _, message, end in file.read(self._read_to, buffer_bytes=READ_BYTES):
            self._read_to = end
            yield message
            size -= message.size
            if size <= 0:
                break
        self._in_file = file.size - self._read_to
        if not self._in_file:
            self._drop_file()

    def _drop_file(self) -> None:
        file, self._file = self._file, None
        self._read_to = self._in_file = 0
        if file is not None:
            file.close()
