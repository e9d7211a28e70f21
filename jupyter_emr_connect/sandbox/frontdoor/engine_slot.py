"""An engine that is started when it is first needed, and again after it has died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import psutil

from ..engines.process import Engine

log = logging.getLogger(__name__)

Start = Callable[[Callable[[Engine], None]], Awaitable[Engine]]


class EngineSlot:
    """Holds the one engine of its kind behind a door: none yet, one that starts, or one that runs.

    Concurrent first requests wait for one start. A start that fails is not remembered: the next request tries again.
    ``start`` gets the callback for the engine's end; ``on_end`` is called whenever the engine has ended.
    """

    def __init__(self, name: str, start: Start, on_end: Callable[[], None]) -> None:
        self.name = name
        self.running: Engine | None = None
        self._start = start
        self._on_end = on_end
        self._starting: asyncio.Task[Engine] | None = None

    async def get(self) -> Engine:
        """Return the running engine, starting it when needed; raises what its start raises."""
        if self.running and self.running.running:
            return self.running
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._begin(), name=f"start {self.name}")
        return await asyncio.shield(self._starting)

    async def stop(self) -> None:
        """End the engine, also one that is just starting."""
        if self._starting and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])
        engine = self.running
        if engine:
            await engine.stop()
            self._ended(engine)

    def kill(self) -> int:
        """Kill the engine's main process as a crash would; return 1 when there was one."""
        engine = self.running
        if not engine or not engine.running:
            return 0
        for process in self._commands(engine):
            with contextlib.suppress(psutil.Error):
                process.kill()
        return 1

    def kill_children(self) -> int:
        """Kill what the engine's main process runs (a gateway's kernels, Livy's drivers); return how many."""
        engine, killed = self.running, 0
        if engine and engine.running:
            for command in self._commands(engine):
                with contextlib.suppress(psutil.Error):
                    for child in command.children():
                        child.kill()
                        killed += 1
        return killed

    @staticmethod
    def _commands(engine: Engine) -> list[psutil.Process]:
        """Return the guard's own child: the engine itself (descendants that it adopted are none of it yet)."""
        with contextlib.suppress(psutil.Error):
            return psutil.Process(engine.pid).children()[:1]
        return []

    async def _begin(self) -> Engine:
        engine = await self._start(self._ended)
        self.running = engine
        log.info("%s answers after %.1f s", self.name, engine.started_in)
        return engine

    def _ended(self, engine: Engine) -> None:
        if self.running in (engine, None):
            log.info("%s ended", self.name)
            self.running = None
            self._on_end()
