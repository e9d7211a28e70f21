"""A TCP proxy that fails at command, to stand before a real gateway: cuts, black holes, torn frames, idle limits.

It knows nothing of TLS or frames and passes both through; see ``webproxy.py`` for faults inside of messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.ownloop import OwnLoop

CHUNK = 65536
BACKLOG = 128
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
UPGRADED = b"HTTP/1.1 101"


@dataclass(eq=False)
class Pair:
    """One client's connection and the one to the gateway that belongs to it."""

    client: asyncio.StreamWriter
    gateway: asyncio.StreamWriter
    websocket: bool = False
    heard: float = 0.0
    left: bool = False  # the client's side is gone; what the gateway still says is lost
    ends: asyncio.Event = field(default_factory=asyncio.Event)


class FaultProxy:
    """Listens at ``address`` and passes on to ``(host, port)``. Every method may be called from any thread.

    ``delay`` holds each chunk up for so many seconds, ``idle`` cuts connections on which the gateway was silent for
    longer, as nginx does after its ``proxy_read_timeout``; None is never. ``cuts`` counts connections cut at
    command, and WebSockets cut for being idle.
    """

    def __init__(self, host: str, port: int, *, address: str | None = None, idle: float | None = None) -> None:
        self.gateway = (host, port)
        self.delay = 0.0
        self.idle = idle
        self.cuts = 0
        self._own = OwnLoop()
        self._listener = socket.create_server((address or host, 0), backlog=BACKLOG)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._fillers: list[socket.socket] = []
        self._pairs: set[Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._status = 0
        self._tear: int | None = None
        self._open = self._own.call(asyncio.Event)
        self._open.set()
        self._accepting = self._own.call(self._start, self._accept())

    @property
    def websockets(self) -> int:
        """How many WebSockets pass through now."""
        return self._own.call(lambda: sum(pair.websocket and not pair.left for pair in self._pairs))

    def close(self) -> None:
        """Cut everything and listen no more."""
        self._own.call(self._cut, "rst", 0.0)
        self._own.stop()
        self._listener.close()

    def cut(self, how: str = "rst", *, lost: float = 0.0) -> None:
        """End every connection with a reset (``rst``) or in order (``fin``).

        The gateway is not told for ``lost`` seconds, as where a firewall forgets a connection: it goes on writing, and
        nobody gets what it writes.
        """
        self._own.call(self._cut, how, lost)

    def tear(self, after: int) -> None:
        """Let ``after`` more bytes reach the clients' WebSockets, then reset: in the midst of a frame, as a rule."""
        self._own.call(setattr, self, "_tear", after)

    def inject(self, data: bytes) -> None:
        """Send bytes of our own to the clients' WebSockets."""

        def write() -> None:
            for pair in self._pairs:
                if pair.websocket and not pair.left:
                    pair.client.write(data)

        self._own.call(write)

    @contextmanager
    def black_hole(self, *, accept: bool = False) -> Iterator[None]:
        """Pass nothing on, end nothing, and drop new connections' SYNs; what was held back flows afterwards.

        With ``accept`` new connections come about, and nothing is heard on them: a balancer whose targets are gone.
        """
        self._own.run(self._close_up(accept))
        try:
            yield
        finally:
            self._own.run(self._reopen())

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse connections, as a machine does on which no gateway runs; those that are open are reset."""
        address = self._listener.getsockname()
        self._own.run(self._stop_accepting())
        self._listener.close()
        self._own.call(self._cut, "rst", 0.0)
        try:
            yield
        finally:
            self._listener = socket.create_server(address, backlog=BACKLOG)
            self._listener.setblocking(False)
            self._own.run(self._reopen())

    @contextmanager
    def answering(self, status: int) -> Iterator[None]:
        """Reset what is open, then answer every request with this HTTP status."""
        self._status = status
        self._own.call(self._cut, "rst", 0.0)
        try:
            yield
        finally:
            self._status = 0

    def _start(self, work: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self._own.loop.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self) -> None:
        while True:
            connection, _ = await self._own.loop.sock_accept(self._listener)
            self._start(self._serve(connection))

    async def _stop_accepting(self) -> None:
        self._accepting.cancel()
        await asyncio.wait({self._accepting})

    async def _close_up(self, accept: bool) -> None:
        self._open.clear()
        if accept:
            return
        await self._stop_accepting()
        self._listener.listen(0)
        # A listener whose queue is full drops SYNs: tcp(7). These fill it up.
        self._fillers = [socket.socket() for _ in range(3)]
        for filler in self._fillers:
            filler.setblocking(False)
            filler.connect_ex(self._listener.getsockname())
        await asyncio.sleep(0.05)

    async def _reopen(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers = []
        self._open.set()
        if self._accepting.done():
            self._listener.listen(BACKLOG)
            self._accepting = self._start(self._accept())

    async def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader, writer = await asyncio.open_connection(sock=connection)
        ends = [writer]
        try:
            await self._open.wait()
            if self._status:
                await self._answer(reader, writer)
            else:
                from_gateway, to_gateway = await asyncio.open_connection(*self.gateway)
                ends.append(to_gateway)
                await self._pass_on(reader, from_gateway, Pair(writer, to_gateway, heard=self._own.loop.time()))
        except BaseException as error:
            for end in ends:
                end.transport.abort()
            if not isinstance(error, OSError):
                raise
        for end in ends:
            end.close()

    async def _pass_on(self, reader: asyncio.StreamReader, from_gateway: asyncio.StreamReader, pair: Pair) -> None:
        self._pairs.add(pair)
        ways = [self._upstream(reader, pair), self._downstream(from_gateway, pair), self._watch(pair), pair.ends.wait()]
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pairs.discard(pair)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 {self._status} Fault\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            await writer.drain()

    async def _upstream(self, reader: asyncio.StreamReader, pair: Pair) -> None:
        while data := await reader.read(CHUNK):
            await self._hold()
            pair.gateway.write(data)
            await pair.gateway.drain()
        await self._hold()
        if pair.left:
            await asyncio.Event().wait()

    async def _downstream(self, reader: asyncio.StreamReader, pair: Pair) -> None:
        while data := await reader.read(CHUNK):
            pair.heard = self._own.loop.time()
            pair.websocket = pair.websocket or data.startswith(UPGRADED)
            await self._hold()
            if pair.left:
                continue
            if self._tear is not None and pair.websocket:
                data = self._torn(data, pair)
            pair.client.write(data)
            await pair.client.drain()
        await self._hold()

    def _torn(self, data: bytes, pair: Pair) -> bytes:
        assert self._tear is not None
        data, self._tear = data[: self._tear], self._tear - len(data)
        if self._tear <= 0:
            self._tear = None
            # In order, so that the piece arrives; a reset would take it along.
            self._own.loop.call_soon(self._end, pair, "fin", 0.0)
        return data

    async def _watch(self, pair: Pair) -> None:
        while True:
            await asyncio.sleep(0.1)
            if self.idle is not None and self._own.loop.time() - pair.heard > self.idle:
                self.cuts += pair.websocket
                return

    async def _hold(self) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        await self._open.wait()

    def _cut(self, how: str, lost: float) -> None:
        for pair in list(self._pairs):
            self._end(pair, how, lost)

    def _end(self, pair: Pair, how: str, lost: float) -> None:
        if pair.left:
            return
        self.cuts += 1
        pair.left = True
        if how == "rst":
            sock: socket.socket = pair.client.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            pair.client.transport.abort()
        else:
            pair.client.close()
        self._own.loop.call_later(lost, pair.ends.set)


@contextmanager
def fault_proxy(host: str, port: int, *, address: str | None = None, idle: float | None = None) -> Iterator[FaultProxy]:
    """Run one for a test."""
    proxy = FaultProxy(host, port, address=address, idle=idle)
    try:
        yield proxy
    finally:
        proxy.close()
