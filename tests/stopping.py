"""The end of an HTTP server that a test has run."""

from __future__ import annotations

import asyncio

from aiohttp import web

TURNS = 5  # of the loop, in which a connection that was just accepted becomes one that the server knows


async def stop_serving(runner: web.BaseRunner) -> None:
    """Close a server with all its connections.

    aiohttp would leave one open that comes as it closes the others, and one whose client reads no more.
    """
    loop, sites = asyncio.get_running_loop(), list(runner.sites)
    for listener in [listener for site in sites for listener in site._server.sockets]:
        loop.remove_reader(listener.fileno())  # asyncio (3.11) never closes what it takes up after its server is closed
    for _ in range(TURNS):
        await asyncio.sleep(0)
    for site in sites:
        await site.stop()
    transports = [connection.transport for connection in runner.server.connections] if runner.server else []
    await runner.cleanup()
    for transport in filter(None, transports):
        transport.abort()
    await asyncio.sleep(0)
