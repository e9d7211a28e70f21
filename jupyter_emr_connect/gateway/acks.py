"""Acknowledging at once what a gateway sends.

JEG leaves Nagle's algorithm on, so after one small segment it holds the next until that one is acknowledged, and Linux
delays acknowledgements by 40 ms. ``TCP_QUICKACK`` takes that wait away; Linux switches it off again by itself, see
tcp(7), so it is set anew as long as something is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any


class Acks:
    """One connection's. ``sock`` is None where there is no telling; nothing is done then, nor on macOS."""

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
