"""What a kernel publishes, and replies, handed to a receiver on another loop of this process without ZeroMQ between.

::

    gateway loop                                           the receiver's loop
    ────────────                                           ───────────────────
    bridge ── offer() ──► MessageQueue ── deliver(), woken up ──► take() ──► a browser's WebSocket
       ▲                     │
       └─ await room() ◄── full: more than LIMIT_BYTES waits

A receiver that is slow is waited for, so that the gateway is slowed down; one that takes nothing at all for
:data:`STALL_S` seconds, or has left for a while (:meth:`InProcessChannel.leave`), gets the rest from a temporary
file when it is back. Replies to a receiver that is not at hand go over ZeroMQ, like those to every other client.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ...http.deadlines import within
from ..protocol.framing import Message
from ..protocol.message_queue import DISK_BYTES, MessageQueue

LIMIT_BYTES = 4 * 1024 * 1024  # that may wait before the kernel is made to wait
MAX_BYTES_BEFORE_REPLY = 64 * 1024  # of output that a reply may wait behind
STALL_S = 20.0  # JEG hangs up on a peer that it has not heard for 90 seconds


class InProcessChannel:
    """The way to one receiver, made on the receiver's loop.

    ``deliver`` is called there when there is something to take; it must not raise. ``stall_s``: for so many seconds a
    receiver that takes nothing is waited for. ``disk_bytes`` is what may wait for it in the temporary file.
    """

    def __init__(self, deliver: Callable[[], None], *, stall_s: float = STALL_S, disk_bytes: int = DISK_BYTES) -> None:
        self.stall_s = stall_s
        self._loop = asyncio.get_running_loop()
        self._deliver = deliver
        self._queue = MessageQueue(disk_bytes)
        self._is_wake_due = False  # in this turn of the gateway loop
        self._is_woken = False
        self._to_file = False  # what comes is put into the file
        self._is_away = False  # ... until the receiver says that it is back
        self._closed = False
        self._is_over = False
        self._takes = 0
        self._room: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    # -- the gateway loop --------------------------------------------------------------------------------------------

    def offer(self, message: Message) -> None:
        """Queue a message for the receiver, which is called once for all that comes in this turn of the loop."""
        self._queue.put(message, to_file=self._to_file)
        if not self._is_wake_due:
            self._is_wake_due = True
            asyncio.get_running_loop().call_soon(self._wake_once)

    def answer(self, message: Message) -> bool:
        """Queue a reply; returns False when it would have to wait, so that it must go another way."""
        if self._closed or self._to_file or self._queue.waiting > MAX_BYTES_BEFORE_REPLY:
            return False
        self.offer(message)
        return True

    def end(self) -> None:
        """Tell the receiver, after all that is queued, that nothing comes any more; called on the gateway loop."""
        self._is_over = True
        self._wake()

    def _wake_once(self) -> None:
        self._is_wake_due = False
        self._wake()

    @property
    def full(self) -> bool:
        """Whether the receiver should be waited for."""
        return self._queue.waiting > LIMIT_BYTES and not self._to_file and not self._closed

    async def room(self) -> None:
        """Wait for the receiver to take what is queued, as long as it does take something now and then."""
        event = asyncio.Event()
        self._room = (asyncio.get_running_loop(), event)
        try:
            while self.full:
                takes = self._takes
                event.clear()
                with contextlib.suppress(asyncio.TimeoutError):
                    await within(self.stall_s, event.wait())
                if takes == self._takes:
                    self._to_file = True
        finally:
            self._room = None

    def _wake(self) -> None:
        if not self._is_woken and not self._closed:
            self._is_woken = True
            with contextlib.suppress(RuntimeError):  # the receiver's loop is closed: its process is ending
                self._loop.call_soon_threadsafe(self._deliver_if_open)

    # -- the receiver's loop -----------------------------------------------------------------------------------------

    def _deliver_if_open(self) -> None:
        self._is_woken = False
        if not self._closed:
            self._deliver()

    def take(self, size: int) -> list[Message]:
        """Return messages of about ``size`` bytes in all, at least one if there is any."""
        messages = self._queue.take(size)
        if messages:
            self._to_file = self._is_away
            self.progress()
        return messages

    def progress(self) -> None:
        """Say that the receiver is reading, however slowly."""
        self._takes += 1
        if self._room is not None:
            loop, event = self._room
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)

    def lost(self) -> int:
        """Return how many messages were lost, for want of room on disk, after those that were taken; once."""
        return self._queue.take_lost() if self._queue.lost else 0

    def leave(self) -> None:
        """Let nobody wait for the receiver until :meth:`back`: what comes is put into the file."""
        self._is_away = self._to_file = True
        self.progress()

    @property
    def is_over(self) -> bool:
        """Whether nothing comes any more: the kernel's channels are closed, and all that was queued is taken."""
        return self._is_over and not self._queue

    def back(self, deliver: Callable[[], None]) -> None:
        """Go on with another ``deliver``, first with what is in the file."""
        self._deliver = deliver
        self._is_away = self._to_file = False
        self._wake()

    def close(self) -> None:
        """Drop what waits, and take nothing any more."""
        self._closed = True
        self.progress()
        self._queue.close()


class InProcessChannels:
    """The ways to all receivers of one kernel. Added and removed by the receiver's loop, used by the gateway loop."""

    def __init__(self) -> None:
        self._channels: tuple[InProcessChannel, ...] = ()
        self._by_identity: dict[bytes, InProcessChannel] = {}

    def add(self, channel: InProcessChannel, identity: bytes = b"") -> None:
        """Let a receiver have all that is offered from here on, and the replies to ``identity``, its ZeroMQ name."""
        self._channels = (*self._channels, channel)
        if identity:
            self._by_identity = {**self._by_identity, identity: channel}

    def remove(self, removed: InProcessChannel) -> None:
        """Forget a receiver."""
        self._channels = tuple(channel for channel in self._channels if channel is not removed)
        kept = {identity: channel for identity, channel in self._by_identity.items() if channel is not removed}
        self._by_identity = kept

    def offer(self, message: Message) -> None:
        """Queue a message for every receiver."""
        for channel in self._channels:
            channel.offer(message)

    def answer(self, message: Message, identities: list[bytes]) -> bool:
        """Give a reply to the receiver that asked; returns False when it is none of these, or cannot take it now."""
        channel = self._by_identity.get(identities[0]) if identities else None
        return channel is not None and channel.answer(message)

    def end(self) -> None:
        """Tell every receiver that the kernel's channels are closed."""
        for channel in self._channels:
            channel.end()

    async def room(self) -> None:
        """Wait until no receiver has too much in its queue."""
        full = [channel.room() for channel in self._channels if channel.full]
        if full:
            await asyncio.gather(
                *full
            )  # together, so that several who do not read hold up the kernel no longer than one
