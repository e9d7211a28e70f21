"""The faults of a front door that strike single requests: slow, failing, or answering as something else."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ..world.faults import Fault, FaultBoard

SLOW_MS = 2000.0
HTML = "<!doctype html><title>Welcome</title><p>This is not the server you are looking for.\n"


async def disturbance(faults: FaultBoard, compute: str) -> web.Response | None:
    """Delay the request (``slow:<milliseconds>``), or return what to answer instead (``error-500``, ``html``)."""
    for fault in _hits(faults, "slow", compute):
        await asyncio.sleep(float(fault.argument or SLOW_MS) / 1000)
    if _hits(faults, "error-500", compute):
        return web.json_response({"reason": "Internal Server Error", "message": ""}, status=500)
    if _hits(faults, "html", compute):
        return web.Response(text=HTML, content_type="text/html")
    return None


def _hits(faults: FaultBoard, name: str, compute: str) -> list[Fault]:
    """Return the faults that strike here; those narrowed to a service, region or action are for AWS calls alone."""
    return [fault for fault in faults.hits(name, compute) if not fault.options]
