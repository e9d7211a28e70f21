"""The front door of one EMR on EKS endpoint: one port over TLS, a gateway behind it, and tokens for execution roles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web

from ..engines.gateway import start_gateway
from ..engines.kernelspecs import kernels_home
from ..engines.layout import Installation
from ..engines.process import Engine
from ..engines.storage import hand_to_kernel
from ..world.eks import EndpointSpec
from ..world.world import World
from .callers import DoorCaller, identify_token
from .certificates import CertificateAuthority
from .door import ServedPort
from .gateway_door import GatewayDoor

GATEWAY_WAIT_S = 6.0
"""How long a first request waits for the gateway to start; later ones find it up. Clients repeat a 503."""


class EndpointDoor(GatewayDoor):
    """Stands before the gateway of one managed endpoint, whose kernels are Spark drivers themselves.

    The gateway starts with the first request that bears a good token, so that a sandbox costs nothing for an endpoint
    that nobody uses. The CA is the endpoint's own; AWS hands it out as ``certificateData`` (reference 2.2). ``storage``
    returns Spark's settings for S3 with credentials of a role (its ARN).
    """

    def __init__(
        self,
        world: World,
        spec: EndpointSpec,
        installation: Installation,
        workdir: Path,
        storage: Callable[[str], Mapping[str, str]],
    ) -> None:
        region, authority = spec.virtual_cluster.region, CertificateAuthority(f"sandbox {spec.name}")
        super().__init__(world, spec.compute_id, spec.name, spec.address, region, authority)
        self.certificate = authority.pem
        self.spec = spec
        self._installation = installation
        self._workdir = workdir
        self._storage = storage

    def _wanted_ports(self) -> list[ServedPort]:
        return [ServedPort(self._answer_gateway, self.spec.port, closed_by="no-gateway")]

    def _ended(self) -> bool:
        return self._world.is_ended_endpoint(self.spec.id)

    async def _answer_gateway(self, request: web.BaseRequest) -> web.StreamResponse:
        caller = identify_token(self._world, self.spec, request)
        if not isinstance(caller, DoorCaller):
            return caller
        try:
            await asyncio.wait_for(self.gateway.get(), GATEWAY_WAIT_S)
        except asyncio.TimeoutError:
            text = "The endpoint's gateway is starting."
            return web.json_response({"reason": text, "message": text}, status=503, headers={"Retry-After": "1"})
        return await self._pass_to_gateway(request, caller)

    def _prepare_kernel(self, kernel_id: str, caller: DoorCaller) -> None:
        hand_to_kernel(kernels_home(self._workdir / "gateway"), kernel_id, self._storage(caller.owner))

    async def _start_gateway(self, on_exit: Callable[[Engine], None]) -> Engine:
        return await start_gateway(
            self._installation,
            address=self.address,
            workdir=self._workdir / "gateway",
            version=self.spec.gateway_version,
            kernels_dir=self._workdir / "kernels",
            token=self._token,
            livy_url=None,
            on_exit=on_exit,
        )
