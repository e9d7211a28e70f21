"""What the front doors of computes with a gateway have beside: the gateway, its rules, and who owns which kernel."""

from __future__ import annotations

import json
import secrets
from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property

from aiohttp import web
from yarl import URL

from ..engines.process import Engine
from ..world.world import World
from .callers import DoorCaller
from .certificates import CertificateAuthority
from .door import Door
from .engine_slot import EngineSlot
from .gateway import GatewayRules
from .owners import Owners
from .reaper import Reaper


class GatewayDoor(Door):
    """Stands before the gateway of one compute. The gateway's token is made here and kept in memory only."""

    def __init__(
        self, world: World, compute: str, name: str, address: str, region: str, authority: CertificateAuthority | None
    ) -> None:
        super().__init__(world, compute, name, address, region, authority)
        self.owners = Owners()
        self.gateway = EngineSlot(f"{name} gateway", self._start_gateway, self._gateway_ended)
        self._token = secrets.token_urlsafe(32)
        self._reaper = Reaper(name, self.owners, self._living_kernels, self.delete_orphans)

    @abstractmethod
    async def _start_gateway(self, on_exit: Callable[[Engine], None]) -> Engine:
        """Start this compute's gateway."""

    def _prepare_kernel(self, kernel_id: str, caller: DoorCaller) -> None:
        """Do what must be done before the gateway is asked for a kernel of this id; does nothing here."""

    @property
    def slots(self) -> dict[str, EngineSlot]:
        """The engines by name."""
        return {"gateway": self.gateway}

    async def delete_orphans(self) -> int:
        """Delete what kernels that are gone left in other engines; called by the reaper. Returns how many things."""
        return 0

    async def open(self) -> None:
        """Listen on all ports, and look after lost kernels; raises SandboxStartError when a port is taken."""
        await super().open()
        self._reaper.start()

    async def close(self) -> None:
        """Stop listening, drop every connection, end the engines."""
        await self._reaper.stop()
        await super().close()

    @cached_property
    def _gateway_rules(self) -> GatewayRules:
        return GatewayRules(self._session, self.owners, self._gate, self._relays, self._prepare_kernel)

    @property
    def _gateway_headers(self) -> dict[str, str]:
        """The headers that the gateway demands with each request."""
        return {"Authorization": f"token {self._token}"}

    async def _living_kernels(self) -> set[str] | None:
        """Return the ids of the kernels that the gateway has and that are not dead; None when it cannot be asked."""
        engine = self.gateway.running
        if engine is None:
            return None
        url = URL(engine.url) / "api/kernels"
        async with self._session.get(url, headers=self._gateway_headers) as answer:
            rows = json.loads(await answer.read()) if answer.status == 200 else None
        return None if rows is None else {row["id"] for row in rows if row.get("execution_state") != "dead"}

    async def _pass_to_gateway(self, request: web.BaseRequest, caller: DoorCaller) -> web.StreamResponse:
        engine = await self.gateway.get()
        return await self._gateway_rules.answer(request, caller, URL(engine.url), self._gateway_headers)

    def _gateway_ended(self) -> None:
        self.owners.forget_kernels()
        self._reaper.wake()
