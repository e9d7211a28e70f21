"""What is to be sent to a kernel: in order, bounded, each message once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from ..protocol.framing import Message

FULL_BYTES = 32 * 1024 * 1024


class SendQueue:
    """Two queues of messages: what the kernel takes one after another, and before it what may not wait for that.

    The latter is what other channels than the shell's carry, such as an interrupt, and whatever is put in ``first``.
    ``on_full`` is called with True when there is too much in them, and with False when no longer.
    """

    def __init__(self, on_full: Callable[[bool], None]) -> None:
        self._on_full = on_full
        self._urgent: deque[Message] = deque()
        self._shell: deque[Message] = deque()
        self._held = False
        self._bytes = 0
        self._full = False
        self._filled = asyncio.Event()

    def put(self, message: Message, *, first: bool = False) -> None:
        """Take a message in, behind all others of its queue, or before everything. Never blocks: see ``on_full``."""
        if first:
            self._urgent.appendleft(message)
        else:
            (self._shell if message.channel == "shell" else self._urgent).append(message)
        self._weigh(message.size)
        self._filled.set()

    def hold(self) -> None:
        """Keep back what is not urgent until :meth:`release`: it is not known whether the kernel would hear it."""
        self._held = True

    def release(self) -> None:
        """Keep nothing back any longer."""
        self._held = False
        self._filled.set()

    def _first(self) -> Message | None:
        queue = self._urgent or (self._shell if not self._held else None)
        return queue[0] if queue else None

    async def next(self) -> Message:
        """Return the message that is to be sent next, without taking it out; waits for one."""
        while (message := self._first()) is None:
            self._filled.clear()
            await self._filled.wait()
        return message

    def take(self, message: Message) -> bool:
        """Take out what :meth:`next` returned, which is now sent; False when another one has come before it."""
        if self._first() is not message:
            return False
        (self._urgent or self._shell).popleft()
        self._weigh(-message.size)
        return True

    def ids(self) -> list[str]:
        """Return the ids of what was not sent yet, in order."""
        return [message.msg_id for queue in (self._urgent, self._shell) for message in queue]

    def forget(self, msg_id: str) -> None:
        """Take a message out that is not to be sent any more."""
        for queue in (self._urgent, self._shell):
            for message in [one for one in queue if one.msg_id == msg_id]:
                queue.remove(message)
                self._weigh(-message.size)

    def _weigh(self, size: int) -> None:
        self._bytes += size
        full = self._bytes > FULL_BYTES
        if full is not self._full:
            self._full = full
            self._on_full(full)
