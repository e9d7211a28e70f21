"""One gateway kernel from its request to its end: started, taken over, watched, restarted, left, deleted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import datetime, timezone
from typing import Any

from ..errors import EMRConnectError, GatewayError, GatewayUnreachable, KernelGone
from ..executors import FILES, run_in
from ..gateway.channels.bridge import Bridge
from ..gateway.connection.status import NOT_THERE, LinkState, LinkStatus
from ..gateway.event_loop import gateway_loop
from ..gateway.rest import LAUNCH_PAD_S, REMOVE_EVERY_S, GatewayClient
from ..http.deadlines import within
from ..models import KernelRecord
from ..services.stages import CREDENTIALS, READY
from ..tasks import repeat
from .interrupt import Interrupts, drop_unsent, is_up
from .ledger_entry import KernelStatus, LedgerEntry
from .restart import restart_when_up
from .spec import Observe, StartSpec
from .stages import StartStages
from .start import KernelStart, until_gone

GONE_CHECK_EVERY_S = 15.0
DELETE_TIMEOUT_S = 20.0


class GatewayKernel:
    """A kernel on a gateway (:class:`..launchers.LaunchedKernel`). Lives on the gateway loop.

    ``exit_code`` is None while it lives, ``reason`` says why it no longer does. ``entry`` is its row in the ledger.
    ``observe`` makes the observer of what passes, see :class:`.spec.KernelRequest`. The launcher passes on what the
    bridge says of the connection (:meth:`on_state`) and of the kernel's process (:meth:`on_status`).
    """

    def __init__(
        self,
        spec: StartSpec,
        bridge: Bridge,
        entry: LedgerEntry,
        log: logging.Logger | Any,
        observe: Observe | None = None,
    ) -> None:
        self.spec = spec
        self.entry = entry
        self.kernel_id = entry.record.kernel_id
        self.reason = ""
        self.status = gateway_status(bridge, entry)
        self.was_taken = False
        self._exit_code: int | None = None
        self._changed = asyncio.Event()
        self.restart_pending = False
        self._bridge = bridge
        self._observe = observe
        self._log = log
        self._client = GatewayClient(spec.target, connect_timeout=spec.connect_timeout)
        self._start = KernelStart(spec, self._client, bridge, entry, log)
        self._starting: asyncio.Task[Any] | None = None
        self._settled = asyncio.Event()
        self._settled.set()
        self._ending: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._meeting: asyncio.Task[None] | None = None  # with a process that the gateway has started anew
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
    def _has_begun(self) -> bool:
        """Whether the kernel's start has begun, or it was taken over."""
        return self._starting is not None or self.is_up

    @property
    def _under_way(self) -> asyncio.Task[Any] | None:
        """The start that has not come to its end."""
        return None if self._settled.is_set() else self._starting

    async def start(self, stages: StartStages) -> None:
        """Request the kernel and wait until it answers; on any failure, or if cancelled, nothing is left of it."""
        self._starting = asyncio.current_task()
        self._settled.clear()
        try:
            await self._attach_observer()
            await self._start.run(stages)
        except BaseException as error:
            self.exit_code = 1
            self.reason = str(error)
            removal = self._ending = gateway_loop().keep(self._discard(error))
            self._settled.set()
            if isinstance(error, Exception):
                await asyncio.wait({removal}, timeout=DELETE_TIMEOUT_S)
            raise
        finally:
            self._settled.set()
        stages.end()
        await self._serve("started")

    async def adopt(self) -> None:
        """Go on with a kernel that runs already, from where its last process left it; it may be busy.

        Raises :class:`KernelGone` when the gateway does not know it: its row in the ledger is then deleted, and a
        kernel that may yet come up is removed when it does. Raises other errors when it cannot be reached: nothing is
        changed then, and the ledger still says that the kernel is ours.
        """
        record = self.entry.record
        try:
            await self._attach_observer()
            model = await self._client.kernel(self.kernel_id)
            state = str(model.get("execution_state", "unknown"))
            if state == "dead":
                message = f"The kernel on {self.spec.target.label} is dead."
                raise KernelGone(message)
            await self._start.connect(resume=record.state != "starting")
        except KernelGone:
            await self._leave()
            gateway_loop().keep(self._bury())
            raise
        except BaseException:
            await self._leave()
            raise
        if state in ("idle", "busy"):
            self._bridge.publish("status", {"execution_state": state})
        await self._serve("adopted")

    async def _bury(self) -> None:
        """Delete the row of a kernel that the gateway does not know, and remove it should it yet come up."""
        record = self.entry.record
        seconds = self.spec.launch_timeout + LAUNCH_PAD_S - _age(record)
        if record.state == "starting" and seconds > 0:
            client = GatewayClient(self.spec.target, connect_timeout=self.spec.connect_timeout)
            try:
                await client.remove_late(self.kernel_id, within=seconds)
            finally:
                await client.close()
        await self.entry.delete()

    async def _attach_observer(self) -> None:
        """Have what passes observed, before anything does; what an earlier process recorded may take long to read."""
        if self._observe is not None:
            self._bridge.observer = await run_in(FILES, self._observe, self.kernel_id, self._bridge.publish)

    async def _serve(self, cause: str) -> None:
        self.entry.start_heartbeat(self.on_taken)
        watching = repeat(self._watch, "A kernel could not be watched.", pause_s=GONE_CHECK_EVERY_S)
        self._watching = asyncio.get_running_loop().create_task(watching)
        await self.status.save("connected", cause)

    async def _watch(self) -> None:
        """Notice a kernel that someone else deleted or the gateway culled: its WebSocket just stays silent.

        Of a kernel whose connection is down the WebSocket finds out more by itself.
        """
        await until_gone(self._client, self.kernel_id, GONE_CHECK_EVERY_S)
        if is_up(self._bridge):
            self.lost(NOT_THERE, "culled")

    def on_status(self, state: str) -> None:
        """React to what the gateway says of the kernel's process."""
        if self.restart_pending or not self._has_begun:
            return
        if state == "starting":
            if self._watching is not None:  # the gateway has restarted it
                self._stop(self._meeting)
                self._meeting = gateway_loop().keep(self._meet_again())
            return
        if self._watching is None:
            self._start.died()
        elif state == "dead":
            self.lost("The kernel died, and the gateway gave up restarting it.", "died")
        else:
            self._log.warning("Kernel %s died; the gateway restarts it.", self.kernel_id)
            self._bridge.abandon("error", "KernelDied", "The kernel died and was restarted; its variables are lost.")

    async def _meet_again(self) -> None:
        """Wait for the process in place of one that died, and say that it is idle: what it was asked here is hidden.

        Jupyter's server and front ends, which hear no state until somebody asks the kernel, would call it starting.
        """
        with contextlib.suppress(asyncio.TimeoutError):
            await within(self.spec.ready_timeout, self._bridge.ready())
            if not self._bridge.requests.running():
                self._bridge.publish("status", {"execution_state": "idle"})

    def on_state(self, status: LinkStatus) -> None:
        """React to what becomes of the connection; while a kernel is being taken over, :meth:`adopt` does."""
        if not self._has_begun:
            return
        if status.state is LinkState.RECONNECTING:
            self._log.warning("Kernel %s: %s; reconnecting.", self.kernel_id, status.reason)
            gateway_loop().keep(self._reconnecting(status))
        elif status.state is LinkState.CONNECTED and self.status.state == "reconnecting":
            gateway_loop().keep(self.status.save("connected", status.cause or "reconnected", status.advice))
        elif status.state is LinkState.CONNECTED and CREDENTIALS in (status.cause, self.status.cause):
            gateway_loop().keep(self.status.save("connected", status.cause or "renewed", status.advice))
        elif status.state is LinkState.GONE and self._under_way:
            self._start.died()
        elif status.state is LinkState.GONE:
            self.lost(status.reason, status.cause, told=True)

    async def _reconnecting(self, status: LinkStatus) -> None:
        """Say that the connection is lost, unless it was cut by another process that took the kernel over."""
        if not await self.entry.is_ours():
            self.on_taken()
        elif self._bridge.link is not None and self._bridge.link.state is LinkState.RECONNECTING:
            await self.status.save("reconnecting", status.cause, status.advice)

    def lost(self, reason: str, cause: str, *, told: bool = False) -> None:
        """Take note that the kernel is no more, and tell whoever waits for it; ``cause`` is a word for programs."""
        if self.exit_code is not None:
            return
        (self.status.set if told else self.status.announce)("gone", cause, reason)
        self._forget(reason)
        gateway_loop().keep(self.end())

    def on_taken(self) -> None:
        """Take note that another process goes on with the kernel, which is left alone from here on."""
        if self.exit_code is not None or self._ending is not None:
            return
        self.was_taken = True
        reason = "Another Jupyter server or computer took the kernel over."
        self.status.announce("gone", "adopted", reason)
        self._forget(reason)
        self._stop(self._watching, self._meeting)
        self._ending = gateway_loop().keep(self._leave())

    def _stop(self, *tasks: asyncio.Task[None] | None) -> None:
        """End what only makes sense while the kernel is there."""
        for task in tasks:
            if task is not None:
                task.cancel()

    def _forget(self, reason: str) -> None:
        self.exit_code, self.reason = 1, reason
        self._log.error("Kernel %s is gone: %s", self.kernel_id, reason)
        self._bridge.abandon("error", "KernelGone", reason)
        self._bridge.publish("stream", {"name": "stderr", "text": f"The kernel is gone: {reason}\n"})

    async def detach(self, cause: str, reason: str) -> None:
        """Leave the kernel running for whoever takes it over; one that only starts, or is in no ledger, is given up."""
        if self._under_way or not self.entry.entered:
            await self.end()
        elif self._ending is None:
            self._ending = gateway_loop().keep(self._depart(cause, reason))
        if self._ending is not None:
            await asyncio.shield(self._ending)

    async def _depart(self, cause: str, reason: str) -> None:
        self._interrupts.drop()
        self._stop(self._watching, self._meeting)
        self.status.announce("detached", cause, reason)
        await self._leave()
        await self.entry.release(cause, reason)

    async def over(self) -> int:
        """Wait for the end of the kernel, or of this life of it, and return the exit code."""
        while self.exit_code is None:
            self._changed.clear()
            await self._changed.wait()
        return self.exit_code

    async def interrupt(self) -> None:
        """Interrupt what runs, as soon as the connection allows; a kernel that is gone has nothing to interrupt."""
        if self.exit_code is not None or self._bridge.local_cells.interrupt():
            return
        await self._interrupts.interrupt()

    async def restart(self, stages: StartStages) -> None:
        """Restart the kernel in place: its id and the WebSocket stay. A connection that is down is waited for."""
        self._break_off()
        seconds = self.spec.launch_timeout + LAUNCH_PAD_S
        await restart_when_up(self._client, self._bridge, self.kernel_id, stages, seconds)
        stages.enter(READY)
        await stages.bounded(self._bridge.ready(), self.spec.ready_timeout, lambda: self._bridge.waits_for)
        stages.end()
        self.restart_pending, self.exit_code = False, None

    async def restart_for_cell(self) -> None:
        """Restart the kernel in place because a cell says so (``%emr restart``), which goes on meanwhile.

        Raises ``KernelGone``, and what the gateway refuses for.
        """
        if self.exit_code is not None or not self.is_up:
            message = "There is no kernel to restart."
            raise KernelGone(message, fix="Start one: restart it in the front end.")
        self.restart_pending = True  # what the gateway says of it meanwhile is no death
        try:
            with self._bridge.local_cells.standing():
                await self.restart(StartStages(lambda stage: None))
        finally:
            self.restart_pending = False

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

    def _break_off(self) -> None:
        """End what was asked of a kernel that its user restarts."""
        self._interrupts.drop()
        drop_unsent(self._bridge, "aborted")
        self._bridge.restarting()

    async def _end(self) -> None:
        self._interrupts.drop()
        if self.restart_pending:
            self._break_off()
        self._stop(self._watching, self._meeting)
        try:
            await self._delete()
        finally:
            self.exit_code = self.exit_code or 0
            self.restart_pending = False
            await self._leave()

    async def _delete(self) -> None:
        """Delete the kernel on its gateway, unless another process has it by now; never raises the gateway's errors.

        One that went by itself stays in the ledger for a while, with the reason. One that could not be deleted waits
        there for ``kernels prune``, and for no notebook.
        """
        entry, status = self.entry, self.status
        try:
            if not await entry.is_ours():
                return
            await within(DELETE_TIMEOUT_S, self._client.delete(self.kernel_id))
        except (EMRConnectError, asyncio.TimeoutError) as error:
            await release_undeleted(entry, error, self._log)
        else:
            await (entry.end(status.cause, status.reason) if status.state == "gone" else entry.delete())

    async def _discard(self, error: BaseException) -> None:
        """Remove what a failed start may have left, or may yet bring up."""
        answered = isinstance(error, GatewayError) and not isinstance(error, GatewayUnreachable)
        seconds = REMOVE_EVERY_S if answered else self.spec.launch_timeout + LAUNCH_PAD_S
        if not self._start.was_requested or await self._client.remove_late(self.kernel_id, within=seconds):
            await self.entry.delete()
        else:
            await self.entry.release("not deleted", "It did not start, and may yet come up.", persistent=False)
        await self._leave()

    async def _leave(self) -> None:
        if self._bridge.kernel_id == self.kernel_id and self._bridge.link is not None:
            await self._bridge.link.close()
        await self._client.close()


def gateway_status(bridge: Bridge, entry: LedgerEntry) -> KernelStatus:
    """Return the status of a gateway kernel that is, or will be, behind this bridge."""
    return KernelStatus(entry, bridge.publish, lambda: bridge.link.session_id if bridge.link else None)


async def release_undeleted(entry: LedgerEntry, error: Exception, log: logging.Logger | Any) -> None:
    """Leave a kernel that could not be deleted to ``kernels prune``, and say so in the log."""
    text = str(error) or "no answer in time"
    log.warning("Kernel %s could not be deleted: %s", entry.record.kernel_id, text)
    await entry.release("not deleted", f"It could not be deleted: {text}", persistent=False)


def _age(record: KernelRecord) -> float:
    """Return the seconds since a kernel was entered into the ledger."""
    if not record.started_at:
        return 0.0
    return (datetime.now(timezone.utc) - datetime.fromisoformat(record.started_at)).total_seconds()
