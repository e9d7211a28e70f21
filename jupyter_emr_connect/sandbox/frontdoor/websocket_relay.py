"""WebSockets: the door checks the handshake, then joins the two connections byte for byte.

Frames are not parsed, so sub-protocols, compression, pings, close codes and messages of any size pass as they are, and
each side's back-pressure reaches the other.
"""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus
from typing import cast

from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from .proxy import request_headers

HEAD_END = b"\r\n\r\n"
MAX_HEAD_BYTES = 64 * 1024
HIGH_WATER_BYTES = 1024 * 1024
# Linux only (tcp(7)); elsewhere the engine's small messages may wait for delayed acknowledgements.
QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class WebSocketRelay:
    """One client connection joined to one engine connection; ``closed`` is done when either side has gone."""

    def __init__(self) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sides: list[_Side] = []
        self._paused = False

    def join(self, client: asyncio.Transport, engine: asyncio.Transport, first: bytes) -> None:
        """Let bytes flow; ``first`` is what the engine has already sent for the client."""
        former = client.get_protocol()
        near, far = _Side(self, client, former), _Side(self, engine, None)
        near.other, far.other = far, near
        self._sides = [near, far]
        for side in self._sides:
            side.transport.set_write_buffer_limits(HIGH_WATER_BYTES)
            side.transport.set_protocol(side)
        client.write(first)
        engine.resume_reading()
        client.resume_reading()

    def pause(self, paused: bool) -> None:
        """Stop both directions without closing anything (a black hole), or let them go on."""
        self._paused = paused
        for side in self._sides:
            side.update()

    @property
    def paused(self) -> bool:
        """Whether nothing may flow."""
        return self._paused

    def cut(self) -> None:
        """Drop both connections at once, without any farewell."""
        for side in self._sides:
            side.transport.abort()

    def ended(self, lost: _Side) -> None:
        """Close the other side too; called when one connection is lost."""
        for side in self._sides:
            if side is not lost and not side.transport.is_closing():
                side.transport.close()
        if not self.closed.done():
            self.closed.set_result(None)


class _Side(asyncio.Protocol):
    """One connection of a relay: what it reads is written to ``other``."""

    def __init__(
        self, relay: WebSocketRelay, transport: asyncio.Transport, former: asyncio.BaseProtocol | None
    ) -> None:
        self.transport = transport
        self.other: _Side = self
        self._relay = relay
        self._former = former
        self._full = False
        self._reading = True

    def data_received(self, data: bytes) -> None:
        self.other.transport.write(data)
        if self._former is None:
            _acknowledge_soon(self.transport)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._full = True
        self.other.update()

    def resume_writing(self) -> None:
        self._full = False
        self.other.update()

    def update(self) -> None:
        """Read on only while the other side takes it and the door is no black hole."""
        wanted = not (self.other._full or self._relay.paused)
        if wanted == self._reading or self.transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.ended(self)
        if self._former:
            self._former.connection_lost(exc)


def _acknowledge_soon(transport: asyncio.Transport) -> None:
    """Ask for immediate acknowledgements: JEG leaves Nagle's algorithm on, so each small message waits for one.

    The kernel falls back to delaying them by itself, hence again after each read (tcp(7), TCP_QUICKACK).
    """
    connection = transport.get_extra_info("socket")
    if QUICKACK is not None and connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)


class _Handshake(asyncio.Protocol):
    """The engine's side of the handshake: collects the head of its answer, then stops reading."""

    def __init__(self) -> None:
        self.head: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.rest = bytearray()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.head.done():
            self.rest += data
            return
        self._buffer += data
        head, found, rest = bytes(self._buffer).partition(HEAD_END)
        if found or len(self._buffer) > MAX_HEAD_BYTES:
            self.rest += rest
            if self._transport:
                self._transport.pause_reading()
            self.head.set_result(head + found)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.head.done():
            self.head.set_exception(exc or ConnectionResetError("the engine closed the connection"))


async def relay_websocket(
    request: web.BaseRequest, url: URL, extra: dict[str, str], open_relays: set[WebSocketRelay]
) -> web.StreamResponse:
    """Pass a WebSocket handshake to ``url``, then join the connections until one of them ends.

    An answer other than 101 is given to the client as it is. ``open_relays`` holds the live ones, for the faults.
    """
    client = request.transport
    if client is None:
        raise ConnectionResetError
    loop = asyncio.get_running_loop()
    engine, handshake = await loop.create_connection(_Handshake, str(url.host), url.port or 80)
    try:
        headers = request_headers(request, {**extra, "Host": f"{url.host}:{url.port}"})
        headers.update({"Connection": "Upgrade", "Upgrade": "websocket"})
        lines = [f"GET {url.raw_path_qs} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        engine.write("\r\n".join(lines).encode("latin-1", "replace") + HEAD_END)
        head = await handshake.head
        status, answer = _parse(head)
        if status != HTTPStatus.SWITCHING_PROTOCOLS:
            return web.Response(status=status, headers=_without_private(answer))
        relay = WebSocketRelay()
        open_relays.add(relay)
        try:
            relay.join(client, engine, head + bytes(handshake.rest))
            await relay.closed
        finally:
            open_relays.discard(relay)
    finally:
        engine.close()
    return web.Response()  # never sent: the connection is gone


def _parse(head: bytes) -> tuple[int, CIMultiDict[str]]:
    status_line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = CIMultiDict[str]()
    for line in lines:
        name, _, value = line.partition(":")
        headers.add(name.strip(), value.strip())
    parts = status_line.split()
    if len(parts) < 2 or not parts[1].isdigit():
        message = "the engine's answer is not HTTP"
        raise ConnectionResetError(message)
    return int(parts[1]), headers


def _without_private(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    kept = {"content-type", "sec-websocket-version"}
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() in kept)
