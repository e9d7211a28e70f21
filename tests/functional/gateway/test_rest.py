"""The REST client: what a gateway answers becomes our errors; credentials are renewed; starts leave nothing."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from jupyter_emr_connect.errors import (
    GatewayError,
    GatewayRefused,
    GatewayUnreachable,
    KernelGone,
    KernelStartFailed,
    NotAGateway,
)
from jupyter_emr_connect.gateway.rest import GatewayClient
from jupyter_emr_connect.gateway.target import GatewayTarget
from jupyter_emr_connect.http.auth import Auth, FixedAuth, HTTPRequest, NoAuth
from tests.stopping import stop_serving

from .servers import HOST, serving

ONE_EACH = "A max kernels per user limit has been set to 1 and user 'u' currently has 1 active and pending kernel."
TRACE = {"message": "Unhandled error", "reason": None, "traceback": 'Traceback (most recent call last)\n File "x"'}


def forbidden(message: str) -> web.Response:
    return web.json_response({"reason": "Forbidden", "message": message}, status=403)


@dataclass
class Renewable(FixedAuth):
    """Credentials that are good from the second time on."""

    renewed: int = 0

    async def prepare(self, request: HTTPRequest) -> HTTPRequest:
        return request.with_header("Authorization", f"token {self.renewed}")

    async def renew(self, refused: HTTPRequest) -> None:
        assert refused == await self.prepare(refused)
        self.renewed += 1


@dataclass
class Script:
    """Answers in turn, the last one for ever; keeps what was asked."""

    answers: list[web.Response | Exception]
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.path, body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            assert request.transport
            request.transport.abort()
            raise answer
        return web.Response(status=answer.status, body=answer.body, headers={"Content-Type": "application/json"})


def client(port: int, auth: Auth | None = None) -> GatewayClient:
    return GatewayClient(GatewayTarget(f"http://{HOST}:{port}", None, auth or NoAuth(), "the test"), request_timeout=30)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (web.json_response({"reason": "Unauthorized", "message": ""}, status=401), GatewayRefused, "401"),
        (web.json_response({"reason": "Forbidden", "message": ""}, status=403), GatewayRefused, "403"),
        (web.json_response(TRACE, status=500), GatewayError, "Unhandled error"),
        (web.Response(status=503, text="<html>busy"), GatewayUnreachable, "503"),
        (web.json_response({"message": "Kernel does not exist: x"}, status=404), KernelGone, "no longer exists"),
        (web.Response(status=404, text="<html>nothing here"), NotAGateway, "no gateway at this path"),
        (web.Response(status=302), NotAGateway, "elsewhere"),
        (web.Response(text="<html>hello"), NotAGateway, "no Jupyter Enterprise Gateway"),
    ],
)
async def test_each_answer_becomes_its_error(answer: web.Response, kind: type[GatewayError], says: str) -> None:
    async with serving(Script([answer])) as port:
        gateway = client(port)
        with pytest.raises(kind, match=says) as caught:
            await gateway.kernel("x")
        await gateway.close()
    assert type(caught.value) is kind
    assert "Traceback" not in str(caught.value)


async def test_a_refusal_renews_once_and_repeats() -> None:
    auth = Renewable()

    async def need_new(request: web.Request) -> web.Response:
        good = request.headers["Authorization"] == "token 1"
        return web.json_response({"execution_state": "idle"}) if good else web.Response(status=401)

    async with serving(need_new) as port:
        gateway = client(port, auth)
        assert (await gateway.kernel("x"))["execution_state"] == "idle"
        await gateway.close()
    assert auth.renewed == 1


async def test_a_refusal_that_stays_is_not_asked_for_ever() -> None:
    auth, script = Renewable(), Script([web.Response(status=403)])
    async with serving(script) as port:
        gateway = client(port, auth)
        with pytest.raises(GatewayRefused):
            await gateway.kernel("x")
        await gateway.close()
    assert (auth.renewed, len(script.asked)) == (1, 2)


async def test_a_lost_connection_and_a_busy_gateway_are_asked_again_for_what_is_safe() -> None:
    script = Script([ConnectionError(), web.Response(status=502), web.json_response({"execution_state": "idle"})])
    async with serving(script) as port:
        gateway = client(port)
        assert await gateway.kernel("x")
        await gateway.close()
    assert len(script.asked) == 3


async def test_a_restart_is_never_repeated() -> None:
    script = Script([web.Response(status=502)])
    async with serving(script) as port:
        gateway = client(port)
        with pytest.raises(GatewayUnreachable):
            await gateway.restart("x", timeout=30)
        await gateway.close()
    assert len(script.asked) == 1


async def test_a_start_sends_its_own_id_and_always_an_environment() -> None:
    script = Script([web.json_response({"id": "k1"}, status=201)])
    async with serving(script) as port:
        gateway = client(port)
        await gateway.start_kernel("python3", {}, kernel_id="k1", launch_timeout=60)
        await gateway.close()
    ((method, _, body),) = script.asked
    assert method == "POST"
    assert body == {"name": "python3", "env": {"KERNEL_ID": "k1", "KERNEL_LAUNCH_TIMEOUT": "60"}}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (forbidden("Resource Limit"), "as many kernels"),
        (forbidden("A max kernels limit has been set to 2 and there are currently 2 active and pending"), "2 active"),
        (forbidden(ONE_EACH), "user 'u' currently has 1"),
        (forbidden("User 'u' is not authorized to start kernels. Ensure KERNEL_USERNAME is set"), "kernels. Choose"),
        (
            forbidden("User 'u' is not in the set of users authorized to start kernel 'Spark'. Ensure"),
            "'Spark'. Choose",
        ),
        (web.json_response(TRACE, status=500), "could not start python3"),
    ],
)
async def test_a_start_that_fails_says_why_after_one_request(answer: web.Response, says: str) -> None:
    script = Script([answer])
    async with serving(script) as port:
        gateway = client(port)
        with pytest.raises(KernelStartFailed, match=says) as caught:
            await gateway.start_kernel("python3", {}, kernel_id="k1", launch_timeout=60)
        await gateway.close()
    assert len(script.asked) == 1
    if answer.status == 403:
        assert "KERNEL_USERNAME" not in str(caught.value)
        assert "credentials" not in str(caught.value.fix)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [ConnectionError(), web.Response(status=504)])
async def test_a_kernel_whose_request_was_lost_is_waited_for(lost: web.Response | Exception) -> None:
    unknown = {"message": "Kernel does not exist: k1"}
    script = Script([lost, web.json_response(unknown, status=404), web.json_response({"execution_state": "starting"})])
    async with serving(script) as port:
        gateway = client(port)
        await gateway.start_kernel("python3", {}, kernel_id="k1", launch_timeout=60)
        await gateway.close()
    assert [method for method, *_ in script.asked] == ["POST", "GET", "GET"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "waited_for"), [(web.Response(status=503), False), (web.Response(status=504), True), (OSError(), True)]
)
async def test_a_kernel_that_does_not_come_is_not_waited_for_in_vain_or_for_ever(
    answer: web.Response | Exception, waited_for: bool
) -> None:
    script = Script([answer])
    async with serving(script) as port:
        gateway = client(port)
        with pytest.raises(GatewayUnreachable):
            await gateway.start_kernel("python3", {}, kernel_id="k1", launch_timeout=0.5)
        await gateway.close()
    assert [method for method, *_ in script.asked].count("POST") == 1
    assert (len(script.asked) > 1) is waited_for


@pytest.mark.slow
async def test_a_late_kernel_is_found_and_deleted() -> None:
    """The gateway knows nothing of it at first: it is still coming up."""
    unknown = {"message": "Kernel does not exist: k1"}
    answers = [web.json_response(unknown, status=404), web.Response(status=404), web.Response(status=204)]
    script = Script(answers)
    async with serving(script) as port:
        gateway = client(port)
        assert await gateway.remove_late("k1", within=10)
        await gateway.close()
    assert [(method, path) for method, path, _ in script.asked] == [("DELETE", "/api/kernels/k1")] * 3


HOST_NAME_AT_EXIT = """
import asyncio, atexit, json, sys
from jupyter_emr_connect.gateway.rest import GatewayClient
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.target import GatewayTarget
loop = gateway_loop()
gateway = GatewayClient(GatewayTarget("http://localhost:{port}"))
loop.submit(gateway.delete("first")).result(10)
async def last():
    await asyncio.sleep(0.1)
    await gateway.delete("last")
    await gateway.close()
loop.at_exit(gateway, last)
"""


async def test_the_end_of_the_process_still_reaches_a_gateway_by_its_name() -> None:
    asked = []

    async def note(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=204, headers={"Connection": "close"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", note)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        code = HOST_NAME_AT_EXIT.format(port=runner.addresses[0][1])
        command = [sys.executable, "-c", code]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=60, env=dict(os.environ)
        )
    finally:
        await stop_serving(runner)
    assert asked == ["/api/kernels/first", "/api/kernels/last"], done.stderr


def test_a_fork_gets_a_loop_of_its_own() -> None:
    code = """
import os, asyncio
from jupyter_emr_connect.gateway.event_loop import gateway_loop
parent = gateway_loop()
parent.submit(asyncio.sleep(0)).result(30)
pid = os.fork()
if pid == 0:
    own = gateway_loop()
    own.submit(asyncio.sleep(0)).result(30)
    os._exit(0 if own is not parent else 1)
assert os.waitpid(pid, 0)[1] == 0
parent.submit(asyncio.sleep(0)).result(30)
print(json.dumps("both")) if (json := __import__("json")) else None
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == "both"
