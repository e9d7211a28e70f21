"""A kernel that comes back to its Jupyter server: there for local clients at once, on its compute when that answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ..errors import ComputeNotFound, EMRConnectError, GatewayError, LoginRefused, LoginRequired, NotAttachable
from ..gateway.connection.status import DEFECT_REASON, NOT_THERE
from ..gateway.event_loop import gateway_loop
from ..http.backoff import Backoff
from ..http.deadlines import within
from ..tasks import report_failure, watched
from .adopt import Adopter
from .kernel import DELETE_TIMEOUT_S, release_undeleted
from .launchers import LaunchedKernel, Launcher
from .ledger_entry import LedgerEntry

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LAST_PAUSE_S = 1.0, 30.0


class Reattachment:
    """A kernel on its way back: its local channels are open, its compute is asked for until it answers.

    ``on_back`` is called with the kernel once it is back; ``failure`` says why it will not come. What local clients
    send meanwhile waits in their sockets. Made when a server restores its kernels: neither the network nor AWS delays
    that. Lives on the gateway loop.
    """

    def __init__(
        self,
        adopter: Adopter,
        entry: LedgerEntry,
        launcher: Launcher,
        log: logging.Logger | Any,
        on_back: Callable[[LaunchedKernel], None],
    ) -> None:
        self.failure = ""
        self.entry = entry
        self.kernel_id = entry.record.kernel_id
        self.status = launcher.status(entry)
        self._on_back = on_back
        self._adopter = adopter
        self._launcher = launcher
        self._log = log
        self._over = asyncio.Event()
        launcher.pause(True)
        entry.start_heartbeat(self._on_taken)
        self._task = watched(gateway_loop().loop.create_task(self._run()))

    async def settled(self) -> bool:
        """Wait until the kernel is back; False when it will not come."""
        await self._over.wait()
        return not self.failure

    def _settle(self, failure: str = "", cause: str = "lost") -> None:
        """End the waiting: with the kernel back, or with what keeps it from coming."""
        self.failure = failure
        if failure:
            self.status.set("gone", cause, failure)
        self._over.set()

    def _on_taken(self) -> None:
        self._task.cancel()
        self._settle("Another Jupyter server or computer took the kernel over.", "adopted")

    async def _run(self) -> None:
        backoff, warned = Backoff(FIRST_PAUSE_S, LAST_PAUSE_S, jitter=0.5), False
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
                await self.status.save("reconnecting", "gateway", reason)
            except EMRConnectError as error:
                cause = "network" if isinstance(error, GatewayError) else "credentials"
                if not warned:
                    self._log.warning("Kernel %s cannot be reached yet. %s", self.kernel_id, error)
                    warned = True
                asks_user = isinstance(error, LoginRequired | LoginRefused)  # who is then told what to do
                await self.status.save("reconnecting", cause, str(error) if asks_user else error.message)
            except Exception as error:
                report_failure(log, "A kernel could not be brought back; it is tried again.", error)
                await self.status.save("reconnecting", "defect", DEFECT_REASON.format(type(error).__name__))
            else:
                if kernel:
                    self._on_back(kernel)
                    self._launcher.pause(False)
                self._settle("" if kernel else NOT_THERE)
                return
            await asyncio.sleep(backoff.next())

    async def detach(self, cause: str, reason: str) -> None:
        """Stop asking, and leave the kernel to the next who wants it."""
        self._task.cancel()
        await asyncio.wait({self._task})
        self._settle("It was left.")
        await self.entry.release(cause, reason)

    async def end(self) -> None:
        """Delete the kernel, by one more attempt to reach its compute."""
        self._task.cancel()
        await asyncio.wait({self._task})
        if self._over.is_set():
            return
        self._settle("It was shut down.")
        try:
            await within(DELETE_TIMEOUT_S, self._delete())
        except (EMRConnectError, asyncio.TimeoutError) as error:
            await release_undeleted(self.entry, error, self._log)

    async def _delete(self) -> None:
        connection = await self._adopter.reach(self.entry)
        await self._adopter.kernel(self.entry, connection).end()
