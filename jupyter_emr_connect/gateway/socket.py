"""The one WebSocket of a gateway kernel: an explicit state machine with one place that sends and one that receives.

::

                   open()
        NEW ────────────────► CONNECTING ──── refused, gone ───► CLOSED (open() raises)
                                   │ upgraded
                                   ▼
             ┌───────────────► CONNECTED ────── close() ───────► CLOSED
             │ upgraded            │ dropped, or the peer is silent
             │                     ▼
             └─────────────── RECONNECTING ──── close() ───────► CLOSED
                                   │ 404, or out of time
                                   ▼
                                 GONE

The ``session_id`` stays the same over reconnections, so that the gateway replays what it buffered (reference 5.5). What
is sent while there is no connection waits in the outbox, which is bounded: its owner is told to stop reading by
``on_full``. Each state has one coroutine; only :meth:`KernelSocket._run` moves between them.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TYPE_CHECKING

import aiohttp

from ..errors import GatewayError, KernelGone
from .client import GatewayClient
from .deadline import within
from .framing import BadFrame, Framing, Message, decode, encode

if TYPE_CHECKING:
    from .client import KernelWebSocket

OUTBOX_BYTES = 32 * 1024 * 1024
PING_EVERY = 5.0
SILENCE = 12.0
RECONNECT_FOR = 600.0
FIRST_PAUSE, LAST_PAUSE = 0.2, 10.0
OPEN_TIMEOUT = 30.0
GATEWAY_LIMIT = 10 * 1024 * 1024  # what tornado takes unless told otherwise (websocket_max_message_size)
TAKEN = b"taken"
TCP_INFO_LAST_DATA_RECV = 52  # offset of tcpi_last_data_recv (ms) in struct tcp_info, linux/tcp.h


class LinkState(Enum):
    """Where the connection is in its life; see the module's diagram."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    GONE = "gone"
    CLOSED = "closed"


class KernelSocket:
    """Carries messages between a gateway kernel and its bridge. Lives on the gateway loop.

    ``on_message`` is awaited for each message in order, so that a slow receiver slows the gateway down;
    ``on_state`` is called with the new state and a reason; ``on_full`` with True when the outbox is full and with False
    when there is room again; ``on_too_large`` with a message over which the gateway hung up.
    """

    def __init__(
        self,
        client: GatewayClient,
        kernel_id: str,
        *,
        on_message: Callable[[Message], Awaitable[None]],
        on_state: Callable[[LinkState, str], None],
        on_full: Callable[[bool], None],
        on_too_large: Callable[[Message], None],
        offer_v1: bool = True,
        session_id: str | None = None,
    ) -> None:
        self.session_id = session_id or uuid.uuid4().hex
        self.state = LinkState.NEW
        self.framing: Framing = "v1"
        self.bad_frames = 0
        self._client = client
        self._kernel_id = kernel_id
        self._on_message = on_message
        self._on_state = on_state
        self._on_full = on_full
        self._on_too_large = on_too_large
        self._large: Message | None = None
        self._offer_v1 = offer_v1
        self._outbox: deque[Message] = deque()
        self._outbox_bytes = 0
        self._outbox_filled = asyncio.Event()
        self._full = False
        self._held = False
        self._heard = 0.0
        self._ws: KernelWebSocket | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect for the first time; raises the gateway's error. Afterwards the socket keeps itself connected."""
        self._move(LinkState.CONNECTING)
        try:
            await self._connect()
        except BaseException:
            self._move(LinkState.CLOSED)
            raise
        self._task = asyncio.get_running_loop().create_task(self._run())

    def send(self, message: Message) -> None:
        """Queue a message; order is kept. Never blocks: see ``on_full``."""
        self._outbox.append(message)
        self._outbox_bytes += message.size
        self._outbox_filled.set()
        self._report_room()

    async def close(self) -> None:
        """Close for good, from whatever state."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._hang_up()
        if self.state is not LinkState.GONE:
            self._move(LinkState.CLOSED)

    def _move(self, state: LinkState, reason: str = "") -> None:
        if state is not self.state:
            self.state = state
            self._on_state(state, reason)

    async def _run(self) -> None:
        """Move between CONNECTED and RECONNECTING until the kernel is gone or :meth:`close` cancels this."""
        while True:
            self._move(LinkState.CONNECTED)
            reason = await self._serve()
            if self._large is not None:
                self._on_too_large(self._large)
                self._large = None
            self._move(LinkState.RECONNECTING, reason)
            try:
                await self._reconnect()
            except GatewayError as error:
                self._move(LinkState.GONE, error.message)
                return

    async def _connect(self) -> None:
        opening = self._client.open_socket(self._kernel_id, self.session_id, offer_v1=self._offer_v1)
        self._ws = await within(OPEN_TIMEOUT, opening)
        self.framing = "v1" if self._ws.protocol else "legacy"
        self._heard = asyncio.get_running_loop().time()

    async def _reconnect(self) -> None:
        """Try until it works; raises :class:`KernelGone` on a 404, and the last error when the time is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + RECONNECT_FOR
        pause = FIRST_PAUSE
        while True:
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, hides nothing
            try:
                await self._client.kernel(self._kernel_id)
                await self._connect()
            except KernelGone:
                raise
            except (GatewayError, asyncio.TimeoutError):
                if loop.time() > end:
                    raise
                pause = min(pause * 2, LAST_PAUSE)
            else:
                return

    async def _serve(self) -> str:
        """Send and receive until one of them ends; returns why."""
        parts = [asyncio.ensure_future(part) for part in (self._receive(), self._transmit(), self._watch())]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await self._hang_up()

    async def _receive(self) -> str:
        """Hand on what arrives: the only place that reads the WebSocket."""
        ws = self._socket()
        loop = asyncio.get_running_loop()
        while True:
            _acknowledge_at_once(ws)
            frame = await ws.receive()
            self._heard = loop.time()
            if frame.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                try:
                    message = decode(frame.data, self.framing)
                    self._held = True
                    await self._on_message(message)
                except BadFrame:
                    self.bad_frames += 1
                finally:
                    self._held = False
            elif frame.type is aiohttp.WSMsgType.PING:
                await ws.pong(frame.data)
            elif frame.type is aiohttp.WSMsgType.PONG:
                if frame.data == TAKEN:
                    self._large = None
            else:
                return "the gateway closed the connection" if ws.close_code else "the connection was lost"

    async def _transmit(self) -> str:
        """Write what is in the outbox: the only place that writes messages to the WebSocket."""
        ws = self._socket()
        while True:
            while self._outbox:
                message = self._outbox.popleft()
                self._outbox_bytes -= message.size
                self._report_room()
                try:
                    await self._write(ws, message)
                except (ConnectionError, aiohttp.ClientError):
                    return "the connection was lost"
            self._outbox_filled.clear()
            await self._outbox_filled.wait()

    async def _write(self, ws: KernelWebSocket, message: Message) -> None:
        frame = encode(message, self.framing)
        if len(frame) < GATEWAY_LIMIT:
            await (ws.send_str(frame) if isinstance(frame, str) else ws.send_bytes(frame))
            return
        # Frames are taken in order, so the answer to a ping behind this one says that it was not too large.
        self._large = message
        await (ws.send_str(frame) if isinstance(frame, str) else ws.send_bytes(frame))
        await ws.ping(TAKEN)

    async def _watch(self) -> str:
        """Notice a peer that is silently gone: it is pinged, and its silence measured while we do listen."""
        ws = self._socket()
        while True:
            await asyncio.sleep(PING_EVERY)
            if not self._held and self._silent_for(ws) > SILENCE:
                return "the gateway stopped answering"
            try:
                await ws.ping()
            except (ConnectionError, aiohttp.ClientError):
                return "the connection was lost"

    def _silent_for(self, ws: KernelWebSocket) -> float:
        """Seconds since the peer's last byte (Linux), or since its last whole frame."""
        since_frame = asyncio.get_running_loop().time() - self._heard
        sock = ws.get_extra_info("socket")
        if sock is None or not hasattr(socket, "TCP_INFO"):
            return since_frame
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_LAST_DATA_RECV + 4)
        if len(info) < TCP_INFO_LAST_DATA_RECV + 4:
            return since_frame
        milliseconds: int = struct.unpack_from("=I", info, TCP_INFO_LAST_DATA_RECV)[0]
        return min(since_frame, milliseconds / 1000)

    def _report_room(self) -> None:
        full = self._outbox_bytes > OUTBOX_BYTES
        if full is not self._full:
            self._full = full
            self._on_full(full)

    def _socket(self) -> KernelWebSocket:
        if self._ws is None:
            raise AssertionError
        return self._ws

    async def _hang_up(self) -> None:
        ws, self._ws = self._ws, None
        if ws is not None:
            with contextlib.suppress(Exception):
                await within(1, ws.close())


def _acknowledge_at_once(ws: KernelWebSocket) -> None:
    """Re-arm ``TCP_QUICKACK``: JEG leaves Nagle's algorithm on, so each delayed ACK would hold its next write 40 ms.

    The kernel switches it off again by itself (tcp(7)), hence before each read.
    """
    sock = ws.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_QUICKACK"):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
