"""Keeps in step with the gateway: forgets kernels that are gone, and leaves nothing of theirs behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING

from aiohttp import ClientError
from yarl import URL

if TYPE_CHECKING:
    from .door import Door

log = logging.getLogger(__name__)

PERIOD = 2.0


class Reaper:
    """Compares what the door remembers with what the gateway has; what kernels that are gone left elsewhere is deleted.

    sparkmagic deletes its session when its kernel is shut down; this is for kernels that were killed, that never came
    up, or whose gateway died. Runs while the door is open: every two seconds, or when woken.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; called once the door is open."""
        self._task = asyncio.create_task(self._run(), name=f"reaper {self._door.name}")

    def wake(self) -> None:
        """Look at once: a kernel or the gateway has ended."""
        self._woken.set()

    async def stop(self) -> None:
        """End; called before the door closes."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._woken.wait(), PERIOD)
            self._woken.clear()
            try:
                await self._compare()
                await self._door.delete_orphans()
            except (ClientError, ConnectionError, asyncio.TimeoutError, ValueError) as error:
                log.info("%s: next time (%r)", self._door.name, error)

    async def _compare(self) -> None:
        """Forget the kernels that the gateway no longer has, or that it could not bring back to life."""
        owners, engine = self._door.owners, self._door.gateway.running
        known = set(owners.kernels) - owners.starting
        if not known or engine is None:
            return
        url = URL(engine.url) / "api/kernels"
        async with self._door.session.get(url, headers=self._door.gateway_headers) as answer:
            rows = json.loads(await answer.read()) if answer.status == 200 else None
        if rows is None:
            return
        alive = {row["id"] for row in rows if row.get("execution_state") != "dead"}
        for kernel_id in known - alive:
            owners.drop_kernel(kernel_id)
