"""What is to be sent to a kernel: in order, bounded, each message once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from .framing import Message

FULL_BYTES = 32 * 1024 * 1024


class Outbox:
    """A queue of messages; ``on_full`` is called with True when it holds too much, and with False when no longer."""

    def __init__(self, on_full: Callable[[bool], None]) -> None:
        self._on_full = on_full
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._full = False
        self._filled = asyncio.Event()

    def put(self, message: Message, *, first: bool = False) -> None:
        """Take a message in, behind all others or before them. Never blocks: see ``on_full``."""
        (self._messages.appendleft if first else self._messages.append)(message)
        self._weigh(message.size)
        self._filled.set()

    async def next(self) -> Message:
        """Return the message that is to be sent next, without taking it out; waits for one."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        return self._messages[0]

    def take(self, message: Message) -> bool:
        """Take out what :meth:`next` returned, which is now sent; False when another one has come before it."""
        if not self._messages or self._messages[0] is not message:
            return False
        self._messages.popleft()
        self._weigh(-message.size)
        return True

    def ids(self) -> list[str]:
        """Return the ids of what was not sent yet, in order."""
        return [message.msg_id for message in self._messages]

    def forget(self, msg_id: str) -> None:
        """Take a message out that is not to be sent any more."""
        for message in [one for one in self._messages if one.msg_id == msg_id]:
            self._messages.remove(message)
            self._weigh(-message.size)

    def _weigh(self, size: int) -> None:
        self._bytes += size
        full = self._bytes > FULL_BYTES
        if full is not self._full:
            self._full = full
            self._on_full(full)
