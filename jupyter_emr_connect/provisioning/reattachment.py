"""A kernel that comes back to its Jupyter server: there for local clients at once, on its gateway when that answers."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

from ..errors import ComputeNotFound, EMRConnectError, GatewayError, NotAttachable
from ..gateway.channels.bridge import Bridge
from ..gateway.event_loop import gateway_loop
from ..gateway.rest import GatewayClient
from ..http.deadlines import within
from .adopt import Adopter
from .delete import DELETE_WITHIN
from .kernel import RemoteKernel
from .ledger_entry import KernelStatus, LedgerEntry

FIRST_PAUSE, LAST_PAUSE = 1.0, 30.0


class Reattachment:
    """A kernel on its way back: its local channels are open, its gateway is asked for until it answers.

    ``on_back`` is called with the kernel once it is back; ``failure`` says why it will not come. What local clients
    send meanwhile waits in their sockets. Made when a server restores its kernels: neither the network nor AWS delays
    that. Lives on the gateway loop.
    """

    def __init__(
        self,
        adopter: Adopter,
        entry: LedgerEntry,
        bridge: Bridge,
        log: logging.Logger | Any,
        on_back: Callable[[RemoteKernel], None],
    ) -> None:
        self.failure = ""
        self.entry = entry
        self.kernel_id = entry.record.kernel_id
        self.standing = KernelStatus(bridge, entry)
        self._on_back = on_back
        self._adopter = adopter
        self._bridge = bridge
        self._log = log
        self._over = asyncio.Event()
        bridge.channels.pause(True)
        entry.hold(self._taken)
        self._task = gateway_loop().loop.create_task(self._run())

    async def settled(self) -> bool:
        """Wait until the kernel is back; False when it will not come."""
        await self._over.wait()
        return not self.failure

    def _settle(self, failure: str = "", cause: str = "lost") -> None:
        self.failure = failure
        if failure:
            self.standing.set("gone", cause, failure)
        self._over.set()

    def _taken(self) -> None:
        self._task.cancel()
        self._settle("Another Jupyter server or computer took the kernel over.", "adopted")

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                connection = await self._adopter.reach(self.entry)
                seconds = self._adopter.config.ready_timeout
                kernel = await within(seconds, self._adopter.take_up(self.entry, connection))
            except (ComputeNotFound, NotAttachable) as error:
                await self._adopter.give_up(self.entry, error)
                self._settle(error.message, "cluster terminated")
                return
            except asyncio.TimeoutError:
                reason = "The gateway has the kernel, but it does not answer."
                await self.standing.become("reconnecting", "gateway", reason)
            except EMRConnectError as error:
                cause = "network" if isinstance(error, GatewayError) else "credentials"
                if pause == FIRST_PAUSE:
                    self._log.warning("Kernel %s cannot be reached yet. %s", self.entry.record.kernel_id, error)
                await self.standing.become("reconnecting", cause, error.message)
            else:
                if kernel:
                    self._on_back(kernel)
                    self._bridge.channels.pause(False)
                self._settle("" if kernel else "The gateway no longer has the kernel.")
                return
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, hides nothing
            pause = min(pause * 2, LAST_PAUSE)

    async def detach(self, cause: str, reason: str) -> None:
        """Stop asking, and leave the kernel to the next who wants it."""
        self._task.cancel()
        await asyncio.wait({self._task})
        self._settle("It was left.")
        await self.entry.release(cause, reason)

    async def end(self) -> None:
        """Delete the kernel, by one more attempt to reach its gateway."""
        self._task.cancel()
        await asyncio.wait({self._task})
        if self._over.is_set():
            return
        self._settle("It was shut down.")
        try:
            await within(DELETE_WITHIN, self._delete())
            await self.entry.delete()
        except (EMRConnectError, asyncio.TimeoutError) as error:
            text = str(error) or "no answer in time"
            self._log.warning("Kernel %s could not be deleted: %s", self.kernel_id, text)
            await self.entry.release("not deleted", f"It could not be deleted: {text}", persistent=False)

    async def _delete(self) -> None:
        connection = await self._adopter.reach(self.entry)
        client = GatewayClient(connection.target, connect_timeout=self._adopter.config.connect_timeout)
        try:
            await client.delete(self.kernel_id)
        finally:
            await client.close()
