"""Credentials in mid-use: kept fresh under an open WebSocket, renewed when refused, and tried for on after failures."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from jupyter_emr_connect.aws.session import forget, open_session
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import (
    AWSUnavailable,
    CredentialsExpired,
    GatewayRefused,
    InvalidCredentials,
    RoleDenied,
    Throttled,
)
from jupyter_emr_connect.gateway.rest import GatewayClient
from jupyter_emr_connect.gateway.target import GatewayTarget
from jupyter_emr_connect.services.compute.lookup import find
from jupyter_emr_connect.services.credentials.gateway_secrets import RenewingPairAuth
from jupyter_emr_connect.services.credentials.secret_slots import REFUSALS, RenewalTimings, cached_expiry
from tests.functional.gateway.servers import HOST, serving, silent
from tests.functional.services.accounts import REQUEST

pytestmark = pytest.mark.slow

ASKED = "GetClusterSessionCredentials"
LIFE = 4.0


IMPATIENT = RenewalTimings(first_pause_s=0.5, last_pause_s=0.5)


@pytest.fixture
def auth(cloud: Any) -> Callable[..., RenewingPairAuth]:
    compute = find(EMRConnect(), "analytics")
    cloud.world.pairs.lifetime = LIFE
    cloud.world.pairs.propagation = 0.0

    def make(role: str = "EMRAnalyst") -> RenewingPairAuth:
        return RenewingPairAuth(open_session(), compute, cloud.roles[role], renew_before=300.0, timings=IMPATIENT)

    return make


@dataclass
class Gateway:
    """A gateway that takes the pairs that AWS gave, and cuts a WebSocket when its pair expires if it is so told."""

    cloud: Any
    cuts: bool = False
    closed: bool = False
    refused: int = 0
    opened: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)

    def pair(self, request: web.Request) -> Any:
        header = request.headers.get("Authorization", "").removeprefix("Basic ")
        user, _, password = base64.b64decode(header).decode().partition(":")
        return self.cloud.world.pairs.check(self.cloud.id("analytics"), user, password)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        pair = self.pair(request)
        if pair is None or self.closed:
            self.refused += 1
            return web.json_response({"reason": "Forbidden", "message": "The credentials have expired."}, status=403)
        if request.path.endswith("/kernelspecs"):
            return web.json_response({"kernelspecs": {"python3": {"spec": {"language": "python"}}}})
        if not request.path.endswith("/channels"):
            if request.method == "POST":
                self.starts.append((await request.json())["env"]["KERNEL_ID"])
            return web.json_response({"execution_state": "idle"}, status=201 if request.method == "POST" else 200)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.opened.append(request.query["session_id"])
        while not ws.closed and not (self.cuts and self.pair(request) is None):
            await asyncio.wait({asyncio.ensure_future(ws.receive())}, timeout=0.2)
        assert request.transport
        request.transport.abort()
        return ws


@asynccontextmanager
async def connected(gateway: Gateway, auth: RenewingPairAuth) -> AsyncIterator[GatewayClient]:
    """A client with one open WebSocket, and nobody who asks anything."""
    async with serving(gateway) as port:
        client = GatewayClient(GatewayTarget(f"http://{HOST}:{port}", None, auth, "the test"), request_timeout=10)
        try:
            await client.open_socket("k", "session", offer_v1=False)
            yield client
        finally:
            await client.close()


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError


async def test_an_open_socket_alone_keeps_the_pair_fresh_and_its_end_stops_that(cloud, auth):
    gateway, one = Gateway(cloud), auth()
    async with connected(gateway, one) as client:
        await until(lambda: cloud.calls(ASKED) >= 4)
        assert one.obtain().seconds_left() > 0
        assert await client.kernel("k")
        assert gateway.refused == 0
    asked = cloud.calls(ASKED)
    await asyncio.sleep(LIFE)
    assert cloud.calls(ASKED) == asked


async def test_many_connections_cost_what_one_costs(cloud, auth):
    gateway = Gateway(cloud)
    async with connected(gateway, auth()), connected(gateway, auth()), connected(gateway, auth()):
        await asyncio.sleep(LIFE * 1.2)
        assert 2 <= cloud.calls(ASKED) <= 4


async def test_a_pair_is_kept_fresh_as_long_as_one_connection_is_left(cloud, auth):
    gateway = Gateway(cloud)
    async with connected(gateway, auth()):
        async with connected(gateway, auth()):
            pass
        asked = cloud.calls(ASKED)
        await until(lambda: cloud.calls(ASKED) > asked)


async def test_a_socket_that_ends_with_its_pair_is_opened_again_at_the_first_try(cloud, auth):
    gateway = Gateway(cloud, cuts=True)
    async with connected(gateway, auth()) as client:
        for number in (2, 3):
            opened = await client.open_socket("k", "session", offer_v1=False)
            assert (await asyncio.wait_for(opened.receive(), 3 * LIFE)).type in (WSMsgType.CLOSED, WSMsgType.ERROR)
            assert gateway.opened == ["session"] * number
    assert gateway.refused == 0


FAULTS = [
    (f"deny:{ASKED}", RoleDenied, "may not take"),
    ("throttle", Throttled, "throttles"),
    ("expire-credentials", CredentialsExpired, "have expired"),
    ("down", AWSUnavailable, "No answer"),
    ("error-500", AWSUnavailable, "its own error"),
]


@pytest.mark.parametrize(("fault", "kind", "says"), FAULTS)
async def test_a_renewal_that_fails_says_why_and_is_tried_on(cloud, auth, fault, kind, says):
    gateway, one = Gateway(cloud), auth()
    async with connected(gateway, one) as client:
        cloud.world.faults.set(fault)
        await until(lambda: one.last_error is not None)
        assert isinstance(one.last_error, kind)
        expires_at = cached_expiry(open_session().key, cloud.id("analytics"), cloud.roles["EMRAnalyst"])
        assert expires_at
        while expires_at > datetime.now(timezone.utc) + timedelta(seconds=1.2):
            assert await client.kernel("k")  # with the old pair, which is good yet
            await asyncio.sleep(0.05)
        await until(lambda: expires_at < datetime.now(timezone.utc))
        asked = cloud.calls(ASKED)
        for _ in range(20):
            with pytest.raises(kind, match=says) as caught:
                await client.kernel("k")
            assert caught.value.fix
        assert cloud.calls(ASKED) - asked < 20  # it costs AWS nothing that we try
        cloud.world.faults.clear()
        await until(lambda: one.last_error is None)
        assert await client.kernel("k")
    assert gateway.refused == 0


async def test_those_who_wait_for_one_call_share_its_failure(cloud, auth):
    cloud.world.faults.set(f"deny:{ASKED}")
    answers = await asyncio.gather(*(auth().prepare(REQUEST) for _ in range(20)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {RoleDenied}
    assert len({id(answer) for answer in answers}) == 20  # each may be added to by the one who meets it
    assert cloud.calls(ASKED) == 1


async def test_a_refusal_in_mid_use_renews_once_and_repeats_also_a_start(cloud, auth):
    gateway = Gateway(cloud)
    cloud.world.pairs.lifetime = 600
    async with connected(gateway, auth()) as client:
        cloud.world.pairs.expire()
        assert await client.kernel("k")
        assert (gateway.refused, cloud.calls(ASKED)) == (1, 2)
        cloud.world.pairs.expire()
        await client.start_kernel("python3", {}, kernel_id="mine", launch_timeout=5)
        assert (gateway.starts, gateway.refused, cloud.calls(ASKED)) == (["mine"], 2, 3)


async def test_a_gateway_that_takes_no_pair_does_not_make_us_ask_aws_for_ever(cloud, auth):
    gateway = Gateway(cloud)
    cloud.world.pairs.lifetime = 600
    async with connected(gateway, auth()) as client:
        gateway.closed = True
        for _ in range(12):
            with pytest.raises(GatewayRefused):
                await client.kernel("k")
    assert cloud.calls(ASKED) <= 1 + REFUSALS


async def test_a_new_login_is_seen_without_a_restart(cloud, auth):
    gateway, one = Gateway(cloud), auth()
    config = cloud.folder / "config"
    good = config.read_text()
    async with connected(gateway, one) as client:
        config.write_text(good.replace(cloud.keys["developer"].access_key, "AKIANOLONGERTHERE000"))
        forget()
        await until(lambda: isinstance(one.last_error, InvalidCredentials))
        config.write_text(good)
        await until(lambda: one.last_error is None)
        assert await client.kernel("k")


HANGING = """
import asyncio, sys
from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.models import Compute
from jupyter_emr_connect.services.credentials.gateway_secrets import RenewingPairAuth
from jupyter_emr_connect.services.credentials.secret_slots import REFUSALS, RenewalTimings, cached_expiry

compute = Compute("j-ABCDEFGHIJKLM", "ec2", "x", "arn", "us-east-1", "123456789012", "WAITING")
auth = RenewingPairAuth(open_session(), compute, "arn:aws:iam::123456789012:role/x", renew_before=300)

async def hold():
    auth.hold(compute.__class__)
    await asyncio.sleep(1)

gateway_loop().submit(hold()).result()
print("asked", flush=True)
"""


async def test_a_renewal_that_hangs_does_not_hold_up_the_end_of_the_process(cloud):
    async with silent() as port:
        env = {**os.environ, "AWS_ENDPOINT_URL": f"http://{HOST}:{port}"}
        command = [sys.executable, "-c", HANGING]
        # AWS's calls would time out after minutes.
        done = await asyncio.to_thread(subprocess.run, command, env=env, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout) == (0, "asked\n"), done.stderr
