"""What TCP tells of a WebSocket's peer, and how its packets are acknowledged; Linux alone offers both."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from typing import Any

from ...http.transport import WebSocket

TCP_INFO_LAST_DATA_RECV = 52  # offset of tcpi_last_data_recv (ms) in struct tcp_info, linux/tcp.h
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Return seconds of a clock that goes on while the machine sleeps (Linux), unlike the event loop's."""
    return time.clock_gettime(_CLOCK)


def silent_for(ws: WebSocket, heard: float) -> float:
    """Return the seconds since the peer's last byte (Linux), or since its last whole frame at ``heard``."""
    since_frame = now() - heard
    sock = ws.get_extra_info("socket")
    if sock is None or not hasattr(socket, "TCP_INFO"):
        return since_frame
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_LAST_DATA_RECV + 4)
    except OSError:  # the connection was closed a moment ago
        return since_frame
    if len(info) < TCP_INFO_LAST_DATA_RECV + 4:
        return since_frame
    milliseconds: int = struct.unpack_from("=I", info, TCP_INFO_LAST_DATA_RECV)[0]
    return min(since_frame, milliseconds / 1000)


class QuickAck:
    """Has what arrives on one connection acknowledged at once (``TCP_QUICKACK``), because JEG does not set no-delay.

    ``sock`` is None where it is not known; nothing is done then, nor on macOS.
    """

    def __init__(self, sock: Any) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock if hasattr(socket, "TCP_QUICKACK") else None
        self._due = False

    def reading(self) -> None:
        """Call before each read: it is done once for all that is read in this turn of the loop."""
        if self._sock is not None and not self._due:
            self._due = True
            self._loop.call_soon(self._set)

    def _set(self) -> None:
        self._due = False
        if self._sock is None:
            return
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
