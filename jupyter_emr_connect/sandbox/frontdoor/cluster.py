"""The front door of one cluster: two ports, two engines behind them, and the rules between."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web
from yarl import URL

from ...errors import EMRConnectError
from ..engines.gateway import start_gateway
from ..engines.layout import Installation
from ..engines.livy import start_livy
from ..engines.process import Engine
from ..world import ClusterSpec, World
from .callers import identify
from .certificates import CertificateAuthority, private_dns_name
from .disturb import disturbance
from .gateway import GatewayRules
from .listener import Listener, Mode
from .livy import LivyCall, LivyRules
from .owners import Owners
from .proxy import WHOLE, not_found, segments_of
from .reaper import Reaper
from .slot import Slot
from .splice import Splice

log = logging.getLogger(__name__)

GATEWAY_PORT = 18888
LIVY_PORT = 8998
READ_BUFFER = 1024 * 1024
SHUTDOWN_SECONDS = 2.0

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ClusterDoor:
    """Stands before the gateway and the Livy server of one cluster; made by the supervisor for each with engines.

    Both engines listen on random ports; the gateway's token and the name of Livy's superuser are made here and are
    kept in memory only. ``authority`` signs the door's certificate when the cluster has in-transit encryption.
    """

    def __init__(self, world: World, spec: ClusterSpec, installation: Installation, workdir: Path) -> None:
        self.spec = spec
        self.authority = CertificateAuthority(f"sandbox {spec.name}") if spec.tls else None
        self.owners = Owners()
        self._world = world
        self._installation = installation
        self._workdir = workdir
        self._token = secrets.token_urlsafe(32)
        self._superuser = f"door-{secrets.token_hex(16)}"
        self._gate = asyncio.Event()
        self._gate.set()
        self._splices: set[Splice] = set()
        self.gateway = Slot(f"{spec.name} gateway", self._start_gateway, self._gateway_ended)
        self.livy = Slot(f"{spec.name} livy", self._start_livy, self.owners.forget_items)
        self._runners: list[web.ServerRunner] = []
        self._listeners: list[Listener] = []
        self._good, self._bad = self._contexts()

    async def open(self) -> None:
        """Listen on all ports; raises SandboxStartError when one is taken."""
        timeout = ClientTimeout(total=None, sock_connect=10)
        self._session = ClientSession(
            connector=TCPConnector(limit=0),
            timeout=timeout,
            headers=WHOLE,
            auto_decompress=False,
            read_bufsize=READ_BUFFER,
        )
        self._gateway_rules = GatewayRules(self._session, self.owners, self._gate, self._splices)
        self._livy_rules = LivyRules(self._session, self.owners, self._gate)
        self._reaper = Reaper(self)
        for answer, port, context in (
            (self._answer_gateway, GATEWAY_PORT, self._good),
            (self._answer_livy, LIVY_PORT, self._good),
            (self._answer_kernel, 0, None),
        ):
            await self._listen(answer, port, context)
        self._internal = f"http://{self.spec.address}:{self._listeners[2].port}"
        self._reaper.start()

    async def start_engines(self) -> None:
        """Start both engines now, at the same time; raises SandboxStartError."""
        await asyncio.gather(self.gateway.get(), self.livy.get())

    async def close(self) -> None:
        """Stop listening, drop every connection, end the engines."""
        await self._reaper.stop()
        for listener in self._listeners:
            await listener.set("closed", None)
        self.cut_sockets()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        await asyncio.gather(self.gateway.stop(), self.livy.stop())
        await self._session.close()

    async def apply_faults(self) -> None:
        """Bring the ports into the state that the lasting faults ask for; called when the faults may have changed.

        A cluster that AWS has terminated loses its ports, its connections and its engines.
        """
        names = {fault.name for fault in self._world.faults.active() if fault.compute in (None, self.spec.id)}
        if self._ended():
            names |= {"no-gateway", "no-livy"}
        silent = "black-hole" in names
        context = self._bad if "bad-certificate" in names else self._good
        for listener, closing in zip(self._listeners[:2], ("no-gateway", "no-livy"), strict=True):
            mode: Mode = "closed" if closing in names else "silent" if silent else "open"
            await listener.set(mode, context)
        if self._ended() and (self.gateway.running or self.livy.running):
            self.cut_sockets()
            await asyncio.gather(self.gateway.stop(), self.livy.stop())
        if silent == self._gate.is_set():
            (self._gate.clear if silent else self._gate.set)()
            for joined in self._splices:
                joined.hold(silent)

    def _ended(self) -> bool:
        known = self._world.clusters.get(self.spec.id)
        return known is not None and known.state.startswith("TERMINAT")

    def cut_sockets(self) -> int:
        """Drop every client connection of both ports without any farewell; return how many."""
        cut = 0
        for joined in list(self._splices):
            joined.cut()
        for runner in self._runners[:2]:
            for handler in runner.server.connections if runner.server else ():
                if handler.transport:
                    handler.transport.abort()
                    cut += 1
        return cut

    def livy_call(self, engine: Engine, user: str, kernel_id: str | None, segments: tuple[str, ...]) -> LivyCall:
        """Return a call to the running Livy for a user."""
        return LivyCall(URL(engine.url), self._superuser, user, kernel_id, segments)

    @property
    def session(self) -> ClientSession:
        """The door's HTTP client towards its engines."""
        return self._session

    @property
    def gateway_headers(self) -> dict[str, str]:
        """What the gateway wants to see with each request."""
        return {"Authorization": f"token {self._token}"}

    @property
    def livy_rules(self) -> LivyRules:
        """The rules before Livy."""
        return self._livy_rules

    async def _answer_gateway(self, request: web.BaseRequest) -> web.StreamResponse:
        caller = identify(self._world, self.spec, request)
        if isinstance(caller, web.Response):
            return caller
        engine = await self.gateway.get()
        return await self._gateway_rules.answer(request, caller.user, URL(engine.url), self.gateway_headers)

    async def _answer_livy(self, request: web.BaseRequest) -> web.StreamResponse:
        caller = identify(self._world, self.spec, request)
        if isinstance(caller, web.Response):
            return caller
        segments = segments_of(request.raw_path)
        if segments is None:
            return not_found()
        engine = await self.livy.get()
        return await self._livy_rules.answer(request, self.livy_call(engine, caller.user, None, segments))

    async def _answer_kernel(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer the cluster's own kernels: ``/kernels/<KERNEL_ID>/<Livy's path>``, for living kernels only."""
        segments = segments_of(request.raw_path) or ()
        user = self.owners.kernels.get(segments[1]) if len(segments) > 2 and segments[0] == "kernels" else None
        if not user:
            return not_found()
        engine = await self.livy.get()
        return await self._livy_rules.answer(request, self.livy_call(engine, user, segments[1], segments[2:]))

    async def _listen(self, answer: Answer, port: int, context: ssl.SSLContext | None) -> None:
        public = port != 0

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            await self._gate.wait()
            return await self._guarded(answer, request, public)

        server = web.Server(handle, read_bufsize=READ_BUFFER, access_log=None)
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        self._runners.append(runner)
        listener = Listener(self.spec.address, port, server)
        self._listeners.append(listener)
        await listener.set("open", context)

    async def _guarded(self, answer: Answer, request: web.BaseRequest, public: bool) -> web.StreamResponse:
        disturbed = await disturbance(self._world.faults, self.spec.id) if public else None
        if disturbed is not None:
            return disturbed
        try:
            return await answer(request)
        except EMRConnectError as error:
            log.warning("%s", error)
            message, status = error.message.splitlines()[0], 503
        except (ClientError, ConnectionError, asyncio.TimeoutError, ValueError, KeyError) as error:
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError from error
            log.warning("%s: the engine failed: %r", self.spec.name, error)
            message, status = "The engine behind this port does not answer.", 502
        body = {"reason": message, "message": message, "msg": message}
        return web.json_response(body, status=status)

    async def _start_gateway(self, on_exit: Callable[[Engine], None]) -> Engine:
        return await start_gateway(
            self._installation,
            address=self.spec.address,
            workdir=self._workdir / "gateway",
            version=self.spec.gateway_version,
            kernels_dir=self._workdir / "kernels",
            token=self._token,
            livy_url=self._internal,
            on_exit=on_exit,
        )

    async def _start_livy(self, on_exit: Callable[[Engine], None]) -> Engine:
        return await start_livy(
            self._installation,
            address=self.spec.address,
            workdir=self._workdir / "livy",
            superuser=self._superuser,
            on_exit=on_exit,
        )

    def _gateway_ended(self) -> None:
        self.owners.forget_kernels()
        self._reaper.wake()

    def _contexts(self) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
        if self.authority is None:
            return None, None
        hosts = [self.spec.address, private_dns_name(self.spec.address, self.spec.region)]
        return self.authority.server_context(hosts), self.authority.server_context(["elsewhere.example"])
