"""One port of a front door: it can be open, a black hole, or closed."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Literal

from aiohttp import web

from ...errors import SandboxStartError
from ..ports import who_listens

Mode = Literal["open", "silent", "closed"]
BACKLOG = 512
HANDSHAKE_TIMEOUT_S = 10.0


class Listener:
    """Listens on ``address``:``port`` for an aiohttp server.

    The listening socket is ours and the event loop serves a copy of it. So in mode ``silent`` the system still accepts
    connections into its queue, but nobody answers, not even TLS: what a black hole looks like. ``closed`` refuses them.
    """

    def __init__(self, address: str, port: int, server: web.Server) -> None:
        self.address = address
        self.port = port
        self._server = server
        self._context: ssl.SSLContext | None = None
        self._socket: socket.socket | None = None
        self._serving: asyncio.AbstractServer | None = None
        self.mode: Mode = "closed"
        self._changing = asyncio.Lock()

    async def set(self, mode: Mode, context: ssl.SSLContext | None) -> None:
        """Go into ``mode`` with ``context`` for new connections; raises SandboxStartError when the port is taken.

        Called by whoever changes faults and by the one who follows them: one after the other, for each awaits.
        """
        async with self._changing:
            if mode != self.mode or context is not self._context:
                await self._change(mode, context)

    async def _change(self, mode: Mode, context: ssl.SSLContext | None) -> None:
        if self._serving:
            self._serving.close()  # its copy of the socket alone; connections stay
            self._serving = None
        if mode == "closed":
            self._close()
        elif self._socket is None:
            self._socket = self._bind()
        if mode == "open" and self._socket:
            self._serving = await asyncio.get_running_loop().create_server(
                self._server,
                sock=self._socket.dup(),
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S if context else None,
                backlog=BACKLOG,
            )
        self.mode, self._context = mode, context

    def _close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def _bind(self) -> socket.socket:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setblocking(False)
        try:
            listening.bind((self.address, self.port))
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            raise _unavailable(self.address, self.port, error) from error
        self.port = listening.getsockname()[1]
        return listening


def _unavailable(address: str, port: int, error: OSError) -> SandboxStartError:
    holder = who_listens(address, port)
    if holder:
        message = f"{address}:{port} is in use by {holder}."
        return SandboxStartError(message, fix="Stop that process, or take another address: --name OTHER.")
    message = f"{address}:{port} cannot be listened on: {error.strerror}."
    return SandboxStartError(message, fix="The sandbox needs the loopback addresses 127.0.0.0/8 (Linux has them all).")
