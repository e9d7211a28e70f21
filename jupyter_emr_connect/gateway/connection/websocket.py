"""The one WebSocket of a gateway kernel: an explicit state machine with one place that sends and one that receives.

::

                   open()
        NEW ────────────────► CONNECTING ──── refused, gone ───► CLOSED (open() raises)
                                   │ upgraded
                                   ▼
             ┌───────────────► CONNECTED ────── close() ───────► CLOSED
             │ upgraded            │ dropped, or the peer is silent
             │                     ▼
             └─────────────── RECONNECTING ──── close() ───────► CLOSED
                                   │ 404, or out of time
                                   ▼
                                 GONE

The ``session_id`` stays the same over reconnections, so that the gateway replays what it buffered (reference 5.5), save
where two connections of one session could meet there (``handshake.py``). What is sent while there is no connection
waits in the send queue. Each state has one coroutine; only :meth:`KernelWebSocket._run` moves between them. What nobody
foresaw, in here or in whoever takes the messages, costs a connection and not the kernel: it is logged, and the
connection opened again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
import uuid
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp

from ...errors import EMRConnectError, GatewayError, KernelGone
from ...http.backoff import Backoff
from ...http.deadlines import within
from ...http.transport import WebSocket
from ...tasks import report_failure, watched
from ..failures import may_have_reached_gateway
from ..protocol.framing import BadFrame, Framing, Message, decode, encode
from ..rest import GatewayClient
from .handshake import hang_up, open_first
from .reachability import reachability_probe
from .send_queue import SendQueue
from .status import DEFECT_FIX, DEFECT_REASON, NOT_THERE, LinkState, LinkStatus, cause_of
from .tcp import QuickAck, now, silent_for
from .timings import DEFAULT_TIMINGS, ConnectionTimings

log = logging.getLogger(__name__)

RECONNECT_FOR_S = 24 * 3600.0
CLOSES_WITHIN_S = 1.0  # what has arrived is delivered so long at most, once the connection is to be closed
GATEWAY_LIMIT = 10 * 1024 * 1024  # what tornado takes unless told otherwise (websocket_max_message_size)
TAKEN = b"taken"
FAILED = "The connection of a kernel failed unexpectedly; it is opened again."
UNHEARD = "the kernel did not hear what was sent"


class KernelWebSocket:
    """Carries messages between a gateway kernel and its bridge. Lives on the gateway loop.

    ``on_message`` is awaited for each message in order, so that a slow receiver slows the gateway down; ``on_state`` is
    called with each new status; ``on_full`` with True when the send queue is full and with False when there is room
    again; ``on_too_large`` with a message over which the gateway hung up. ``may_rename`` says whether the kernel gives
    back what a gateway buffers; ``session_id`` is another process's, to go on where it left off; ``reconnect_for`` is
    in seconds.
    """

    def __init__(
        self,
        client: GatewayClient,
        kernel_id: str,
        *,
        on_message: Callable[[Message], Awaitable[None]],
        on_state: Callable[[LinkStatus], None],
        on_full: Callable[[bool], None],
        on_too_large: Callable[[Message], None],
        offer_v1: bool = True,
        may_rename: Callable[[], bool],
        session_id: str | None = None,
        reconnect_for: float = RECONNECT_FOR_S,
        timings: ConnectionTimings = DEFAULT_TIMINGS,
    ) -> None:
        self.session_id = session_id or uuid.uuid4().hex
        self.status = LinkStatus(LinkState.NEW)
        self.framing: Framing = "v1"
        self.bad_frames = 0
        self.send_queue = SendQueue(on_full)
        self._client = client
        self._kernel_id = kernel_id
        self._on_message = on_message
        self._on_state = on_state
        self._on_too_large = on_too_large
        self._large: Message | None = None
        self._may_rename = may_rename
        self._offer_v1 = offer_v1
        self._reconnect_for = reconnect_for
        self._timings = timings
        self._delivering = False
        self._winding_up: asyncio.Task[None] | None = None
        self._heard = 0.0
        self._answered = asyncio.Event()
        self._unheard = asyncio.Event()
        self._ws: WebSocket | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> LinkState:
        """Where the connection is in its life."""
        return self.status.state

    async def open(self) -> None:
        """Connect for the first time; raises the gateway's error. Afterwards the socket keeps itself connected.

        A gateway answers once the kernel is up, so the caller sets the deadline.
        """
        self._move(LinkState.CONNECTING)
        try:
            await self._connect(math.inf)
        except BaseException:
            self._move(LinkState.CLOSED)
            raise
        self._task = watched(asyncio.get_running_loop().create_task(self._run()))

    def send(self, message: Message, *, first: bool = False) -> None:
        """Queue a message; order is kept, but that ``first`` goes before all others."""
        self.send_queue.put(message, first=first)

    def change(self) -> None:
        """Go on over another connection and under another session: what is sent does not reach the kernel."""
        self.session_id = uuid.uuid4().hex
        self._unheard.set()

    async def close(self) -> None:
        """Close for good, from whatever state; when it returns it is closed, and nothing is delivered any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._winding_up is not None:  # the one that the task has left behind
            await asyncio.wait({self._winding_up}, timeout=CLOSES_WITHIN_S)
            self._winding_up.cancel()
            await asyncio.wait({self._winding_up})
        await hang_up(self._ws)
        self._ws = None
        if self.state is not LinkState.GONE:
            self._move(LinkState.CLOSED)

    def _move(self, state: LinkState, cause: str = "", reason: str = "", fix: str = "") -> None:
        if (state, cause, reason) == (self.status.state, self.status.cause, self.status.reason):
            return
        since = {"since": self.status.since} if state is self.status.state else {}
        self.status = LinkStatus(state, cause, reason, fix, **since)
        try:
            self._on_state(self.status)
        except Exception as error:
            report_failure(log, "A change of a kernel's connection could not be passed on.", error)

    async def _run(self) -> None:
        """Move between CONNECTED and RECONNECTING until the kernel is gone or :meth:`close` cancels this."""
        is_connected, pauses = True, Backoff(self._timings.first_pause_s, self._timings.last_pause_s)
        while True:
            try:
                if is_connected:
                    is_connected = False
                    await self._stay_connected()
                    pauses.reset()
                if not await self._come_back():
                    return
                is_connected = True
            except Exception as error:
                report_failure(log, FAILED, error)
                self._move(LinkState.RECONNECTING, "defect", DEFECT_REASON.format(type(error).__name__), DEFECT_FIX)
                await asyncio.sleep(pauses.next())

    async def _stay_connected(self) -> None:
        """Be connected until the connection is lost."""
        self._move(LinkState.CONNECTED)
        reason = await self._serve()
        large, self._large = self._large, None
        if large is not None:
            self._on_too_large(large)
        self._move(LinkState.RECONNECTING, "network", reason)

    async def _come_back(self) -> bool:
        """Connect again; returns False when the kernel is gone, or the time is over in which it is tried."""
        unheard = self.status.reason == UNHEARD
        try:
            await self._reconnect()
        except EMRConnectError as error:
            end = ("culled" if unheard else "restarted", NOT_THERE)
            cause, text = end if isinstance(error, KernelGone) else (cause_of(error, "unreachable"), error.message)
            self._move(LinkState.GONE, cause, text, error.fix or "")
            return False
        return True

    async def _connect(self, patience: float) -> None:
        attempt = partial(self._client.open_socket, self._kernel_id, offer_v1=self._offer_v1)
        again = self.state is LinkState.RECONNECTING and self._may_rename()
        sessions = [self.session_id, *([uuid.uuid4().hex] if again else [])]
        self._ws, self.session_id = await open_first(
            attempt, sessions, patience, second_after_s=self._timings.second_after_s
        )
        self.framing = "v1" if self._ws.protocol else "legacy"
        self._heard = now()

    async def _reconnect(self) -> None:
        """Try until it works; raises :class:`KernelGone` for a kernel that is no more, the last error at the end."""
        end = now() + self._reconnect_for
        pauses = Backoff(self._timings.first_pause_s, self._timings.last_pause_s, jitter=0.5)
        patience = Backoff(self._timings.first_attempt_s, self._timings.last_attempt_s)
        await asyncio.sleep(random.uniform(0, self._timings.first_pause_s))  # noqa: S311 - spreads load, hides nothing
        while True:
            try:
                await self._connect(patience.next())
            except (EMRConnectError, asyncio.TimeoutError) as error:
                failure = error if isinstance(error, EMRConnectError) else GatewayError("The gateway does not answer.")
                if isinstance(error, KernelGone) and await self._client.has_lost(self._kernel_id):
                    raise
                if may_have_reached_gateway(error) and self._may_rename():
                    self.session_id = uuid.uuid4().hex
            else:
                return
            if now() > end:
                raise failure
            self._move(LinkState.RECONNECTING, cause_of(failure, "network"), failure.message, failure.fix or "")
            reach = reachability_probe(self._client.target.url)
            if await reach.attempt():  # it can be reached, but something behind it is not well yet
                await asyncio.sleep(pauses.next())
            else:
                with contextlib.suppress(asyncio.TimeoutError):  # one more attempt then says why it was in vain
                    await within(max(end - now(), 1), reach.wait())
                pauses.reset()
                patience.reset()

    async def _serve(self) -> str:
        """Send and receive until one of them ends; returns why."""
        if (ws := self._ws) is None:
            raise AssertionError
        receiving = asyncio.ensure_future(self._receive(ws, self._winding_up))
        others = [asyncio.ensure_future(part) for part in (self._transmit(ws), self._watch(ws), self._listen())]
        try:
            done, _ = await asyncio.wait({receiving, *others}, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for part in others:
                part.cancel()
            self._ws = None
            self._winding_up = watched(asyncio.get_running_loop().create_task(self._wind_up(ws, receiving)))
            await asyncio.gather(*others, return_exceptions=True)

    async def _wind_up(self, ws: WebSocket, receiving: asyncio.Task[str]) -> None:
        """Let what has arrived be delivered before the connection is closed: it will not be sent again."""
        try:
            while self._delivering and not receiving.done():
                await asyncio.wait({receiving}, timeout=0.05)
        finally:
            receiving.cancel()
            await asyncio.wait({receiving})
            if not receiving.cancelled() and (error := receiving.exception()) is not None:
                report_failure(log, FAILED, error)
            await hang_up(ws)

    async def _receive(self, ws: WebSocket, before: asyncio.Task[None] | None) -> str:
        """Hand on what arrives: the only place that reads the WebSocket."""
        if before is not None:
            await asyncio.wait({before})
        acks = QuickAck(ws.get_extra_info("socket"))
        while True:
            acks.reading()
            frame = await ws.receive()
            self._heard = now()
            self._answered.set()
            if frame.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                try:
                    message = decode(frame.data, self.framing)
                    self._delivering = True
                    await self._on_message(message)
                except BadFrame:
                    self.bad_frames += 1
                finally:
                    self._delivering = False
            elif frame.type is aiohttp.WSMsgType.PING:
                with contextlib.suppress(ConnectionError, aiohttp.ClientError):  # lost, as the next frame says
                    await ws.pong(frame.data)
            elif frame.type is aiohttp.WSMsgType.PONG:
                if frame.data == TAKEN:
                    self._large = None
            else:
                return "the gateway closed the connection" if ws.close_code else "the connection was lost"

    async def _listen(self) -> str:
        self._unheard.clear()
        await self._unheard.wait()
        return UNHEARD

    async def _transmit(self, ws: WebSocket) -> str:
        """Write what is in the send queue: the only place that writes messages to the WebSocket."""
        while True:
            message = await self.send_queue.next()
            try:
                await self._be_sure(ws)
                if self.send_queue.take(message):
                    await self._write(ws, message)
            except (ConnectionError, aiohttp.ClientError):
                return "the connection was lost"

    async def _be_sure(self, ws: WebSocket) -> None:
        """Wait until a peer that was not heard lately answers, so that nothing is sent into a dead connection."""
        while silent_for(ws, self._heard) > self._timings.fresh_s:
            self._answered.clear()
            await ws.ping()
            with contextlib.suppress(asyncio.TimeoutError):
                await within(self._timings.ping_every_s, self._answered.wait())

    async def _write(self, ws: WebSocket, message: Message) -> None:
        frame = encode(message, self.framing)
        if len(frame) >= GATEWAY_LIMIT:
            self._large = message
        await (ws.send_str(frame) if isinstance(frame, str) else ws.send_bytes(frame))
        if self._large is message:
            # Frames are taken in order, so the answer to a ping behind this one says that it was not too large.
            await ws.ping(TAKEN)

    async def _watch(self, ws: WebSocket) -> str:
        """Notice a peer that is silently gone: it is pinged, and its silence measured while we do listen."""
        timings = self._timings
        pinged = looked = now()
        while True:
            # At whole multiples of the clock, so that all kernels do in one turn of the loop.
            await asyncio.sleep(timings.look_every_s - now() % timings.look_every_s)
            slept, looked = now() - looked > 3 * timings.look_every_s, now()
            if slept:  # this process or its machine did: what has arrived meanwhile is read first
                continue
            if not self._delivering and silent_for(ws, self._heard) > timings.silence_s:
                return "the gateway stopped answering"
            if now() - pinged >= timings.ping_every_s:
                pinged = now()
                try:
                    await ws.ping()
                except (ConnectionError, aiohttp.ClientError):
                    return "the connection was lost"
            error = self._client.target.auth.last_error  # they cannot be renewed, and are not needed yet
            self._move(LinkState.CONNECTED, *(("credentials", error.message, error.fix) if error else ()))
