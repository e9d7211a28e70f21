"""The front door of one cluster: two ports, two engines behind them, and the rules between."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from aiohttp import web
from yarl import URL

from ..engines.gateway import start_gateway
from ..engines.layout import Installation
from ..engines.process import Engine
from ..world.world import ClusterSpec, World
from .callers import DoorCaller, identify
from .certificates import CertificateAuthority
from .door import ServedPort
from .engine_slot import EngineSlot
from .gateway_door import GatewayDoor
from .livy import LivyCall, LivyRules, livy_segments, livy_start, no_such_page
from .proxy import not_found, segments_of

log = logging.getLogger(__name__)

GATEWAY_PORT = 18888
LIVY_PORT = 8998


class ClusterDoor(GatewayDoor):
    """Stands before the gateway and the Livy server of one cluster.

    The name of Livy's superuser is made here and kept in memory only. The door's certificate has a CA of its own when
    the cluster has in-transit encryption. ``storage`` returns Spark's settings for S3 with credentials of a role (its
    ARN; empty: the instance profile's).
    """

    def __init__(
        self,
        world: World,
        spec: ClusterSpec,
        installation: Installation,
        workdir: Path,
        storage: Callable[[str], Mapping[str, str]] = lambda role_arn: {},
    ) -> None:
        authority = CertificateAuthority(f"sandbox {spec.name}") if spec.tls else None
        super().__init__(world, spec.id, spec.name, spec.address, spec.region, authority)
        self.spec = spec
        self._installation = installation
        self._workdir = workdir
        self._storage = storage
        self._roles: dict[str, str] = {}
        self._superuser = f"door-{secrets.token_hex(16)}"
        start = livy_start(installation, spec.address, workdir / "livy", self._superuser)
        self.livy = EngineSlot(f"{spec.name} livy", start, self.owners.forget_items)

    @property
    def slots(self) -> dict[str, EngineSlot]:
        """The gateway and Livy."""
        return {**super().slots, "livy": self.livy}

    @cached_property
    def _livy_rules(self) -> LivyRules:
        return LivyRules(self._session, self.owners, self._gate, lambda user: self._storage(self._roles.get(user, "")))

    @property
    def _internal_url(self) -> str:
        """Where the cluster's own kernels find Livy."""
        port = next(listener.port for port, listener, _ in self._ports if not port.number)
        return f"http://{self.address}:{port}"

    async def start_engines(self) -> None:
        """Start both engines now, at the same time; raises SandboxStartError."""
        await asyncio.gather(self.gateway.get(), self.livy.get())

    async def delete_orphans(self) -> int:
        """Delete the Livy sessions of kernels that are gone."""
        engine = self.livy.running
        if engine is None:
            return 0
        orphans = self.owners.orphans()
        for item in orphans:
            await self._livy_rules.delete(self._livy_call(engine, item.user, None, ()), item)
            log.info("%s: deleted Livy %s/%d of a kernel that is gone", self.name, item.kind, item.number)
        return len(orphans)

    def _wanted_ports(self) -> list[ServedPort]:
        livy = ServedPort(self._answer_livy, LIVY_PORT, closed_by="no-livy")
        if not self.spec.has_gateway:
            return [livy]
        gateway = ServedPort(self._answer_gateway, GATEWAY_PORT, closed_by="no-gateway")
        return [ServedPort(self._answer_kernel), gateway, livy]

    def _ended(self) -> bool:
        known = self._world.clusters.get(self.spec.id)
        return known is not None and known.state.startswith("TERMINAT")

    def _livy_call(self, engine: Engine, user: str, kernel_id: str | None, segments: tuple[str, ...]) -> LivyCall:
        return LivyCall(URL(engine.url), self._superuser, user, kernel_id, segments)

    async def _answer_gateway(self, request: web.BaseRequest) -> web.StreamResponse:
        caller = self._identify(request)
        return await self._pass_to_gateway(request, caller) if isinstance(caller, DoorCaller) else caller

    def _identify(self, request: web.BaseRequest) -> DoorCaller | web.Response:
        """Return who calls, remembering his role for what his kernels will ask of Livy."""
        caller = identify(self._world, self.spec, request)
        if isinstance(caller, DoorCaller):
            self._roles[caller.user] = caller.role_arn
        return caller

    async def _answer_livy(self, request: web.BaseRequest) -> web.StreamResponse:
        caller = self._identify(request)
        if isinstance(caller, web.Response):
            return caller
        segments = livy_segments(request.raw_path)
        if segments is None:
            return no_such_page()
        engine = await self.livy.get()
        return await self._livy_rules.answer(request, self._livy_call(engine, caller.user, None, segments))

    async def _answer_kernel(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer the cluster's own kernels: ``/kernels/<KERNEL_ID>/<Livy's path>``, for living kernels only."""
        segments = segments_of(request.raw_path) or ()
        user = self.owners.kernels.get(segments[1]) if len(segments) > 2 and segments[0] == "kernels" else None
        if not user:
            return not_found()
        engine = await self.livy.get()
        return await self._livy_rules.answer(request, self._livy_call(engine, user, segments[1], segments[2:]))

    async def _start_gateway(self, on_exit: Callable[[Engine], None]) -> Engine:
        return await start_gateway(
            self._installation,
            address=self.address,
            workdir=self._workdir / "gateway",
            version=self.spec.gateway_version,
            kernels_dir=self._workdir / "kernels",
            token=self._token,
            livy_url=self._internal_url,
            on_exit=on_exit,
        )
