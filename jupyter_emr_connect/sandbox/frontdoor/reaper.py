"""Keeps a front door in step with its gateway: forgets kernels that are gone, and leaves nothing of theirs behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from aiohttp import ClientError

from .owners import Owners

log = logging.getLogger(__name__)

PERIOD_S = 2.0


class Reaper:
    """Compares the kernels in ``owners`` with those of the gateway; what lost kernels left elsewhere is deleted.

    sparkmagic deletes its session when its kernel is shut down; this is for kernels that were killed, that never came
    up, or whose gateway died. Runs on the door's loop while the door is open: every two seconds, or when woken.

    ``living_kernels`` returns the ids of the kernels that the gateway has alive, or None when it cannot be asked now;
    ``delete_orphans`` deletes what kernels that are no longer in ``owners`` left in other engines. Both may raise
    aiohttp's client errors, ConnectionError, TimeoutError and ValueError: then the next round tries again.
    """

    def __init__(
        self,
        name: str,
        owners: Owners,
        living_kernels: Callable[[], Awaitable[set[str] | None]],
        delete_orphans: Callable[[], Awaitable[object]],
    ) -> None:
        self._name = name
        self._owners = owners
        self._living_kernels = living_kernels
        self._delete_orphans = delete_orphans
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; called once the door is open."""
        self._task = asyncio.create_task(self._run(), name=f"reaper {self._name}")

    def wake(self) -> None:
        """Compare at once: a kernel or the gateway has ended."""
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
                await asyncio.wait_for(self._woken.wait(), PERIOD_S)
            self._woken.clear()
            try:
                await self._compare()
                await self._delete_orphans()
            except (ClientError, ConnectionError, asyncio.TimeoutError, ValueError) as error:
                log.info("%s: next time (%r)", self._name, error)

    async def _compare(self) -> None:
        """Forget the kernels that the gateway no longer has, or that it could not bring back to life."""
        expected = set(self._owners.kernels) - self._owners.starting
        alive = await self._living_kernels() if expected else None
        if alive is not None:
            for kernel_id in expected - alive:
                self._owners.drop_kernel(kernel_id)
