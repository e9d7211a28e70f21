"""The kernel's WebSocket against peers that misbehave: it goes on, reconnects, or says that the kernel is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import WSMsgType, web

from jupyter_emr_connect.gateway.connection.reachability import EVERY_S, reachability_probe
from jupyter_emr_connect.gateway.connection.status import LinkState, LinkStatus
from jupyter_emr_connect.gateway.connection.timings import DEFAULT_TIMINGS, ConnectionTimings
from jupyter_emr_connect.gateway.connection.websocket import KernelWebSocket
from jupyter_emr_connect.gateway.protocol.framing import V1_PROTOCOL, Message, encode
from jupyter_emr_connect.gateway.rest import GatewayClient
from jupyter_emr_connect.gateway.target import GatewayTarget
from tests.free_ports import free_port

from .servers import HOST, serving, tcp_server

Script = Callable[[web.WebSocketResponse, int], Awaitable[None]]


def message(n: int) -> Message:
    return Message("shell", json.dumps({"msg_id": str(n), "msg_type": "test"}).encode(), b"{}", b"{}", b"{}")


@dataclass
class Peer:
    """A gateway that plays ``script`` on each connection; ``exists`` is what it says of the kernel."""

    script: Script
    protocols: tuple[str, ...] = (V1_PROTOCOL,)
    exists: bool = True
    down: bool = False
    torn: int = 0  # so many attempts after the first are cut in their midst
    slow: float = 0.0  # seconds until a connection is answered
    busy_with: str = ""  # a session that is not answered until its old connection is closed
    farewells: asyncio.Event = field(default_factory=asyncio.Event)
    sessions: list[str] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return web.Response(status=503)
        if request.path == "/api":
            return web.json_response({"version": "1.24.0", "gateway_version": "3.3.0"})
        if not self.exists:
            return web.json_response({"message": "Kernel does not exist: k"}, status=404)
        if not request.path.endswith("/channels"):
            return web.json_response({"execution_state": "idle"})
        if self.sessions and self.torn:
            self.torn -= 1
            assert request.transport
            request.transport.abort()
            return web.Response()
        if request.query["session_id"] == self.busy_with:
            await self.farewells.wait()
        await asyncio.sleep(self.slow)
        ws = web.WebSocketResponse(protocols=self.protocols, max_msg_size=0)
        await ws.prepare(request)
        self.sessions.append(request.query["session_id"])
        await self.script(ws, len(self.sessions))
        return ws


@dataclass
class Observed:
    messages: list[str] = field(default_factory=list)
    states: list[LinkState] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    async def message(self, got: Message) -> None:
        self.messages.append(got.msg_id)

    def state(self, status: LinkStatus) -> None:
        self.states.append(status.state)
        self.reasons.append(status.reason)

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(200):
            if condition():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(self)


async def converse(
    peer: Peer,
    then: Callable[[KernelWebSocket, Observed], Awaitable[None]],
    *,
    journal: bool = False,
    timings: ConnectionTimings = DEFAULT_TIMINGS,
    reconnect_for: float = 60.0,
    seen: Observed | None = None,
) -> Observed:
    seen = seen or Observed()
    async with serving(peer) as port:
        client = GatewayClient(GatewayTarget(f"http://{HOST}:{port}"), connect_timeout=2)
        link = KernelWebSocket(
            client,
            "k",
            on_message=seen.message,
            on_state=seen.state,
            on_full=lambda full: None,
            on_too_large=lambda got: None,
            may_rename=lambda: journal,
            timings=timings,
            reconnect_for=reconnect_for,
        )
        try:
            await link.open()
            await then(link, seen)
        finally:
            await link.close()
            await client.close()
    return seen


async def drain(ws: web.WebSocketResponse) -> None:
    async for _ in ws:
        pass


async def test_a_kernel_that_takes_long_to_come_up_is_waited_for() -> None:
    # A gateway opens the first WebSocket once the kernel is up; how long that may take, whoever starts it says.
    peer = Peer(drain_alone, slow=1.0)

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: LinkState.CONNECTED in seen.states)

    await converse(peer, then, timings=ConnectionTimings(last_attempt_s=0.1))
    assert len(peer.sessions) == 1


async def drain_alone(ws: web.WebSocketResponse, number: int) -> None:
    await drain(ws)


async def test_garbage_between_messages_is_passed_over() -> None:
    async def script(ws: web.WebSocketResponse, number: int) -> None:
        good = encode(message(1), "v1")
        assert isinstance(good, bytes)
        for frame in (b"", b"\xff" * 40, good[:20], good):
            await ws.send_bytes(frame)
        await ws.send_str("text")
        await ws.send_bytes(encode(message(2), "v1"))  # type: ignore[arg-type]
        await drain(ws)

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: seen.messages == ["1", "2"])
        assert link.bad_frames == 4
        assert link.state is LinkState.CONNECTED

    await converse(Peer(script), then)


async def test_a_dropped_connection_is_opened_again_under_the_same_session() -> None:
    async def script(ws: web.WebSocketResponse, number: int) -> None:
        await ws.send_bytes(encode(message(number), "v1"))  # type: ignore[arg-type]
        if number < 3:
            await asyncio.sleep(0.05)
            assert ws._req
            assert ws._req.transport
            ws._req.transport.abort()
        else:
            await drain(ws)

    peer = Peer(script)

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: seen.messages == ["1", "2", "3"])

    seen = await converse(peer, then)
    assert len(set(peer.sessions)) == 1
    assert seen.states.count(LinkState.RECONNECTING) == 2
    assert seen.states[-1] is LinkState.CLOSED


async def test_what_is_sent_while_the_line_is_down_goes_out_once_and_in_order() -> None:
    taken: list[str] = []

    async def script(ws: web.WebSocketResponse, number: int) -> None:
        if number == 1:
            peer.down = True
            await ws.close()
            return
        async for frame in ws:
            if frame.type is WSMsgType.BINARY:
                taken.append(frame.data.decode("latin1"))

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: link.state is LinkState.RECONNECTING)
        for n in range(20):
            link.send(message(n))
        peer.down = False
        await seen.until(lambda: len(taken) == 20)
        await asyncio.sleep(0.2)

    peer = Peer(script)
    await converse(peer, then)
    assert [json.dumps({"msg_id": str(n), "msg_type": "test"}) in text for n, text in enumerate(taken)] == [True] * 20


async def test_a_kernel_that_is_no_longer_there_is_gone() -> None:
    async def script(ws: web.WebSocketResponse, number: int) -> None:
        peer.exists = False
        await ws.close()

    peer = Peer(script)

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: link.state is LinkState.GONE)

    seen = await converse(peer, then)
    assert "no longer has the kernel" in seen.reasons[-1]


async def test_a_gateway_that_knows_no_newer_framing_gets_the_older() -> None:
    async def script(ws: web.WebSocketResponse, number: int) -> None:
        async for frame in ws:
            assert frame.type is WSMsgType.TEXT
            await ws.send_str(frame.data)

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        assert link.framing == "legacy"
        link.send(message(7))
        await seen.until(lambda: seen.messages == ["7"])

    await converse(Peer(script, protocols=()), then)


async def test_a_peer_that_falls_silent_is_noticed() -> None:
    """It answers no ping: its loop is stuck, or packets are dropped without a word."""

    async def script(ws: web.WebSocketResponse, number: int) -> None:
        if number == 1:
            await asyncio.sleep(60)
        await drain(ws)

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: LinkState.RECONNECTING in seen.states)

    timings = ConnectionTimings(look_every_s=0.3, ping_every_s=0.3, silence_s=0.8)
    seen = await converse(Peer(script), then, timings=timings)
    assert "stopped answering" in " ".join(seen.reasons)


@pytest.mark.slow
@pytest.mark.parametrize("journal", [True, False])
async def test_a_gateway_that_is_busy_with_a_dead_connection_is_asked_under_another_session(journal: bool) -> None:
    """Where the kernel itself remembers what the gateway buffers for the session; else it is waited for."""
    closed: list[int] = []

    async def script(ws: web.WebSocketResponse, number: int) -> None:
        if number == 1:
            peer.busy_with = peer.sessions[0]
            return
        await drain(ws)
        closed.append(number)

    peer = Peer(script)

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: LinkState.RECONNECTING in seen.states)
        if journal:
            await seen.until(lambda: link.state is LinkState.CONNECTED)
            assert link.session_id == peer.sessions[1] != peer.sessions[0]
        else:
            await asyncio.sleep(1)
            assert link.state is LinkState.RECONNECTING
        peer.farewells.set()
        await seen.until(lambda: link.state is LinkState.CONNECTED)
        if journal:  # the attempt before was not cut off, but let through and closed then
            await seen.until(lambda: closed == [3])
        assert len(peer.sessions) == 2 + journal
        assert peer.sessions[-1] == peer.sessions[0]

    await converse(peer, then, journal=journal)


@pytest.mark.parametrize("journal", [True, False])
async def test_an_attempt_that_was_cut_is_not_met_by_the_next_one(journal: bool) -> None:
    """The gateway may still open its end of it, and kernels hear but one connection of a session."""

    async def script(ws: web.WebSocketResponse, number: int) -> None:
        if number > 1:
            await drain(ws)

    peer = Peer(script, torn=1)

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: len(peer.sessions) == 2 and link.state is LinkState.CONNECTED)

    await converse(peer, then, journal=journal)
    assert (peer.sessions[0] != peer.sessions[1]) is journal


async def test_a_connection_that_can_be_had_again_keeps_its_session() -> None:
    """What the gateway has buffered for it is wanted: a gateway that is away has no end of an attempt."""

    async def script(ws: web.WebSocketResponse, number: int) -> None:
        if number > 1:
            await drain(ws)
        else:
            peer.down = True

    peer = Peer(script)

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: any("503" in reason for reason in seen.reasons))
        peer.down = False
        await seen.until(lambda: link.state is LinkState.CONNECTED)

    await converse(peer, then, journal=True)
    assert peer.sessions[0] == peer.sessions[1]


async def numbers(ws: web.WebSocketResponse, number: int) -> None:
    """Send a message every 10 ms."""
    for n in range(2000):
        await ws.send_bytes(encode(message(n), "v1"))  # type: ignore[arg-type]
        await asyncio.sleep(0.01)


@dataclass
class Failing(Observed):
    """Raises at some messages, and at some states."""

    at: tuple[str, ...] = ()
    at_states: tuple[LinkState, ...] = ()

    async def message(self, got: Message) -> None:
        await super().message(got)
        if got.msg_id in self.at:
            self.at = tuple(one for one in self.at if one != got.msg_id)
            text = f"a slip at message {got.msg_id}"
            raise RuntimeError(text)

    def state(self, status: LinkStatus) -> None:
        super().state(status)
        if status.state in self.at_states:
            text = f"a slip at state {status.state.value}"
            raise RuntimeError(text)


@pytest.mark.slow
async def test_a_slip_of_whoever_takes_messages_is_logged_and_costs_a_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    peer, seen = Peer(numbers), Failing(at=("5", "9"))

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: len(peer.sessions) == 3 and "20" in seen.messages)
        assert link.state is LinkState.CONNECTED

    await converse(peer, then, seen=seen)
    assert seen.states.count(LinkState.RECONNECTING) == 2
    assert "Something unexpected happened" in " ".join(seen.reasons)
    assert "a slip at message 5" in caplog.text
    assert len(set(peer.sessions)) == 1


async def test_a_slip_of_whoever_is_told_of_states_is_logged_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def script(ws: web.WebSocketResponse, number: int) -> None:
        if number > 1:
            await numbers(ws, number)

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: "9" in seen.messages)
        assert link.state is LinkState.CONNECTED

    await converse(Peer(script), then, seen=Failing(at_states=(LinkState.CONNECTED, LinkState.RECONNECTING)))
    assert "a slip at state reconnecting" in caplog.text


@pytest.mark.slow
async def test_a_network_that_never_comes_back_is_said_when_the_time_is_over() -> None:
    """No attempt is refused meanwhile that could say so: there is nothing that answers at all."""

    async def script(ws: web.WebSocketResponse, number: int) -> None:
        await left.wait()

    left = asyncio.Event()
    seen = Observed()
    async with serving(Peer(script)) as port:
        client = GatewayClient(GatewayTarget(f"http://{HOST}:{port}"), connect_timeout=2)
        link = KernelWebSocket(
            client,
            "k",
            on_message=seen.message,
            on_state=seen.state,
            on_full=lambda full: None,
            on_too_large=lambda got: None,
            may_rename=lambda: False,
            reconnect_for=1.0,
        )
        await link.open()
        left.set()
    await seen.until(lambda: link.state is LinkState.GONE)
    assert link.status.cause == "unreachable"
    assert "refused the connection" in link.status.reason
    await link.close()
    await client.close()


async def test_when_close_returns_the_connection_is_closed_and_nothing_is_delivered() -> None:
    closed: list[int] = []

    async def script(ws: web.WebSocketResponse, number: int) -> None:
        sending = asyncio.ensure_future(numbers(ws, number))
        await drain(ws)
        sending.cancel()
        closed.append(number)

    async def then(link: KernelWebSocket, seen: Observed) -> None:
        await seen.until(lambda: len(seen.messages) > 5)
        await link.close()
        assert closed == [1]
        count = len(seen.messages)
        await asyncio.sleep(0.2)
        assert len(seen.messages) == count

    await converse(Peer(script), then)


@pytest.mark.slow
async def test_attempts_to_reach_a_gateway_end_with_the_last_who_waits_for_it() -> None:
    port = free_port()
    probe = reachability_probe(f"http://{HOST}:{port}")
    waiting = [asyncio.ensure_future(probe.wait()) for _ in range(2)]
    await asyncio.sleep(0.1)
    waiting[0].cancel()
    await asyncio.sleep(0.1)
    assert not waiting[1].done()
    waiting[1].cancel()
    await asyncio.wait(waiting)

    connections: list[asyncio.StreamWriter] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.close()

    async with tcp_server(note, port):
        await asyncio.sleep(3 * EVERY_S)
        assert connections == []
        await probe.wait()
        assert connections
