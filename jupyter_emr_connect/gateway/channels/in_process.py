"""What a kernel publishes, and replies, handed to a receiver on another loop of this process without ZeroMQ between.

::

    gateway loop                                           the receiver's loop
    ────────────                                           ───────────────────
    bridge ── offer() ──► Overflow ── deliver(), woken up ──► take() ──► a browser's WebSocket
       ▲                     │
       └─ await room() ◄── full: more than LIMIT waits

A receiver that is slow is waited for, so that the gateway is slowed down; one that takes nothing at all for
:data:`STALL` seconds, or has left for a while (:meth:`InProcessChannel.leave`), gets the rest from a temporary
file when it is back. Replies to a receiver that is not at hand go over ZeroMQ, like those to every other client.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ...http.deadlines import within
from ..protocol.framing import Message
from ..protocol.message_queue import MessageQueue

LIMIT = 4 * 1024 * 1024  # bytes that may wait before the kernel is made to wait
PROMPT = 64 * 1024  # bytes of output that a reply may wait behind
STALL = 20.0  # seconds; JEG hangs up on a peer that it has not heard for 90


class InProcessChannel:
    """One receiver. ``deliver`` is called on the receiver's loop when there is something to take; it must not raise."""

    def __init__(self, deliver: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._deliver = deliver
        self._queue = MessageQueue()
        self._calling = False
        self._woken = False
        self._aside = False  # what comes is put into the file
        self._away = False  # ... until the receiver says that it is back
        self._closed = False
        self._takes = 0
        self._room: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    # -- the gateway loop --------------------------------------------------------------------------------------------

    def offer(self, message: Message) -> None:
        """Queue a message for the receiver, which is called once for all that comes in this turn of the loop."""
        self._queue.put(message, to_file=self._aside)
        if not self._calling:
            self._calling = True
            asyncio.get_running_loop().call_soon(self._call)

    def answer(self, message: Message) -> bool:
        """Queue a reply; returns False when it would have to wait, so that it must go another way."""
        if self._closed or self._aside or self._queue.waiting > PROMPT:
            return False
        self.offer(message)
        return True

    def _call(self) -> None:
        self._calling = False
        self._wake()

    @property
    def full(self) -> bool:
        """Whether the receiver should be waited for."""
        return self._queue.waiting > LIMIT and not self._aside and not self._closed

    async def room(self) -> None:
        """Wait for the receiver to take what is queued, as long as it does take something now and then."""
        event = asyncio.Event()
        self._room = (asyncio.get_running_loop(), event)
        try:
            while self.full:
                takes = self._takes
                event.clear()
                with contextlib.suppress(asyncio.TimeoutError):
                    await within(STALL, event.wait())
                if takes == self._takes:
                    self._aside = True
        finally:
            self._room = None

    def _wake(self) -> None:
        if not self._woken and not self._closed:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the receiver's loop is closed: its process is ending
                self._loop.call_soon_threadsafe(self._called)

    # -- the receiver's loop -----------------------------------------------------------------------------------------

    def _called(self) -> None:
        self._woken = False
        if not self._closed:
            self._deliver()

    def take(self, size: int) -> list[Message]:
        """Return messages of about ``size`` bytes in all, at least one if there is any."""
        messages = self._queue.take(size)
        if messages:
            self._aside = self._away
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
        return self._queue.forgive() if self._queue.lost else 0

    def leave(self) -> None:
        """Make nobody wait until :meth:`back`: what comes is put aside."""
        self._away = self._aside = True
        self.progress()

    def back(self, deliver: Callable[[], None]) -> None:
        """Go on, with another ``deliver``: first what was put aside."""
        self._deliver = deliver
        self._away = self._aside = False
        self._wake()

    def close(self) -> None:
        """Take nothing any more."""
        self._closed = True
        self.progress()
        self._queue.close()


class InProcessChannels:
    """The receivers of one kernel. Added and removed by the receiver's loop, offered to by the gateway loop."""

    def __init__(self) -> None:
        self._taps: tuple[InProcessChannel, ...] = ()
        self._named: dict[bytes, InProcessChannel] = {}

    def add(self, tap: InProcessChannel, identity: bytes = b"") -> None:
        """Let a receiver have all that is offered from here on, and the replies to ``identity``, its ZeroMQ name."""
        self._taps = (*self._taps, tap)
        if identity:
            self._named = {**self._named, identity: tap}

    def remove(self, tap: InProcessChannel) -> None:
        """Forget a receiver."""
        self._taps = tuple(one for one in self._taps if one is not tap)
        self._named = {name: one for name, one in self._named.items() if one is not tap}

    def offer(self, message: Message) -> None:
        """Queue a message for every receiver."""
        for tap in self._taps:
            tap.offer(message)

    def answer(self, message: Message, identities: list[bytes]) -> bool:
        """Give a reply to the receiver that asked; returns False when it is none of these, or cannot take it now."""
        tap = self._named.get(identities[0]) if identities else None
        return tap is not None and tap.answer(message)

    async def room(self) -> None:
        """Wait until no receiver has too much in its queue."""
        for tap in self._taps:
            if tap.full:
                await tap.room()
