"""A network between a Jupyter server and a gateway that can be cut or go silent, and how long its return takes to show.

The proxy listens on the gateway's own address, at another port, in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager

from front_end import FrontEnd, Server

TICK = "import time\nfor n in range(1_000_000):\n    print(n, flush=True)\n    time.sleep(0.02)"
CUT, SILENT = 3.0, 20.0  # seconds that an outage lasts


class Network:
    """A TCP proxy. ``cut()`` resets all connections and refuses new ones, ``silence()`` lets no packet pass.

    ``move()`` is a cut of which the gateway hears nothing, as when a laptop changes its network. In silence the
    listening socket's queue is filled and not served, so that Linux drops what wants to connect.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._pairs: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}  # to the front, and to the gateway
        self._left: set[asyncio.StreamWriter] = set()  # of those to the gateway, the ones that nobody closes
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._fillers: list[socket.socket] = []
        self._passes = asyncio.Event()
        self.port = 0

    def start(self) -> None:
        """Let everything pass."""
        self._thread.start()
        self.restore()

    def cut(self) -> None:
        """Reset and refuse."""
        self._do(self._cut())

    def move(self) -> None:
        """Reset and refuse, and do not tell the gateway."""
        self._do(self._cut(told=False))

    def silence(self) -> None:
        """Let nothing pass, say nothing."""
        self._do(self._silence())

    def restore(self) -> None:
        """Let everything pass again."""
        self._do(self._restore())

    def stop(self) -> None:
        """End it."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _do(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _stop_accepting(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait({self._accepting})

    async def _cut(self, *, told: bool = True) -> None:
        await self._stop_accepting()
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for near, far in self._pairs.items():
            near.transport.abort()
            if told:
                far.transport.abort()
            else:
                self._left.add(far)

    async def _silence(self) -> None:
        self._passes.clear()
        await self._stop_accepting()
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            self._fillers.append(filler)
            with contextlib.suppress(BlockingIOError):
                filler.connect((self._target[0], self.port))

    async def _restore(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        if self._listening is None:
            self._listening = socket.create_server((self._target[0], self.port), backlog=1)
            self._listening.setblocking(False)
            self.port = self._listening.getsockname()[1]
        await self._stop_accepting()
        self._accepting = self._loop.create_task(self._accept(self._listening))
        self._passes.set()

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            taken, _ = await self._loop.sock_accept(listening)
            task = self._loop.create_task(self._serve(taken))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, taken: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=taken)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._pairs[writer] = far_writer
        await asyncio.gather(self._pipe(reader, far_writer), self._pipe(far_reader, writer))
        del self._pairs[writer]

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._passes.wait()
                writer.write(data)
                await writer.drain()
        if writer not in self._left:
            writer.close()


@contextmanager
def network(host: str, port: int) -> Iterator[Network]:
    """Run a network to a gateway."""
    made = Network(host, port)
    made.start()
    try:
        yield made
    finally:
        made.stop()


async def returns(
    jupyter: Server, kernel: str, between: Network, *, cuts: int, moves: int, silences: int
) -> list[float]:
    """Return, for each outage, the seconds from the network's return to the first message after it.

    A cell prints all the while. What came before the outage was noticed has been read by then.
    """
    found = []
    name = await jupyter.start(kernel)
    async with jupyter.front_end(name) as front:
        await front.run("1")
        await front.send(TICK)
        outages = [(between.cut, CUT)] * cuts + [(between.move, CUT)] * moves + [(between.silence, SILENT)] * silences
        for begin, lasts in outages:
            await _read_for(front, 2.0)
            begin()
            await _read_for(front, lasts)
            begun = time.perf_counter()
            between.restore()
            try:
                while (await front.receive(60)).msg_type != "stream":
                    pass
            except (asyncio.TimeoutError, TimeoutError, ConnectionError):
                found.append(float("inf"))
                break
            found.append(time.perf_counter() - begun)
        await jupyter.interrupt(name)
    await jupyter.stop(name)
    return found


async def _read_for(front: FrontEnd, seconds: float) -> None:
    end = time.monotonic() + seconds
    with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
        while (left := end - time.monotonic()) > 0:
            await front.receive(left)
