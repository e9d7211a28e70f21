"""When what a gateway sent is acknowledged: at once for a dialogue, a little later for a flood of small messages.

JEG leaves Nagle's algorithm on, so after one small segment it holds the next until that one is acknowledged, and Linux
delays acknowledgements by 40 ms. Acknowledging at once (``TCP_QUICKACK``, which Linux switches off again by itself, see
tcp(7)) takes that wait away. When messages come thick and fast, the same mechanism serves us: acknowledged every
:data:`PACE` seconds, the gateway sends what has gathered in one segment, which costs both sides far less than one
message at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

PACE = 0.01  # seconds
FLOOD = 8  # messages that come within PACE and answer no request just sent: a small cell's are four or five
EBB = 4  # PACEs in which hardly a message comes, after which it is no flood any more


class Acks:
    """One connection's. :meth:`reading` is called before each read, :meth:`sending` before each write.

    ``sock`` is None where there is no telling, and nothing is done then; nor where there is no such option (macOS).
    """

    def __init__(self, sock: Any) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock if hasattr(socket, "TCP_QUICKACK") else None
        self._count = 0
        self._since = 0.0
        self._quiet = 0
        self._timer: asyncio.TimerHandle | None = None

    def reading(self) -> None:
        """Acknowledge at once what comes next, unless it is a flood."""
        self._count += 1
        if self._timer is not None or self._sock is None:
            return
        now = self._loop.time()
        if now - self._since > PACE:
            self._since, self._count = now, 1
        if self._count < FLOOD:
            self._set(1)
        else:
            self._quiet = 0
            self._wait()

    def sending(self) -> None:
        """Take what comes next for an answer, which someone waits for."""
        self._since = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._set(1)

    def _wait(self) -> None:
        self._count = 0
        self._set(0)
        self._timer = self._loop.call_later(PACE, self._paced)

    def _paced(self) -> None:
        self._timer = None
        if self._count:
            self._set(1)  # sends the acknowledgement that is due
        self._quiet = self._quiet + 1 if self._count <= 1 else 0
        if self._quiet < EBB:
            self._wait()
        else:
            self._since = 0.0

    def _set(self, at_once: int) -> None:
        if self._sock is None:
            return
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, at_once)
