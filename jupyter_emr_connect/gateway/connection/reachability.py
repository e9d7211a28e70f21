"""Notices at once when a gateway can be reached again: one cheap probe for all kernels that wait for it."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from ...http.deadlines import within
from ...http.resolver import resolve

EVERY_S = 0.5
ATTEMPT_S = 1.0  # that one attempt may take; a lost first packet is sent again by TCP after one second
SLOWER_AFTER_S, SLOWER_EVERY_S = 600.0, 2.0
PORTS = {"https": 443, "http": 80}

_known: WeakValueDictionary[tuple[str, int], ReachabilityProbe] = WeakValueDictionary()


class ReachabilityProbe:
    """Whether one host and port accept connections. Lives on the gateway loop; see :func:`reachability_probe`."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._probing: asyncio.Task[None] | None = None
        self._waiting = 0

    async def attempt(self) -> bool:
        """Return whether a connection comes about now; nothing is sent over it."""
        try:
            _, writer = await within(ATTEMPT_S, self._connect())
        except (OSError, ValueError, asyncio.TimeoutError):  # the second: what cannot be a host name
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the first address that takes the connection, as ``asyncio.open_connection`` would."""
        failure: OSError | None = None
        for *_, address in await resolve(self._host, self._port):
            try:
                return await asyncio.open_connection(address[0], self._port)
            except OSError as error:
                failure = error
        raise failure or OSError

    async def wait(self) -> None:
        """Return once a connection comes about; all who wait share the attempts, which end with the last of them."""
        if self._probing is None or self._probing.done():
            self._probing = asyncio.get_running_loop().create_task(self._probe())
        self._waiting += 1
        try:
            await asyncio.shield(self._probing)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._probing.cancel()

    async def _probe(self) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        overlapping: set[asyncio.Task[bool]] = set()
        try:
            while True:
                # The next attempt does not wait for the last one: what was sent into a dead network is lost.
                overlapping.add(loop.create_task(self.attempt()))
                pause = EVERY_S if loop.time() - begin < SLOWER_AFTER_S else SLOWER_EVERY_S
                due = loop.time() + pause
                while (left := due - loop.time()) > 0:
                    done, overlapping = await asyncio.wait(
                        overlapping, timeout=left, return_when=asyncio.FIRST_COMPLETED
                    )
                    if any(attempt.result() for attempt in done):
                        return
                    if not overlapping:
                        await asyncio.sleep(max(due - loop.time(), 0))
        finally:
            for attempt in overlapping:
                attempt.cancel()


def reachability_probe(url: str) -> ReachabilityProbe:
    """Return the one :class:`ReachabilityProbe` of a gateway's address."""
    parts = urlsplit(url)
    place = (parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443))
    reach = _known.get(place)
    if reach is None:
        reach = _known[place] = ReachabilityProbe(*place)
    return reach
