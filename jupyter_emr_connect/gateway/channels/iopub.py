"""The iopub socket: each subscriber is sent to by itself, so that one that does not read holds up no other for long.

An XPUB socket sends a message to all that match, or, while one of them is full, to none or to those with room, without
saying which. With ``ZMQ_XPUB_MANUAL`` (zmq_setsockopt(3)) it is the application that says by which prefix a connection
is found. Here each has one of its own, which begins with what the client subscribed to, since its SUB socket looks at
that once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import zmq

from ...http.deadlines import within
from ..protocol.framing import Part
from .zmq_port import ZmqPort

HIGH_WATER = 64  # messages
STALL_S = 20.0  # for which a subscriber may read nothing at all before it loses messages; JEG hangs up after 90
RETRY_EVERY_S = 0.25
SWEEP_AFTER_S = 1.0  # in which libzmq closes a connection after it has told of its end

SocketIdentity = tuple[int, int]
"""A file descriptor and the inode of its socket, which no other socket has while that is open."""


@dataclass(eq=False)
class Subscriber:
    """One subscription of one client, which is sent what begins with ``topic`` under its own ``address``.

    ``stalled``: it did not read for so long that it is not waited for until it does.
    """

    topic: bytes
    address: bytes
    connection: SocketIdentity | None
    stalled: bool = False

    @property
    def is_connected(self) -> bool:
        """Whether its connection is still there, as far as can be told."""
        return self.connection is None or _identity(self.connection[0]) == self.connection


class IopubPort(ZmqPort):
    """The bound iopub socket. Lives on the gateway loop.

    ``port`` is where, 0 for any that is free. ``subscribers`` are those of the moment. ``welcome(topic)`` returns what
    a new one is greeted with. ``stall_s``: for so many seconds a subscriber that reads nothing is waited for.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        ip: str,
        welcome: Callable[[bytes], Sequence[Part]],
        *,
        port: int = 0,
        stall_s: float = STALL_S,
    ) -> None:
        self._welcome = welcome
        self._stall_s = stall_s
        self.subscribers: list[Subscriber] = []
        self._numbers = 0
        self._subscriptions: Counter[bytes] = Counter()  # by topic: those of all connections that have not ended
        super().__init__(context, zmq.XPUB, ip, lambda frames: None, port=port, high_water=HIGH_WATER)

    def wanted(self, topic: bytes) -> bool:
        """Return whether a subscriber has asked for such messages: else they need not be made."""
        return any(topic.startswith(subscriber.topic) for subscriber in self.subscribers)

    async def publish(self, topic: bytes, frames: Sequence[Part]) -> None:
        """Send a message to every subscriber that wants it, and wait for those that are slow: none loses any for speed.

        One that reads nothing at all for ``stall_s`` loses it, and is not waited for any more until it reads again.
        """
        late = [
            subscriber
            for subscriber in self._matching(topic)
            if not self._send_to(subscriber, topic, frames) and not subscriber.stalled
        ]
        if late:
            await self._wait_for(late, topic, frames)

    def tell(self, topic: bytes, frames: Sequence[Part]) -> None:
        """Send a message to those subscribers that want it and have room; it is lost where one does not read."""
        for subscriber in self._matching(topic):
            self._send_to(subscriber, topic, frames)

    async def _wait_for(self, late: list[Subscriber], topic: bytes, frames: Sequence[Part]) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._stall_s
        while late and loop.time() < end:
            with contextlib.suppress(asyncio.TimeoutError):
                await within(RETRY_EVERY_S, self.room())
            there = [subscriber for subscriber in late if subscriber in self.subscribers]
            late = [subscriber for subscriber in there if not self._send_to(subscriber, topic, frames)]
        for subscriber in late:
            subscriber.stalled = True

    def _matching(self, topic: bytes) -> list[Subscriber]:
        """Return who wants such a message, a client with several subscriptions once."""
        found: dict[object, Subscriber] = {}
        for subscriber in self.subscribers:
            if topic.startswith(subscriber.topic):
                found.setdefault(subscriber.connection or subscriber, subscriber)
        return list(found.values())

    def _send_to(self, subscriber: Subscriber, topic: bytes, frames: Sequence[Part]) -> bool:
        if not self.send([subscriber.address + topic, *frames]):
            return False
        subscriber.stalled = False
        return True

    # -- who has subscribed ------------------------------------------------------------------------------------------

    def _take(self) -> None:
        """Take in a subscription or the end of one, which libzmq tells in one frame; see :meth:`ZmqPort._take`."""
        frame = self._socket.recv(zmq.NOBLOCK, copy=False)
        event, topic = frame.bytes[:1], frame.bytes[1:]
        connection = None
        with contextlib.suppress(zmq.ZMQError):  # it says nothing of the connection when that has ended
            connection = _identity(int(frame.get(zmq.SRCFD)))
        if event == b"\x01":
            self._add(topic, connection)
        elif event == b"\x00":
            self._remove(topic, connection)

    def _add(self, topic: bytes, connection: SocketIdentity | None) -> None:
        self._subscriptions[topic] += 1
        self._sweep()
        self._numbers += 1
        subscriber = Subscriber(topic, topic + b"\x00%d\x00" % self._numbers, connection)
        self._socket.setsockopt(zmq.SUBSCRIBE, subscriber.address)  # of the connection that was heard last
        self.subscribers.append(subscriber)
        self._send_to(subscriber, topic, self._welcome(topic))

    def _remove(self, topic: bytes, connection: SocketIdentity | None) -> None:
        """Forget a subscription; which one is not told where a connection has ended, so it is looked for."""
        self._subscriptions[topic] -= 1
        if connection is None:
            self._sweep()
            self._loop.call_later(SWEEP_AFTER_S, self._sweep)
        for subscriber in list(self.subscribers):
            of_client = connection is not None and subscriber.connection == connection and subscriber.topic == topic
            if of_client:
                self._socket.setsockopt(zmq.UNSUBSCRIBE, subscriber.address)
            if of_client or (subscriber.topic == topic and not self._subscriptions[topic]):
                self.subscribers.remove(subscriber)

    def _sweep(self) -> None:
        """Forget those whose connection has ended."""
        self.subscribers = [subscriber for subscriber in self.subscribers if subscriber.is_connected]

    def close(self) -> None:
        """Stop serving; what was sent still goes out (linger)."""
        self.subscribers.clear()
        super().close()


def _identity(fd: int) -> SocketIdentity | None:
    """Return what tells the connection of a descriptor from any other; None where there is none."""
    try:
        return fd, os.fstat(fd).st_ino
    except OSError:
        return None
