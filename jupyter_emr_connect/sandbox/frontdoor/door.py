"""What every front door has: its ports, engines that start when they are needed, and faults."""

from __future__ import annotations

import asyncio
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web
from multidict import CIMultiDict

from ...errors import EMRConnectError
from ..world.faults import Fault, FaultBoard
from ..world.world import World
from .certificates import CertificateAuthority, private_dns_name
from .engine_slot import EngineSlot
from .listener import Listener, Mode
from .peers import Peers
from .proxy import WHOLE
from .websocket_relay import WebSocketRelay

log = logging.getLogger(__name__)

READ_BUFFER_BYTES = 1024 * 1024
SHUTDOWN_TIMEOUT_S = 2.0
SLOW_MS = 2000.0
LOOK_AGAIN_S, LOOKS = 0.1, 36_000  # whether answers that hang may come again
STATEMENT = re.compile(r"/sessions/\d+/statements/\d+")
HTML = "<!doctype html><title>Welcome</title><p>This is not the server you are looking for.\n"

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class ServedPort:
    """A port of a door: who answers there, and the fault that closes it.

    A ``number`` of 0 is an internal one, in clear and free of faults: the system chooses it.
    """

    answer: Answer
    number: int = 0
    closed_by: str = ""


class Door(ABC):
    """Stands before the engines of one compute; made by the supervisor for each that has engines.

    ``compute`` is the compute's id (faults strike it by this), ``name`` is for logs. The engines listen on random ports
    of ``address``. ``authority`` signs the certificate of the ports; None means plain HTTP.
    """

    def __init__(
        self, world: World, compute: str, name: str, address: str, region: str, authority: CertificateAuthority | None
    ) -> None:
        self.compute = compute
        self.name = name
        self.address = address
        self.authority = authority
        self._world = world
        self._peers = Peers()
        self._gate = asyncio.Event()
        self._gate.set()
        self._relays: set[WebSocketRelay] = set()
        self._ports: list[tuple[ServedPort, Listener, web.ServerRunner]] = []
        self._good, self._bad = None, None
        if authority:
            self._good = authority.server_context([address, private_dns_name(address, region)])
            self._bad = authority.server_context(["elsewhere.example"])

    @abstractmethod
    def _wanted_ports(self) -> list[ServedPort]:
        """Return the ports to listen on, in the order to open them."""

    @abstractmethod
    def _ended(self) -> bool:
        """Tell whether AWS has terminated the compute."""

    @property
    @abstractmethod
    def slots(self) -> dict[str, EngineSlot]:
        """The engines by name."""

    async def open(self) -> None:
        """Listen on all ports; raises SandboxStartError when one is taken."""
        self._session = ClientSession(
            connector=TCPConnector(limit=0),
            timeout=ClientTimeout(total=None, sock_connect=10),
            headers=WHOLE,
            auto_decompress=False,
            read_bufsize=READ_BUFFER_BYTES,
        )
        for port in self._wanted_ports():
            await self._listen(port)

    async def close(self) -> None:
        """Stop listening, drop every connection, end the engines."""
        for _, listener, _ in self._ports:
            await listener.set("closed", None)
        self.cut_sockets()
        await asyncio.gather(*(runner.cleanup() for _, _, runner in self._ports))
        await asyncio.gather(*(slot.stop() for slot in self.slots.values()))
        await self._session.close()

    async def apply_faults(self) -> None:
        """Bring the ports into the state that the lasting faults ask for; called when the faults may have changed.

        A compute that AWS has terminated loses its ports, its connections and its engines.
        """
        names = {fault.name for fault in self._world.faults.active() if fault.compute in (None, self.compute)}
        ended, silent = self._ended(), "black-hole" in names
        context = self._bad if "bad-certificate" in names else self._good
        for port, listener, _ in self._ports:
            if port.number:
                mode: Mode = "closed" if ended or port.closed_by in names else "silent" if silent else "open"
                await listener.set(mode, context)
        if ended:
            self.cut_sockets()
            await asyncio.gather(*(slot.stop() for slot in self.slots.values()))
        if silent == self._gate.is_set():
            (self._gate.clear if silent else self._gate.set)()
            for relay in self._relays:
                relay.pause(silent)

    def cut_sockets(self) -> int:
        """Drop every client connection without any farewell; return how many."""
        cut = 0
        for relay in list(self._relays):
            relay.cut()
        for port, _, runner in self._ports:
            for handler in runner.server.connections if port.number and runner.server else ():
                if handler.transport:
                    handler.transport.abort()
                    cut += 1
        return cut

    def kill(self, engine: str) -> int:
        """Kill one engine as a crash would; return 1 when it was running."""
        slot = self.slots.get(engine)
        return slot.kill() if slot else 0

    async def _listen(self, port: ServedPort) -> None:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            if (refusal := self._peers.refusal(request)) is not None:  # one is false by itself in aiohttp 3.11
                return refusal
            await self._gate.wait()
            return await self._guarded(port, request)

        server = web.Server(handle, read_bufsize=READ_BUFFER_BYTES, access_log=None)
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        listener = Listener(self.address, port.number, server)
        self._ports.append((port, listener, runner))
        await listener.set("open", self._good if port.number else None)

    async def _guarded(self, port: ServedPort, request: web.BaseRequest) -> web.StreamResponse:
        if port.number:
            instead = await fault_answer(self._world.faults, self.compute, request.method, request.path)
            if instead is not None:
                return instead
            if _hits(self._world.faults, "strip-charset", self.compute):
                request = request.clone(headers=without_charset(request.headers))
        try:
            return await port.answer(request)
        except EMRConnectError as error:
            log.warning("%s", error)
            message, status = error.message.splitlines()[0], 503
        except (ClientError, ConnectionError, asyncio.TimeoutError, ValueError, KeyError) as error:
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError from error
            log.warning("%s: the engine failed: %r", self.name, error)
            message, status = "The engine behind this port does not answer.", 502
        body = {"reason": message, "message": message, "msg": message}
        return web.json_response(body, status=status)


async def fault_answer(faults: FaultBoard, compute: str, method: str, path: str) -> web.Response | None:
    """Delay the request (``slow:<milliseconds>``), or return what to answer instead (``error-500``, ``html`` …)."""
    if method == "GET" and STATEMENT.fullmatch(path):
        await _while_on(faults, "hang-statements", compute)
    for fault in _hits(faults, "slow", compute):
        await asyncio.sleep(float(fault.argument or SLOW_MS) / 1000)
    if _hits(faults, "error-500", compute):
        return web.json_response({"reason": "Internal Server Error", "message": ""}, status=500)
    if _hits(faults, "error-429", compute):
        return web.json_response({"message": "Too Many Requests"}, status=429)
    if _hits(faults, "html", compute):
        return web.Response(text=HTML, content_type="text/html")
    return None


async def _while_on(faults: FaultBoard, name: str, compute: str) -> None:
    for _ in range(LOOKS):
        if not _hits(faults, name, compute):
            return
        await asyncio.sleep(LOOK_AGAIN_S)


def without_charset(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return headers whose content type has no parameters."""
    kept = CIMultiDict(headers)
    if "Content-Type" in kept:
        kept["Content-Type"] = kept["Content-Type"].partition(";")[0]
    return kept


def _hits(faults: FaultBoard, name: str, compute: str) -> list[Fault]:
    """Return the faults that concern this door; those narrowed to a service, region or action are AWS's alone."""
    return [fault for fault in faults.hits(name, compute) if not fault.options]
