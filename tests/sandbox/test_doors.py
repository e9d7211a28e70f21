"""The front doors as a client meets them: credentials, TLS, streaming, WebSockets, and every fault."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import psutil
import pytest
from aiohttp import ClientConnectorCertificateError, ServerDisconnectedError, WSMsgType

from jupyter_emr_connect.gateway.protocol.framing import Message, decode, encode
from jupyter_emr_connect.sandbox.frontdoor.peers import NOT_YOURS, tells_users
from tests.conftest import Sandbox
from tests.otheruser import IMPOSSIBLE, NOBODY, WHY, asked_by
from tests.sandbox.doors import V1, Answer, Door, doors, entered, execute_request, lent_kernel, pair_of, printed, run

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def analyst(sandbox: Sandbox) -> tuple[str, str]:
    return pair_of(sandbox, "EMRAnalyst")


@pytest.fixture(scope="module")
def kernel_id(sandbox: Sandbox) -> Iterator[str]:
    """A Python kernel on the cluster without runtime roles, for all tests of this module."""
    yield from lent_kernel(sandbox, compute="open")


@pytest.fixture
def kernel(sandbox: Sandbox, kernel_id: str, jp_asyncio_loop: Any) -> Iterator[tuple[Door, str]]:
    for (door,) in entered(jp_asyncio_loop, doors(sandbox, None, compute="open")):
        yield door, kernel_id


@pytest.mark.parametrize("port", [18888, 8998])
async def test_without_a_pair_the_door_asks_for_one(sandbox: Sandbox, port: int) -> None:
    async with doors(sandbox, None, port=port) as (door,):
        answer = await door.ask("GET", "/api")
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("header", ["Basic !!!", "Basic ZW1y", "Basic ZW1yOng=", "token abc", "Bearer abc", "Basic "])
async def test_anything_but_a_good_pair_is_refused(sandbox: Sandbox, header: str) -> None:
    async with doors(sandbox, None) as (door,):
        assert (await door.ask("GET", "/api/kernels", headers={"Authorization": header})).status == 401
        assert (await door.ask("GET", "/api/kernels?token=abc")).status == 401


async def test_an_expired_pair_is_refused_with_403_and_its_socket_lives_on(sandbox: Sandbox) -> None:
    pair = pair_of(sandbox, "EMREngineer")
    async with doors(sandbox, pair) as (door,):
        kernel_id = await door.start()
        async with door.socket(kernel_id) as socket:
            sandbox.fault("expire-pairs", "--compute", "analytics")
            assert (await door.ask("GET", "/api/kernels")).status == 403
            assert printed(await run(socket, "print(6 * 7)")) == "42\n"
    async with doors(sandbox, pair_of(sandbox, "EMREngineer")) as (door,):
        assert (await door.ask("DELETE", f"/api/kernels/{kernel_id}")).status == 204


async def test_tls_is_the_clusters_own(sandbox: Sandbox) -> None:
    url = sandbox.compute("analytics")["gateway_url"]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ClientConnectorCertificateError):
            await session.get(f"{url}/api", ssl=ssl.create_default_context())
        with pytest.raises((ServerDisconnectedError, ConnectionResetError, aiohttp.ClientOSError)):
            await session.get(f"{url.replace('https', 'http')}/api")
    await asyncio.sleep(0.1)


async def test_the_certificate_carries_the_address_and_the_private_name(sandbox: Sandbox) -> None:
    from cryptography import x509

    host = sandbox.compute("analytics")["gateway_url"].removeprefix("https://").rpartition(":")[0]
    pem = await asyncio.to_thread(ssl.get_server_certificate, (host, 18888))
    names = x509.load_pem_x509_certificate(pem.encode()).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [str(address) for address in names.value.get_values_for_type(x509.IPAddress)] == [host]
    assert names.value.get_values_for_type(x509.DNSName) == [f"ip-{host.replace('.', '-')}.ec2.internal"]


async def test_v1_framing_is_negotiated_end_to_end(kernel: tuple[Door, str]) -> None:
    door, kernel_id = kernel
    async with door.socket(kernel_id, v1=True) as socket:
        assert socket.protocol == V1
        request = execute_request("1")
        parts = [json.dumps(request[name]).encode() for name in ("header", "parent_header", "metadata", "content")]
        await socket.send_bytes(bytes(encode(Message("shell", *parts), "v1")))
        answer = await socket.receive(timeout=60)
        assert answer.type is WSMsgType.BINARY
        assert decode(answer.data, "v1").channel in ("shell", "iopub")
    async with door.socket(kernel_id) as socket:
        assert socket.protocol is None
        assert await run(socket, "1")


async def test_pings_and_close_codes_pass(kernel: tuple[Door, str]) -> None:
    door, kernel_id = kernel
    async with door.socket(kernel_id) as socket:
        await run(socket, "1")
        await socket.ping(b"are you there")
        assert printed(await run(socket, "print('yes')")) == "yes\n"
        await socket.close(code=4711, message=b"bye")
        assert socket.close_code == 4711
    gone = await door.until(f"/api/kernels/{kernel_id}", lambda answer: answer.json["connections"] == 0, seconds=10)
    assert gone.json["connections"] == 0


@pytest.mark.parametrize("down", [60_000_000, pytest.param(200_000_000, marks=pytest.mark.full)])
async def test_large_messages_pass_both_ways(kernel: tuple[Door, str], down: int) -> None:
    door, kernel_id = kernel
    up = 9_000_000  # JEG's Tornado takes 10 MiB a message
    async with door.socket(kernel_id) as socket:
        assert printed(await run(socket, f"print(len({'x' * up!r}))")) == f"{up}\n"
        messages = await run(socket, f"import sys; n = sys.stdout.write('y' * {down})")
        assert max(len(one["content"]["text"]) for one in messages if one["msg_type"] == "stream") == down


async def test_a_reader_that_stops_holds_the_kernel_back_not_the_doors_memory(
    sandbox: Sandbox, kernel: tuple[Door, str]
) -> None:
    door, kernel_id = kernel
    before = supervisor_rss(sandbox)
    async with door.socket(kernel_id) as socket:
        await run(socket, "1")
        stopped = socket._response.connection.transport  # type: ignore[union-attr]
        stopped.pause_reading()
        await socket.send_str(json.dumps(execute_request("for _ in range(40): print('z' * 5_000_000)")))
        for state in ("busy", "idle"):  # idle: the gateway has it all
            await door.until(f"/api/kernels/{kernel_id}", is_in(state))
        await asyncio.sleep(2)
        after = supervisor_rss(sandbox)
        stopped.abort()
    assert after - before < 60, "a door holds a few megabytes per socket, never the 200 MB that were printed"


def is_in(state: str) -> Callable[[Answer], bool]:
    return lambda answer: bool(answer.json["execution_state"] == state)


def supervisor_rss(sandbox: Sandbox) -> float:
    """Return the memory of the process that the doors live in, in MB."""
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = process.info["cmdline"] or []
        runtime = (process.info["environ"] or {}).get("JUPYTER_RUNTIME_DIR")
        if (
            words[-1:] == ["jupyter_emr_connect.sandbox.supervisor.start"]
            and runtime == sandbox.env["JUPYTER_RUNTIME_DIR"]
        ):
            return float(process.memory_info().rss) / 1e6
    raise AssertionError("no supervisor")


async def test_a_plain_cluster_takes_anyone_as_hadoop(kernel: tuple[Door, str]) -> None:
    door, kernel_id = kernel
    async with door.socket(kernel_id) as socket:
        code = "import os; print(os.environ['KERNEL_USERNAME'])"
        assert printed(await run(socket, code)) == "hadoop\n"


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "null"])
async def test_a_start_that_is_not_json_is_refused(kernel: tuple[Door, str], body: str) -> None:
    door, _ = kernel
    answer = await door.ask("POST", "/api/kernels", data=body)
    assert answer.status == 400
    assert answer.json["reason"]


@pytest.mark.parametrize("env", [[], "x", {"KERNEL_ID": 7}, {"KERNEL_X": None}, {"KERNEL_ID": "no-uuid"}])
async def test_the_gateway_itself_refuses_a_bad_environment(kernel: tuple[Door, str], env: Any) -> None:
    door, kernel_id = kernel
    answer = await door.ask("POST", "/api/kernels", json={"name": "python3", "env": env})
    assert answer.status in (400, 500)
    assert {row["id"] for row in (await door.ask("GET", "/api/kernels")).json} >= {kernel_id}


async def test_a_missing_kernelspec_leaves_no_kernel_and_a_free_id(kernel: tuple[Door, str]) -> None:
    door, _ = kernel
    wanted = "0f5d4c33-6a53-4a3c-8d3e-0123456789ab"
    body = {"name": "nothing", "env": {"KERNEL_ID": wanted}}
    assert (await door.ask("POST", "/api/kernels", json=body)).status >= 400
    assert await door.start(KERNEL_ID=wanted) == wanted
    assert (await door.ask("DELETE", f"/api/kernels/{wanted}")).status == 204


@pytest.mark.skipif(IMPOSSIBLE or not tells_users(), reason=WHY)
def test_another_users_process_runs_nothing_on_open(sandbox: Sandbox, on_gateway: Callable[[], set[str]]) -> None:
    """The cluster that asks nobody for a pair; its ports are the real ones, and everybody's to connect to."""
    gateway, livy = (str(sandbox.compute("open")[name]) for name in ("gateway_url", "livy_url"))
    for url, body in ((f"{gateway}/api/kernels", '{"name": "python3"}'), (f"{livy}/sessions", '{"kind": "pyspark"}')):
        assert asked_by(os.geteuid(), url) == "200"
        for asked in (asked_by(NOBODY, url), asked_by(NOBODY, url, body)):
            assert asked.startswith("403")
            assert NOT_YOURS in asked
    assert on_gateway() == set()
