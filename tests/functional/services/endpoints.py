"""Endpoints for the tests of this folder: their rows in the emulated AWS, and servers that stand at their address."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from typing import Any

from aiohttp import web

from jupyter_emr_connect.sandbox.world.eks import EndpointSpec, standard_endpoints
from tests.stopping import stop_serving

Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True)
class Elsewhere(EndpointSpec):
    """An endpoint of which AWS says that it is at ``url``."""

    url: str = ""

    @property
    def server_url(self) -> str:
        """What AWS names as ``serverUrl``."""
        return self.url or super().server_url


def add_endpoint(cloud: Any, **changes: Any) -> EndpointSpec:
    """Put the endpoint `notebooks` into the account, with these fields instead of its own."""
    (spec,) = standard_endpoints("45", cloud.world.account, cloud.world.region)
    made = Elsewhere(**{one.name: getattr(spec, one.name) for one in fields(spec)} | changes)
    cloud.world.virtual_clusters[made.virtual_cluster.id] = made.virtual_cluster
    cloud.world.endpoints[made.id] = made
    return made


@asynccontextmanager
async def server(
    handler: Handler, *, context: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> AsyncIterator[str]:
    """Answer everything with ``handler``; yields the server's URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, address, 0, ssl_context=context).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"{'https' if context else 'http'}://{host}:{port}"
    finally:
        await stop_serving(runner)


def served(loop: asyncio.AbstractEventLoop, handler: Handler, told: Callable[[str], None]) -> Iterator[None]:
    """Let a plain fixture run a server, whose URL ``told`` is told (async fixtures are not run here)."""
    context = server(handler)
    told(loop.run_until_complete(context.__aenter__()))
    yield
    loop.run_until_complete(context.__aexit__(None, None, None))
