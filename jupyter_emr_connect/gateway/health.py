"""Whether the peer of a WebSocket is still there, and what keeps its answers from being late."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING

from .deadline import within

if TYPE_CHECKING:
    from .client import KernelWebSocket

TCP_INFO_LAST_DATA_RECV = 52  # offset of tcpi_last_data_recv (ms) in struct tcp_info, linux/tcp.h
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Return seconds of a clock that goes on while the machine sleeps (Linux), unlike the event loop's."""
    return time.clock_gettime(_CLOCK)


def silent_for(ws: KernelWebSocket, heard: float) -> float:
    """Return the seconds since the peer's last byte (Linux), or since its last whole frame at ``heard``."""
    since_frame = now() - heard
    sock = ws.get_extra_info("socket")
    if sock is None or not hasattr(socket, "TCP_INFO"):
        return since_frame
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_LAST_DATA_RECV + 4)
    if len(info) < TCP_INFO_LAST_DATA_RECV + 4:
        return since_frame
    milliseconds: int = struct.unpack_from("=I", info, TCP_INFO_LAST_DATA_RECV)[0]
    return min(since_frame, milliseconds / 1000)


async def hang_up(ws: KernelWebSocket | None) -> None:
    """Close a WebSocket, within a second even if its peer does not answer."""
    if ws is not None:
        with contextlib.suppress(Exception):
            await within(1, ws.close())
