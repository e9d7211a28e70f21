"""One ZeroMQ socket on loopback, served by an asyncio loop without a thread or a task of its own.

A ZeroMQ socket's file descriptor is edge-triggered and says only that *something* may have changed, so after each
event and each send the socket's ``EVENTS`` are looked at anew (zmq_getsockopt(3), ``ZMQ_FD``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import zmq

from ...tasks import report_failure
from ..protocol.framing import Part

log = logging.getLogger(__name__)

Frames = Sequence[Part]

BURST_MESSAGES = 50  # read before other sockets get their turn
LINGER_MS = 1000
# Above those that Linux hands out by itself (ip_local_port_range). Jupyter chooses free ports for a local kernel, which
# binds them a second later, and dies if one is taken by then; so these are not among those that it may choose.
FIRST_PORT, BEYOND_LAST_PORT = 61000, 65536


def _bind(socket: zmq.Socket[bytes], ip: str, port: int) -> int:
    """Bind a socket to a port, 0 for any that is free; return it. Raises ``zmq.ZMQError`` for a port that is taken."""
    if port:
        socket.bind(f"tcp://{ip}:{port}")
        return port
    try:
        return socket.bind_to_random_port(f"tcp://{ip}", FIRST_PORT, BEYOND_LAST_PORT)
    except zmq.ZMQBindError:
        return socket.bind_to_random_port(f"tcp://{ip}")


class ZmqPort:
    """A bound socket: hands each message it receives to ``on_frames`` and sends without ever dropping one.

    ``port`` is where, 0 for any that is free. ``paused`` stops reading, so that ZeroMQ's own back-pressure reaches the
    sender. A message for which ``on_frames``
    raises is logged, and stops none that follows.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        kind: int,
        ip: str,
        on_frames: Callable[[list[bytes]], None],
        *,
        port: int = 0,
        high_water: int = 0,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_frames = on_frames
        self._paused = False
        self._waiters: list[asyncio.Future[None]] = []
        self._socket = context.socket(kind)
        self._socket.linger = LINGER_MS
        self._socket.sndhwm = high_water
        if kind == zmq.ROUTER:
            # A client that reconnects under its old identity takes it over (as ipykernel does, its issue 270).
            self._socket.router_handover = 1
        if kind == zmq.XPUB:
            self._socket.setsockopt(zmq.XPUB_NODROP, 1)
            self._socket.setsockopt(zmq.XPUB_MANUAL, 1)
        self.port: int = _bind(self._socket, ip, port)
        self._fd = self._socket.fileno()
        self._loop.add_reader(self._fd, self._ready)

    def send(self, frames: Frames) -> bool:
        """Send one message; returns False when the peer must first read what is queued for it, or after the end."""
        if self._socket.closed:
            return False
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        self._loop.call_soon(self._ready)
        return True

    async def room(self) -> None:
        """Wait until a message that :meth:`send` refused is worth another try.

        An XPUB socket claims to be writable at any time (libzmq's ``dist_t::has_out``), so what is waited for is any
        event: a subscriber that has read wakes the socket.
        """
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def pause(self, paused: bool) -> None:
        """Stop or resume reading."""
        self._paused = paused
        if not paused:
            self._loop.call_soon(self._ready)

    def _ready(self) -> None:
        self._wake()
        for _ in range(BURST_MESSAGES):
            if self._socket.closed:
                return
            events = int(self._socket.getsockopt(zmq.EVENTS))
            if self._paused or not events & zmq.POLLIN:
                return
            try:
                self._take()
            except zmq.Again:
                continue
            except Exception as error:  # the socket tells of what follows only while it is read to its end
                report_failure(log, "A client's message could not be handled.", error)
        self._loop.call_soon(self._ready)

    def _take(self) -> None:
        """Receive one message and hand it on; raises ``zmq.Again`` when there is none after all."""
        self._on_frames(self._socket.recv_multipart(zmq.NOBLOCK))

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def close(self) -> None:
        """Stop serving; what was sent still goes out (linger)."""
        if self._socket.closed:
            return
        self._loop.remove_reader(self._fd)
        self._socket.close()
        self._wake()
