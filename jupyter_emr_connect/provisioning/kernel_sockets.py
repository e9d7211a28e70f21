"""The sockets on which a local kernel process serves, listened on by its parent for all the processes it has in turn.

Jupyter chooses free ports, and the process binds them a second later; it dies if another program has one by then. So
the parent listens from the start and hands the sockets down: no port can be lost between a kernel's start, restart or
takeover, and what clients send meanwhile waits for the process.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Mapping

from ..errors import KernelStartFailed
from ..gateway.channels.zmq_port import BEYOND_LAST_PORT, FIRST_PORT

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
BACKLOG = 100  # connections that wait to be accepted, as ZeroMQ has it
TRIES = 100  # ports tried before any is taken that the system gives
FREE_WITHIN_S, FREE_EVERY_S = 10.0, 0.05  # a ZeroMQ socket lets go of its port a moment after it was closed


class KernelSockets:
    """Five listening sockets, one for each channel; ``named`` are the ports that clients expect already.

    Made and used on one loop. A channel without a named port listens at once, on any port that is free; those with one
    listen after :meth:`open`.
    """

    def __init__(self, ip: str, named: Mapping[str, int]) -> None:
        self._ip = ip
        self._ports = {channel: named.get(channel, 0) for channel in CHANNELS}
        self._sockets: dict[str, socket.socket] = {}
        for channel, port in self._ports.items():
            if not port:
                self._sockets[channel] = opened = _listen_anywhere(ip)
                self._ports[channel] = opened.getsockname()[1]

    @property
    def ports(self) -> dict[str, int]:
        """The ports by the names that connection files have for them, such as ``shell_port``."""
        return {f"{channel}_port": port for channel, port in self._ports.items()}

    @property
    def descriptors(self) -> dict[str, int]:
        """The file descriptors of the sockets that are open, by channel."""
        return {channel: opened.fileno() for channel, opened in self._sockets.items()}

    async def open(self) -> None:
        """Listen on the named ports too; raises ``KernelStartFailed`` for one that another program keeps."""
        for channel, port in self._ports.items():
            if channel not in self._sockets:
                self._sockets[channel] = await _listen_soon(self._ip, port)

    def close(self) -> None:
        """Let go of the ports."""
        for opened in self._sockets.values():
            opened.close()
        self._sockets.clear()


def _listen(ip: str, port: int) -> socket.socket:
    """Return a socket that listens and does not block, since ZeroMQ accepts on it; raises ``OSError``."""
    opened = socket.create_server(("" if ip == "*" else ip, port), backlog=BACKLOG)
    opened.setblocking(False)
    return opened


async def _listen_soon(ip: str, port: int) -> socket.socket:
    """Return a socket on a port that its former user may still be letting go; raises ``KernelStartFailed``."""
    end = time.monotonic() + FREE_WITHIN_S
    while True:
        try:
            return _listen(ip, port)
        except OSError as error:
            if time.monotonic() > end:
                message = f"The kernel cannot listen on {ip}:{port} ({error.strerror or error})."
                raise KernelStartFailed(message, fix="End what uses the port, or start another kernel.") from error
        await asyncio.sleep(FREE_EVERY_S)


def _listen_anywhere(ip: str) -> socket.socket:
    """Return a socket on a free port, best on one that Jupyter does not choose for a kernel of its own."""
    for port in random.sample(range(FIRST_PORT, BEYOND_LAST_PORT), TRIES):
        try:
            return _listen(ip, port)
        except OSError:
            continue
    return _listen(ip, 0)
