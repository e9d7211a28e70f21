"""The front door of an EMR on EKS endpoint with Livy: one port over TLS, tokens as HTTP Basic, and a real Livy."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from aiohttp import web
from yarl import URL

from ..engines.layout import Installation
from ..world.eks import EndpointSpec
from ..world.world import World
from .callers import DoorCaller, identify_token_pair
from .certificates import CertificateAuthority
from .door import Door, ServedPort
from .engine_slot import EngineSlot
from .livy import LivyCall, LivyRules, livy_segments, livy_start, no_such_page
from .owners import Owners


class LivyEndpointDoor(Door):
    """Stands before the Livy of one managed endpoint, which starts with the first request that bears a good token.

    Sessions run as the user of the token's execution role. The CA is the endpoint's own; AWS hands it out as
    ``certificateData`` (reference 2.2). ``storage`` returns Spark's settings for S3 with credentials of a role.
    """

    def __init__(
        self,
        world: World,
        spec: EndpointSpec,
        installation: Installation,
        workdir: Path,
        storage: Callable[[str], Mapping[str, str]] = lambda role_arn: {},
    ) -> None:
        region, authority = spec.virtual_cluster.region, CertificateAuthority(f"sandbox {spec.name}")
        super().__init__(world, spec.compute_id, spec.name, spec.address, region, authority)
        self.certificate = authority.pem
        self.spec = spec
        self._owners = Owners()
        self._storage = storage
        self._roles: dict[str, str] = {}
        self._superuser = f"door-{secrets.token_hex(16)}"
        start = livy_start(installation, spec.address, workdir / "livy", self._superuser)
        self.livy = EngineSlot(f"{spec.name} livy", start, self._owners.forget_items)

    @property
    def slots(self) -> dict[str, EngineSlot]:
        """Livy alone: there is no gateway."""
        return {"livy": self.livy}

    @cached_property
    def _rules(self) -> LivyRules:
        return LivyRules(self._session, self._owners, self._gate, lambda user: self._storage(self._roles.get(user, "")))

    def _wanted_ports(self) -> list[ServedPort]:
        return [ServedPort(self._answer, self.spec.port, closed_by="no-livy")]

    def _ended(self) -> bool:
        return self._world.is_ended_endpoint(self.spec.id)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        caller = identify_token_pair(self._world, self.spec, request)
        if not isinstance(caller, DoorCaller):
            return caller
        self._roles[caller.user] = caller.role_arn
        segments = livy_segments(request.raw_path)
        if segments is None:
            return no_such_page()
        engine = await self.livy.get()
        call = LivyCall(URL(engine.url), self._superuser, caller.user, None, segments)
        return await self._rules.answer(request, call)
