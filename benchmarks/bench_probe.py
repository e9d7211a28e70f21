"""A server extension for benchmarks: how long the event loop was held up, and how much memory the server takes.

``GET /bench`` answers ``{"stalls": [ms late, for each tick since the last time], "rss": bytes, "peak": bytes}``.
"""

from __future__ import annotations

import asyncio
import json
import time

import psutil
from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

TICK = 0.005


class Probe:
    """Ticks every 5 ms and notes how late it was."""

    def __init__(self) -> None:
        self.stalls: list[float] = []
        self.peak = 0
        self.process = psutil.Process()

    async def run(self) -> None:
        """Tick until the server ends."""
        count = 0
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(TICK)
            self.stalls.append(max(0.0, time.perf_counter() - begun - TICK) * 1000)
            count += 1
            if count % 10 == 0:
                self.peak = max(self.peak, self.process.memory_info().rss)


class ProbeHandler(APIHandler):
    """GET alone."""

    probe = Probe()

    @authenticated
    def get(self) -> None:
        """Answer and begin anew."""
        rss = self.probe.process.memory_info().rss
        self.finish(json.dumps({"stalls": self.probe.stalls, "rss": rss, "peak": max(rss, self.probe.peak)}))
        self.probe.stalls, self.probe.peak = [], 0


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "bench_probe"}]


def _load_jupyter_server_extension(server: object) -> None:
    app = server.web_app  # type: ignore[attr-defined]
    app.add_handlers(".*$", [(app.settings["base_url"].rstrip("/") + "/bench", ProbeHandler)])
    server.io_loop.asyncio_loop.call_soon(  # type: ignore[attr-defined]
        lambda: setattr(ProbeHandler, "task", asyncio.ensure_future(ProbeHandler.probe.run()))
    )
