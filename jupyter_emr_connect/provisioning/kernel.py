"""One gateway kernel from its request to its end: started, watched, restarted, deleted. Lives on the gateway loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from ..errors import GatewayError, GatewayUnreachable, KernelGone
from ..gateway.channels.bridge import Bridge
from ..gateway.connection.status import DELETED, LinkState, LinkStatus
from ..gateway.event_loop import gateway_loop
from ..gateway.rest import LAUNCH_PAD, REMOVE_EVERY, GatewayClient
from ..http.deadlines import within
from ..services.stages import CREDENTIALS, READY
from .delete import DELETE_WITHIN, delete, discard
from .interrupt import Interrupts, drop_unsent, is_up
from .ledger_entry import KernelStatus, LedgerEntry
from .restart import restart_when_up
from .spec import StartSpec
from .stages import StartStages
from .start import KernelStart
from .watch import until_gone

CHECK_EVERY = 15.0


class RemoteKernel:
    """A kernel on a gateway. ``exit_code`` is None while it lives; ``reason`` says why it no longer does.

    ``entry`` is its row in the ledger; what is done there decides whether the kernel is started or taken over.
    """

    def __init__(self, order: StartSpec, bridge: Bridge, entry: LedgerEntry, log: logging.Logger | Any) -> None:
        self.order = order
        self.entry = entry
        self.kernel_id = entry.record.kernel_id
        self.reason = ""
        self.standing = KernelStatus(bridge, entry)
        self.was_taken = False
        self._exit_code: int | None = None
        self._changed = asyncio.Event()
        self.restart_pending = False
        self._bridge = bridge
        self._log = log
        self._client = GatewayClient(order.target, connect_timeout=order.connect_timeout)
        self._start = KernelStart(order, self._client, bridge, entry, log)
        self._starting: asyncio.Task[Any] | None = None
        self._settled = asyncio.Event()
        self._settled.set()
        self._ending: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._interrupts = Interrupts(self._client, bridge, self.kernel_id, log)

    @property
    def exit_code(self) -> int | None:
        """None while the kernel lives; read from any thread."""
        return self._exit_code

    @exit_code.setter
    def exit_code(self, code: int | None) -> None:
        self._exit_code = code
        self._changed.set()

    @property
    def is_up(self) -> bool:
        """Whether the kernel was started or taken over."""
        return self._watching is not None

    @property
    def _under_way(self) -> asyncio.Task[Any] | None:
        """The start that has not come to its end."""
        return None if self._settled.is_set() else self._starting

    async def start(self, stages: StartStages) -> None:
        """Request the kernel and wait until it answers; on any failure, or if cancelled, nothing is left of it."""
        self._starting = asyncio.current_task()
        self._settled.clear()
        try:
            await self._start.run(stages)
        except BaseException as error:
            self.exit_code = 1
            self.reason = str(error)
            removal = self._ending = gateway_loop().keep(self._discard(error))
            self._settled.set()
            if isinstance(error, Exception):
                await asyncio.wait({removal}, timeout=DELETE_WITHIN)
            raise
        finally:
            self._settled.set()
        stages.end()
        await self._serve("started")

    async def adopt(self) -> None:
        """Go on with a kernel that runs already, from where its last process left it; it may be busy.

        Raises :class:`KernelGone` when the gateway does not know it, other errors when it cannot be reached. Nothing is
        changed on the gateway then, and the ledger still says that the kernel is ours: the caller decides.
        """
        record = self.entry.record
        try:
            model = await self._client.kernel(self.kernel_id)
            state = str(model.get("execution_state", "unknown"))
            if state == "dead":
                message = f"The kernel on {self.order.target.label} is dead."
                raise KernelGone(message)
            await self._start.connect(resume=record.state != "starting")
        except BaseException:
            await self._leave()
            raise
        if state in ("idle", "busy"):
            self._bridge.publish("status", {"execution_state": state})
        await self._serve("adopted")

    async def _serve(self, cause: str) -> None:
        self.entry.hold(self.taken)
        self._watching = asyncio.get_running_loop().create_task(self._watch())
        await self.standing.become("connected", cause)

    async def _watch(self) -> None:
        """Notice a kernel that someone else deleted or the gateway culled: its WebSocket just stays silent.

        Of a kernel whose line is down the WebSocket finds out more by itself.
        """
        while True:
            await until_gone(self._client, self.kernel_id, CHECK_EVERY)
            if is_up(self._bridge):
                self.lost(DELETED, "culled")

    def on_status(self, state: str) -> None:
        """React to what the gateway says of the kernel's process."""
        if self.restart_pending:
            return
        if state == "starting":
            if self._watching is not None:  # the gateway has restarted it
                gateway_loop().keep(self._meet_again())
            return
        if self._watching is None:
            self._start.died()
        elif state == "dead":
            self.lost("The kernel died, and the gateway gave up restarting it.", "died")
        else:
            self._log.warning("Kernel %s died; the gateway restarts it.", self.kernel_id)
            self._bridge.abandon("error", "KernelDied", "The kernel died and was restarted; its variables are lost.")

    async def _meet_again(self) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await within(self.order.ready_timeout, self._bridge.ready())

    def on_state(self, status: LinkStatus) -> None:
        """React to what becomes of the connection."""
        if status.state is LinkState.RECONNECTING:
            self._log.warning("Kernel %s: %s; reconnecting.", self.kernel_id, status.reason)
            gateway_loop().keep(self._reconnecting(status))
        elif status.state is LinkState.CONNECTED and self.standing.state == "reconnecting":
            gateway_loop().keep(self.standing.become("connected", status.cause or "reconnected", status.advice))
        elif status.state is LinkState.CONNECTED and CREDENTIALS in (status.cause, self.standing.cause):
            gateway_loop().keep(self.standing.become("connected", status.cause or "renewed", status.advice))
        elif status.state is LinkState.GONE and self._under_way:
            self._start.died()
        elif status.state is LinkState.GONE:
            self.lost(status.reason, status.cause, told=True)

    async def _reconnecting(self, status: LinkStatus) -> None:
        """Say so; a line is also cut by another process that took the kernel over, and two must not fight for it."""
        if not await self.entry.is_ours():
            self.taken()
        elif self._bridge.link is not None and self._bridge.link.state is LinkState.RECONNECTING:
            await self.standing.become("reconnecting", status.cause, status.advice)

    def lost(self, reason: str, cause: str, *, told: bool = False) -> None:
        """Take note that the kernel is no more, and tell whoever waits for it; ``cause`` is a word for programs."""
        if self.exit_code is not None:
            return
        (self.standing.set if told else self.standing.tell)("gone", cause, reason)
        self._forget(reason)
        gateway_loop().keep(self.end())

    def taken(self) -> None:
        """Take note that another process goes on with the kernel, which is left alone from here on."""
        if self.exit_code is not None or self._ending is not None:
            return
        self.was_taken = True
        reason = "Another Jupyter server or computer took the kernel over."
        self.standing.tell("gone", "adopted", reason)
        self._forget(reason)
        if self._watching is not None:
            self._watching.cancel()
        self._ending = gateway_loop().keep(self._leave())

    def _forget(self, reason: str) -> None:
        self.exit_code, self.reason = 1, reason
        self._log.error("Kernel %s is gone: %s", self.kernel_id, reason)
        self._bridge.abandon("error", "KernelGone", reason)
        self._bridge.publish("stream", {"name": "stderr", "text": f"The kernel is gone: {reason}\n"})

    async def detach(self, cause: str, reason: str) -> None:
        """Leave the kernel running for whoever takes it over; one that only starts is given up."""
        if self._under_way:
            await self.end()
        elif self._ending is None:
            self._ending = gateway_loop().keep(self._depart(cause, reason))
        if self._ending is not None:
            await asyncio.shield(self._ending)

    async def _depart(self, cause: str, reason: str) -> None:
        self._interrupts.drop()
        if self._watching is not None:
            self._watching.cancel()
        self.standing.tell("detached", cause, reason)
        await self._leave()
        await self.entry.release(cause, reason)

    async def over(self) -> int:
        """Wait for the end of the kernel, or of this life of it, and return the exit code."""
        while self.exit_code is None:
            self._changed.clear()
            await self._changed.wait()
        return self.exit_code

    async def interrupt(self) -> None:
        """Interrupt what runs, as soon as the line allows; a kernel that is gone has nothing to interrupt."""
        if self.exit_code is not None:
            return
        await self._interrupts.interrupt()

    async def restart(self, stages: StartStages) -> None:
        """Restart the kernel in place: its id and the WebSocket stay. A line that is down is waited for."""
        self._interrupts.drop()
        drop_unsent(self._bridge, "aborted")
        self._bridge.abandon("aborted")
        seconds = self.order.launch_timeout + LAUNCH_PAD
        await restart_when_up(self._client, self._bridge, self.kernel_id, stages, seconds)
        stages.enter(READY)
        await stages.bounded(self._bridge.ready(), self.order.ready_timeout)
        stages.end()
        self.restart_pending, self.exit_code = False, None

    def pause_for_restart(self) -> None:
        """Look dead until :meth:`restart`, as a local kernel's process is between its two lives.

        Of a kernel that is gone, or somebody else's by now, nothing can be restarted: a new one is started then.
        """
        if self._ending is None:
            self.restart_pending, self.exit_code = True, 0

    async def end(self) -> None:
        """Delete the kernel, once, however often this is called; afterwards ``exit_code`` is set."""
        if start := self._under_way:
            # The start given up knows what may yet come up, and removes it; deleting now would be too early.
            start.cancel()
            await self._settled.wait()
        if self._ending is None:
            self._ending = gateway_loop().keep(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        self._interrupts.drop()
        if self._watching is not None:
            self._watching.cancel()
        try:
            await delete(self._client, self.entry, self.standing, self._log)
        finally:
            self.exit_code = self.exit_code or 0
            self.restart_pending = False
            await self._leave()

    async def _discard(self, error: BaseException) -> None:
        """Remove what a failed start may have left, or may yet bring up."""
        answered = isinstance(error, GatewayError) and not isinstance(error, GatewayUnreachable)
        seconds = REMOVE_EVERY if answered else self.order.launch_timeout + LAUNCH_PAD
        await (discard(self._client, self.entry, seconds) if self._start.was_requested else self.entry.delete())
        await self._leave()

    async def _leave(self) -> None:
        if self._bridge.kernel_id == self.kernel_id and self._bridge.link is not None:
            await self._bridge.link.close()
        await self._client.close()
