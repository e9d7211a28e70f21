"""One gateway kernel from its request to its end: started, watched, restarted, deleted. Lives on the gateway loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..errors import EMRConnectError, GatewayError, GatewayUnreachable, KernelGone, KernelStartFailed
from ..gateway.bridge import Bridge
from ..gateway.client import LAUNCH_PAD, REMOVE_EVERY, GatewayClient, missing_kernelspec
from ..gateway.deadline import within
from ..gateway.loop import gateway_loop
from ..gateway.state import LinkState, LinkStatus
from ..gateway.target import GatewayTarget
from ..models import KernelRecord
from ..services.stages import LINE, READY, REQUESTED
from .interrupting import RESTART_OWED, Interrupts, drop_unsent, is_up, line_returns
from .kernelspecs import choose
from .stages import Stages

if TYPE_CHECKING:
    from ..store.ledger import Ledger

CHECK_EVERY = 15.0
DELETE_WITHIN = 20.0


@dataclass(frozen=True)
class Order:
    """What to start, where: the target, our kernelspec's wishes, and how the ledger shall know it."""

    target: GatewayTarget
    record: KernelRecord
    candidates: tuple[str, ...]
    language: str
    spark: bool
    offer_v1: bool = True
    env: dict[str, str] = field(default_factory=dict, repr=False)
    connect_timeout: float = 10.0
    launch_timeout: float = 120.0
    ready_timeout: float = 60.0


class RemoteKernel:
    """A kernel on a gateway. ``exit_code`` is None while it lives; ``reason`` says why it no longer does."""

    def __init__(self, order: Order, bridge: Bridge, ledger: Ledger, log: logging.Logger | Any) -> None:
        self.order = order
        self.kernel_id = str(uuid.uuid4())
        self.reason = ""
        self._exit_code: int | None = None
        self._changed = asyncio.Event()
        self.restart_pending = False
        self._bridge = bridge
        self._ledger = ledger
        self._log = log
        self._client = GatewayClient(order.target, connect_timeout=order.connect_timeout)
        self._requested = False
        self._died = asyncio.Event()
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

    async def start(self, stages: Stages) -> None:
        """Request the kernel and wait until it answers; on any failure, or if cancelled, nothing is left of it."""
        self._starting = asyncio.current_task()
        self._settled.clear()
        try:
            stages.enter(REQUESTED)
            await stages.bounded(self._request(), self.order.launch_timeout + 2 * LAUNCH_PAD)
            stages.enter(READY)
            await stages.bounded(self._connect(), self.order.ready_timeout)
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
        await self._note(self._ledger.update, self.kernel_id, state="connected")
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def _request(self) -> None:
        order = self.order
        offered = await self._client.kernelspecs()
        name = choose(offered, order.candidates, order.language, spark=order.spark)
        if name is None:
            raise missing_kernelspec(order.candidates, offered, order.target)
        record = replace(order.record, kernel_id=self.kernel_id, gateway_url=order.target.url)
        # Before the gateway is asked, so that a crash between the two cannot lose a kernel.
        await asyncio.to_thread(self._ledger.add, record)
        self._requested = True
        await self._client.start_kernel(name, order.env, kernel_id=self.kernel_id, launch_timeout=order.launch_timeout)

    async def _connect(self) -> None:
        opening = asyncio.ensure_future(self._open())
        dying = asyncio.ensure_future(self._died.wait())
        checking = asyncio.ensure_future(self._check_alive())
        try:
            await asyncio.wait({opening, dying, checking}, return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                opening.result()
                return
            message = f"The kernel died while it started on {self.order.target.label}."
            raise KernelStartFailed(message, fix="See the kernel's output in the gateway's log.")
        finally:
            for task in (opening, dying, checking):
                task.cancel()
            await asyncio.gather(opening, dying, checking, return_exceptions=True)

    async def _open(self) -> None:
        await self._bridge.connect(self._client, self.kernel_id, offer_v1=self.order.offer_v1)
        await self._bridge.ready()

    async def _check_alive(self) -> None:
        """Return when the gateway says that the kernel is no more; for the time before the WebSocket opens."""
        while True:
            await asyncio.sleep(1)
            with contextlib.suppress(EMRConnectError):
                try:
                    model = await self._client.kernel(self.kernel_id)
                except KernelGone:
                    return
                if model.get("execution_state") == "dead":
                    return

    async def _watch(self) -> None:
        """Notice a kernel that someone else deleted or the gateway culled: its WebSocket just stays silent."""
        while self.exit_code is None:
            await asyncio.sleep(CHECK_EVERY)
            try:
                await self._client.kernel(self.kernel_id)
            except KernelGone:
                self.lost("The gateway deleted the kernel (idle for too long, or shut down by someone else).")
            except EMRConnectError as error:
                self._log.debug("%s", error.message)

    def on_status(self, state: str) -> None:
        """React to what the gateway says of the kernel's process."""
        if self.restart_pending:
            return
        if state == "starting":
            if self._watching is not None:  # the gateway has restarted it
                gateway_loop().keep(self._meet_again())
            return
        if self._watching is None:
            self._died.set()
        elif state == "dead":
            self.lost("The kernel died, and the gateway gave up restarting it.")
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
        elif status.state is LinkState.GONE:
            self.lost(status.reason)

    def lost(self, reason: str) -> None:
        """Take note that the kernel is no more, and tell whoever waits for it."""
        if self.exit_code is not None:
            return
        self.exit_code, self.reason = 1, reason
        self._log.error("Kernel %s is gone: %s", self.kernel_id, reason)
        self._bridge.abandon("error", "KernelGone", reason)
        self._bridge.publish("stream", {"name": "stderr", "text": f"The kernel is gone: {reason}\n"})
        gateway_loop().keep(self.end())

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

    async def restart(self, stages: Stages) -> None:
        """Restart the kernel in place: its id and the WebSocket stay. A line that is down is waited for."""
        self._interrupts.drop()
        drop_unsent(self._bridge, "aborted")
        self._bridge.abandon("aborted")
        timeout = self.order.launch_timeout + LAUNCH_PAD
        if not is_up(self._bridge):
            stages.enter(LINE)
            self._bridge.publish("stream", {"name": "stderr", "text": RESTART_OWED})
            await stages.bounded(line_returns(self._bridge), timeout)
        stages.enter(REQUESTED)
        await stages.bounded(self._client.restart(self.kernel_id, timeout=timeout), timeout)
        stages.enter(READY)
        await stages.bounded(self._bridge.ready(), self.order.ready_timeout)
        stages.end()
        self.restart_pending, self.exit_code = False, None

    def pause_for_restart(self) -> None:
        """Look dead until :meth:`restart`, as a local kernel's process is between its two lives."""
        self.restart_pending, self.exit_code = True, 0

    async def end(self) -> None:
        """Delete the kernel, once, however often this is called; afterwards ``exit_code`` is set."""
        if self._starting is not None and not self._settled.is_set():
            # The start given up knows what may yet come up, and removes it; deleting now would be too early.
            self._starting.cancel()
            await self._settled.wait()
        if self._ending is None:
            self._ending = gateway_loop().keep(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        self._interrupts.drop()
        if self._watching is not None:
            self._watching.cancel()
        try:
            await within(DELETE_WITHIN, self._client.delete(self.kernel_id))
            await self._note(self._ledger.remove, self.kernel_id)
        except (EMRConnectError, asyncio.TimeoutError) as error:
            self._log.warning("Kernel %s could not be deleted: %s", self.kernel_id, str(error) or "no answer in time")
        finally:
            self.exit_code = self.exit_code or 0
            self.restart_pending = False
            await self._leave()

    async def _discard(self, error: BaseException) -> None:
        """Remove what a failed start may have left, or may yet bring up."""
        if self._requested:
            answered = isinstance(error, GatewayError) and not isinstance(error, GatewayUnreachable)
            within = REMOVE_EVERY if answered else self.order.launch_timeout + LAUNCH_PAD
            if await self._client.remove_late(self.kernel_id, within=within):
                await self._note(self._ledger.remove, self.kernel_id)
        await self._leave()

    async def _leave(self) -> None:
        if self._bridge.kernel_id == self.kernel_id and self._bridge.link is not None:
            await self._bridge.link.close()
        await self._client.close()

    async def _note(self, action: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Write to the ledger; a kernel that works is not given up because a file cannot be written."""
        try:
            await asyncio.to_thread(action, *args, **kwargs)
        except RuntimeError:  # the process is ending, and threads are no longer started
            action(*args, **kwargs)
        except EMRConnectError as error:
            self._log.warning("The ledger of kernels could not be written: %s", error)
