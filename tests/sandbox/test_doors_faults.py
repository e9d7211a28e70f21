"""Every fault of the front doors does what `jupyter emr sandbox fault` says, and ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

import aiohttp
import psutil
import pytest
from aiohttp import ClientConnectorCertificateError, ClientConnectorError, ClientTimeout, WSMsgType

from tests.conftest import Sandbox
from tests.sandbox.doors import Door, doors, pair_of, printed, run

pytestmark = pytest.mark.sandbox

ENDED = (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR)


@pytest.fixture
def kernel(sandbox: Sandbox, kernel: tuple[Door, str]) -> Iterator[tuple[Door, str]]:
    """A kernel of the cluster without runtime roles; afterwards no fault is on."""
    yield kernel
    sandbox.fault("--off")


def here(sandbox: Sandbox, *words: str) -> None:
    sandbox.fault(*words, "--compute", "open")


async def ended(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Wait for the socket's end, past what was on its way before."""
    for _ in range(10):
        if (await socket.receive(timeout=60)).type in ENDED:
            return
    raise AssertionError


async def test_a_black_hole_takes_connections_and_answers_nothing(sandbox: Sandbox, kernel: tuple[Door, str]) -> None:
    door, kernel_id = kernel
    async with door.socket(kernel_id) as socket:
        await run(socket, "1")
        here(sandbox, "black-hole")
        late = asyncio.ensure_future(run(socket, "print('late')"))
        for url in (f"{door.base}/api", sandbox.compute("open")["livy_url"] + "/version"):
            async with aiohttp.ClientSession(timeout=ClientTimeout(total=1.5, connect=1.0)) as fresh:
                with pytest.raises(asyncio.TimeoutError):
                    await fresh.get(url)
        _, writer = await asyncio.open_connection(door.base[7:].partition(":")[0], 18888)
        writer.close()
        assert not late.done()
        here(sandbox, "black-hole", "--off")
        assert printed(await late) == "late\n", "what was held back flows when the black hole closes"
    assert (await door.ask("GET", "/api")).status == 200


async def test_cut_sockets_drops_every_connection_at_once(sandbox: Sandbox, kernel: tuple[Door, str]) -> None:
    door, kernel_id = kernel
    async with door.socket(kernel_id) as socket:
        await run(socket, "x = 5")
        here(sandbox, "cut-sockets")
        await ended(socket)
    async with door.socket(kernel_id) as socket:
        assert printed(await run(socket, "print(x)")) == "5\n"


async def test_a_killed_kernel_is_started_again_by_the_gateway(sandbox: Sandbox, kernel: tuple[Door, str]) -> None:
    door, kernel_id = kernel
    async with door.socket(kernel_id) as socket:
        await run(socket, "x = 5")
        here(sandbox, "kill-kernel")
        seen = ""
        while '"restarting"' not in seen:
            seen = str((await socket.receive(timeout=60)).data)
        assert (await door.ask("GET", f"/api/kernels/{kernel_id}")).status == 200


async def test_a_killed_gateway_loses_its_kernels_and_comes_back_at_the_next_use(
    sandbox: Sandbox, kernel: tuple[Door, str]
) -> None:
    door, kernel_id = kernel
    async with door.socket(kernel_id) as socket:
        pid = int(printed(await run(socket, "import os; print(os.getpid())")))
        here(sandbox, "kill-gateway")
        await ended(socket)
    again = await door.until("/api", lambda answer: answer.status == 200, seconds=60)
    assert again.status == 200
    assert (await door.ask("GET", f"/api/kernels/{kernel_id}")).status == 404
    assert (await door.ask("GET", "/api/kernels")).json == []
    assert not psutil.pid_exists(pid)


async def test_a_killed_livy_comes_back_without_its_sessions(sandbox: Sandbox, kernel: tuple[Door, str]) -> None:
    async with doors(sandbox, None, compute="open", port=8998) as (livy,):
        made = await livy.ask("POST", "/sessions", json={"kind": "pyspark"})
        assert made.status == 201
        here(sandbox, "kill-livy")
        back = await livy.until("/sessions", lambda answer: answer.status == 200, seconds=60)
        assert back.json == {"from": 0, "total": 0, "sessions": []}
        assert (await livy.ask("GET", f"/sessions/{made.json['id']}")).status == 404


async def test_slow_delays_each_request(sandbox: Sandbox, kernel: tuple[Door, str]) -> None:
    door, _ = kernel
    here(sandbox, "slow:700")
    begun = time.monotonic()
    assert (await door.ask("GET", "/api")).status == 200
    assert time.monotonic() - begun > 0.7
    here(sandbox, "slow", "--off")
    for _ in range(20):  # each would take that long still
        begun = time.monotonic()
        await door.ask("GET", "/api")
        if time.monotonic() - begun < 0.7:
            return
    pytest.fail("requests are slow still")


async def test_error_500_strikes_a_share_of_the_requests(sandbox: Sandbox, kernel: tuple[Door, str]) -> None:
    door, _ = kernel
    here(sandbox, "error-500", "--rate", "0.5")
    statuses = [(await door.ask("GET", "/api")).status for _ in range(60)]
    assert set(statuses) == {200, 500}


async def test_html_answers_as_some_other_server(sandbox: Sandbox, kernel: tuple[Door, str]) -> None:
    door, _ = kernel
    here(sandbox, "html")
    answer = await door.ask("GET", "/api")
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/html")


async def test_a_closed_port_refuses_and_opens_again_by_itself(sandbox: Sandbox, kernel: tuple[Door, str]) -> None:
    door, kernel_id = kernel
    async with door.socket(kernel_id) as socket:
        await run(socket, "1")
        here(sandbox, "no-gateway", "--for", "10")
        async with aiohttp.ClientSession() as fresh:
            with pytest.raises(ClientConnectorError):
                await fresh.get(f"{door.base}/api")
            async with fresh.get(sandbox.compute("open")["livy_url"] + "/version") as answer:
                assert answer.status == 200
        assert printed(await run(socket, "print('still here')")) == "still here\n"
        async with aiohttp.ClientSession() as fresh:
            for _ in range(60):
                with contextlib.suppress(ClientConnectorError):
                    async with fresh.get(f"{door.base}/api") as answer:
                        assert answer.status == 200
                        return
                await asyncio.sleep(0.5)
        pytest.fail("it stays closed")


async def test_a_bad_certificate_is_for_another_host(sandbox: Sandbox) -> None:
    pair = pair_of(sandbox, "EMRAnalyst")
    sandbox.fault("bad-certificate", "--compute", "analytics")
    with pytest.raises(ClientConnectorCertificateError, match="IP address mismatch"):
        async with doors(sandbox, pair) as _:
            pass
    await asyncio.sleep(0.1)
    sandbox.fault("bad-certificate", "--compute", "analytics", "--off")
    async with doors(sandbox, pair) as (door,):
        assert (await door.ask("GET", "/api")).status == 200


async def test_a_fault_on_one_cluster_leaves_the_other_alone(sandbox: Sandbox, kernel: tuple[Door, str]) -> None:
    door, _ = kernel
    sandbox.fault("error-500", "--compute", "analytics")
    assert (await door.ask("GET", "/api")).status == 200
    sandbox.fault("--off")


@pytest.mark.parametrize(
    "words", [["tea-time"], ["slow:soon"], ["html", "--compute", "nowhere"], ["throttle", "--option", "x"]]
)
def test_a_fault_that_cannot_be_is_refused_with_the_choice(sandbox: Sandbox, words: list[str]) -> None:
    done = sandbox.cli("sandbox", "fault", *words, "--name", sandbox.name)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2
    assert "Traceback" not in done.stderr


async def test_no_livy_session_outlives_its_kernel(sandbox: Sandbox, kernel: tuple[Door, str]) -> None:
    """A Spark kernel that is killed with its gateway cannot clean up; the door does."""
    door, _ = kernel
    kernel_id = await door.start("pysparkkernel")
    async with doors(sandbox, None, compute="open", port=8998) as (livy,), door.socket(kernel_id) as socket:
        assert "'hadoop'" in printed(await run(socket, "spark.sparkContext.sparkUser()"))
        assert [row["proxyUser"] for row in (await livy.ask("GET", "/sessions")).json["sessions"]] == ["hadoop"]
        here(sandbox, "kill-gateway")
        gone = await livy.until("/sessions", lambda answer: answer.json["total"] == 0, seconds=60)
        assert gone.json["total"] == 0


async def test_a_restarted_kernel_leaves_no_livy_session_behind(sandbox: Sandbox, kernel: tuple[Door, str]) -> None:
    door, _ = kernel
    kernel_id = await door.start("pysparkkernel")
    async with doors(sandbox, None, compute="open", port=8998) as (livy,), door.socket(kernel_id) as socket:
        await run(socket, "1")
        assert (await livy.ask("GET", "/sessions")).json["total"] == 1
        assert (await door.ask("POST", f"/api/kernels/{kernel_id}/restart")).status == 200
        gone = await livy.until("/sessions", lambda answer: answer.json["total"] == 0, seconds=60)
        assert gone.json["total"] == 0
        assert (await door.ask("DELETE", f"/api/kernels/{kernel_id}")).status == 204
