"""Starts on a gateway that is slow to answer: they wait for each other, and one that is given up leaves nothing."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from jupyter_emr_connect.errors import KernelspecMissing, KernelStartFailed
from jupyter_emr_connect.gateway.channels.bridge import Bridge
from jupyter_emr_connect.gateway.connection.status import LinkStatus
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.target import GatewayTarget
from jupyter_emr_connect.http.auth import NoAuth
from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.provisioning.kernel import GatewayKernel
from jupyter_emr_connect.provisioning.ledger_entry import LedgerEntry
from jupyter_emr_connect.provisioning.spec import Observe, StartSpec
from jupyter_emr_connect.provisioning.stages import StartStages
from jupyter_emr_connect.services.kernels.ownership import ownership
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.functional.gateway.servers import HOST, Handler, serving

SPECS = {"kernelspecs": {"python3": {"spec": {"language": "python"}}}}
LOG = logging.getLogger(__name__)


class SlowGateway:
    """Takes its time for each kernel, and then has none; counts how many are asked for at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.starting = asyncio.Event()
        self.most = self._running = 0

    async def __call__(self, request: web.Request) -> web.Response:
        self.asked.append(request.method)
        if request.method == "GET":
            return web.json_response(SPECS)
        if request.method == "DELETE":
            return web.json_response({"message": "Kernel does not exist: it"}, status=404)
        self.starting.set()
        self._running += 1
        self.most = max(self.most, self._running)
        await asyncio.sleep(0.5)
        self._running -= 1
        return web.json_response({"message": "no more room", "reason": ""}, status=500)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(Database(str(tmp_path / "state.sqlite")))


class Forgetful:
    """Starts a kernel, takes its WebSocket, and knows nothing of it a moment later, as one that was restarted."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.lost = True

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.method)
        if request.path.endswith("/kernelspecs"):
            return web.json_response(SPECS)
        if request.method == "POST":
            self.lost = False
            return web.json_response({}, status=201)
        if self.lost:
            return web.json_response({"message": "Kernel does not exist: it"}, status=404)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.lost = True
        await socket.close()
        return socket


class Mute:
    """Starts a kernel that nobody hears of; ``opens`` its WebSocket, or lets it wait."""

    def __init__(self, *, opens: bool) -> None:
        self.opens = opens
        self.started = 0
        self.deleted = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/kernelspecs"):
            return web.json_response(SPECS)
        if request.method == "POST":
            self.started += 1
            self.deleted = asyncio.Event()
            return web.json_response({}, status=201)
        if request.method == "DELETE":
            self.deleted.set()
            return web.Response(status=204)
        if not request.path.endswith("/channels"):
            return web.json_response({"execution_state": "starting"})
        socket = web.WebSocketResponse()
        deleted = self.deleted
        if self.opens:
            await socket.prepare(request)
        await deleted.wait()
        return socket if self.opens else web.Response(status=404)


@asynccontextmanager
async def kernels(
    gateway: Handler, ledger: Ledger, folder: Path, observe: Observe | None = None, *, ready_timeout: float = 60.0
) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Yield what starts a kernel on this gateway."""
    bridges = []
    owner = ownership(str(folder / "state.sqlite"))

    async def shut(restart: bool) -> None:
        raise AssertionError(restart)

    async def start(name: str, port: int, candidate: str) -> None:
        def told(status: LinkStatus) -> None:
            kernel.on_state(status)

        bridge = Bridge(key=b"", on_shutdown=shut, on_state=told, on_status=lambda state: None)
        bridges.append(bridge)
        spec = StartSpec(
            GatewayTarget(f"http://{HOST}:{port}", None, NoAuth(), "the test"),
            (candidate,),
            "-",
            spark=False,
            ready_timeout=ready_timeout,
        )
        record = KernelRecord(name, "j-1", "emr-python", spec.target.url)
        kernel = GatewayKernel(spec, bridge, LedgerEntry(record, ledger, owner, LOG), LOG, observe)
        await kernel.start(StartStages(lambda stage: None))

    try:
        async with serving(gateway) as port:
            yield lambda name, candidate="python3": gateway_loop().call(start(name, port, candidate))
    finally:
        for bridge in bridges:
            await gateway_loop().call(bridge.close())


@pytest.mark.slow
async def test_starts_on_one_gateway_wait_for_each_other(ledger: Ledger, tmp_path: Path) -> None:
    async with kernels(gateway := SlowGateway(), ledger, tmp_path) as start:
        starts = [asyncio.ensure_future(start(f"k{n}")) for n in range(3)]
        for one in starts:
            with pytest.raises(KernelStartFailed, match="could not start python3"):
                await one
    assert gateway.asked.count("POST") == 3
    assert gateway.most == 1


@pytest.mark.slow
async def test_a_start_given_up_while_it_waits_for_its_turn_leaves_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """Also no search for a kernel that was never asked for, which would outlive a process that ends."""
    async with kernels(gateway := SlowGateway(), ledger, tmp_path) as start:
        first, second = (asyncio.ensure_future(start(name)) for name in ("k1", "k2"))
        await asyncio.wait_for(gateway.starting.wait(), 10)
        await asyncio.sleep(0.1)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        await asyncio.sleep(0.2)
        assert not first.done()
        assert [one.kernel_id for one in ledger.all()] == ["k1"]
        assert "DELETE" not in gateway.asked
        with pytest.raises(KernelStartFailed):
            await first
        assert gateway.asked.count("POST") == 1


async def test_a_kernelspec_that_is_missing_is_said_before_anything_starts(ledger: Ledger, tmp_path: Path) -> None:
    async with kernels(gateway := SlowGateway(), ledger, tmp_path) as start:
        with pytest.raises(KernelspecMissing, match="does not offer the kernel scala; it has: python3"):
            await start("k1", "scala")
    assert gateway.asked == ["GET"]
    assert ledger.all() == []


@pytest.mark.slow
async def test_a_gateway_that_forgets_a_kernel_as_it_starts_is_asked_once_more(ledger: Ledger, tmp_path: Path) -> None:
    async with kernels(gateway := Forgetful(), ledger, tmp_path) as start:
        with pytest.raises(KernelStartFailed, match="died while it started on the test, 2 times"):
            await start("k1")
    assert gateway.asked.count("POST") == 2
    assert ledger.all() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("opens", "awaited"),
    [(False, "the gateway to open the kernel's connection"), (True, "the kernel's first answer")],
)
async def test_a_start_that_is_not_ready_in_time_says_what_it_waited_for(
    ledger: Ledger, tmp_path: Path, opens: bool, awaited: str
) -> None:
    async with kernels(gateway := Mute(opens=opens), ledger, tmp_path, ready_timeout=1.0) as start:
        with pytest.raises(KernelStartFailed, match=f"'kernel ready': still waiting for {awaited} after 1 s"):
            await start("k1")
        assert gateway.deleted.is_set()
        assert gateway.started == (1 if opens else 2)


@pytest.mark.slow
async def test_what_an_earlier_process_recorded_is_read_beside_the_loop(ledger: Ledger, tmp_path: Path) -> None:
    """It may be hundreds of megabytes, for which the other kernels would stand still."""
    seen: list[tuple[str, bool, int]] = []

    def observe(kernel_id: str, publish: object) -> None:
        seen.append((kernel_id, threading.get_ident() == gateway_loop()._thread.ident, len(gateway.asked)))

    async with kernels(gateway := SlowGateway(), ledger, tmp_path, observe) as start:
        with pytest.raises(KernelStartFailed):
            await start("k1")
    assert seen == [("k1", False, 0)]
