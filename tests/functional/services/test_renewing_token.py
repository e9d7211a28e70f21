"""The token of an execution role on an endpoint: asked for once, shared, renewed early, never shown; and refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from aiohttp import web
from traitlets import TraitError

from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import (
    AccessDenied,
    AWSError,
    AWSUnavailable,
    NotAttachable,
    RoleDenied,
    RoleRequired,
    RoleUnsupported,
)
from jupyter_emr_connect.gateway.rest import GatewayClient
from jupyter_emr_connect.gateway.target import GatewayTarget
from jupyter_emr_connect.http.auth import HTTPRequest
from jupyter_emr_connect.models import Compute
from jupyter_emr_connect.services.credentials.gateway_secrets import RenewingTokenAuth, auth_for
from jupyter_emr_connect.services.credentials.secret_slots import cached_expiry
from tests.functional.services.accounts import REQUEST
from tests.functional.services.endpoints import add_endpoint, served

ASKED = "GetManagedEndpointSessionCredentials"


@pytest.fixture
def compute(cloud) -> Compute:
    spec = add_endpoint(cloud)
    details = {"execution_role": spec.execution_role}
    return Compute(
        spec.compute_id, "eks", spec.name, spec.arn, "us-east-1", cloud.world.account, "ACTIVE", details=details
    )


@pytest.fixture
def auth(cloud, compute):
    def make(role: str | None = None, **settings) -> RenewingTokenAuth:
        found = auth_for(EMRConnect(**settings), open_session(), compute, cloud.roles[role] if role else None)
        assert isinstance(found, RenewingTokenAuth)
        return found

    return make


def token_in(request: HTTPRequest) -> str:
    scheme, _, token = request.headers["Authorization"].partition(" ")
    assert scheme == "token"
    return token


def known(cloud, compute, request: HTTPRequest):
    return cloud.world.tokens.check(compute.id.partition("/")[2], token_in(request))


async def test_one_call_serves_all_users_of_a_role(cloud, auth):
    answers = await asyncio.gather(*(auth().prepare(REQUEST) for _ in range(20)))
    assert len({token_in(answer) for answer in answers}) == 1
    assert cloud.calls(ASKED) == 1


async def test_it_is_for_the_endpoints_role_unless_another_was_chosen(cloud, auth, compute):
    assert known(cloud, compute, await auth().prepare(REQUEST)).role_arn == cloud.roles["EMRAnalyst"]
    assert known(cloud, compute, await auth("EMREngineer").prepare(REQUEST)).role_arn == cloud.roles["EMREngineer"]
    await auth("EMRAnalyst").prepare(REQUEST)  # the same as the endpoint's
    assert cloud.calls(ASKED) == 2


async def test_it_lives_as_long_as_configured(cloud, auth, compute):
    one = auth(endpoint_token_seconds=7200)
    assert 7100 < one.obtain().seconds_left() <= 7200
    key, role = open_session().key, cloud.roles["EMRAnalyst"]
    assert cached_expiry(key, compute.id, role) == one.obtain().expires_at
    assert cached_expiry(key, compute.id, cloud.roles["EMREngineer"]) is None
    for seconds in (899, 43201):
        with pytest.raises(TraitError):
            EMRConnect(endpoint_token_seconds=seconds)


@pytest.mark.slow
async def test_it_is_kept_fresh_while_a_connection_is_open_that_asks_nothing(cloud, auth, compute):
    cloud.world.tokens.longest = 4.0
    one, connection = auth(), GatewayClient(GatewayTarget("http://127.0.0.1:9"))
    await one.prepare(REQUEST)
    one.hold(connection)
    for _ in range(3):
        await asyncio.sleep(3)
        assert known(cloud, compute, await one.prepare(REQUEST))
    asked = cloud.calls(ASKED)
    assert asked >= 4
    one.release(connection)
    await asyncio.sleep(4)
    assert cloud.calls(ASKED) == asked


async def test_a_refused_token_is_replaced_once_for_all_that_were_refused(cloud, auth, compute):
    several = [auth() for _ in range(5)]
    refused = await several[0].prepare(REQUEST)
    old = {token_in(await one.prepare(REQUEST)) for one in several}
    cloud.world.tokens.expire()
    await asyncio.gather(*(one.renew(refused) for one in several))
    new = {token_in(await one.prepare(REQUEST)) for one in several}
    assert len(new) == 1
    assert new.isdisjoint(old)
    assert cloud.calls(ASKED) == 2


async def test_the_token_does_not_show(auth):
    one = auth()
    token = token_in(await one.prepare(REQUEST))
    assert token not in repr(one) + repr(vars(one)) + repr(one.obtain())


async def test_a_role_that_the_caller_may_not_take(auth):
    with pytest.raises(RoleDenied, match=f"may not call emr-containers:{ASKED}") as caught:
        await auth("EMRForbidden").prepare(REQUEST)
    assert f"ask for emr-containers:{ASKED} with this role in the condition" in caught.value.fix
    assert isinstance(caught.value.__cause__, AccessDenied)


async def test_after_a_refusal_the_next_try_asks_again(cloud, auth):
    cloud.world.faults.set(f"deny:{ASKED}")
    one = auth()
    with pytest.raises(RoleDenied):
        await one.prepare(REQUEST)
    cloud.world.faults.clear()
    assert (await one.prepare(REQUEST)).headers


async def test_an_endpoint_that_is_gone_says_what_aws_says(cloud, auth):
    one = auth()
    cloud.world.endpoints.clear()
    with pytest.raises(NotAttachable, match=r"ResourceNotFoundException"):
        await one.prepare(REQUEST)


async def test_an_endpoint_that_is_not_active_says_what_aws_says(cloud, auth):
    one = auth()
    for key, spec in list(cloud.world.endpoints.items()):
        cloud.world.endpoints[key] = replace(spec, state="CREATING")
    with pytest.raises(RoleUnsupported, match="must be ACTIVE") as caught:
        await one.prepare(REQUEST)
    assert "ACTIVE" in caught.value.fix


async def test_a_service_that_is_down_is_no_refusal_of_the_role(cloud, auth):
    cloud.world.faults.set("error-500")
    with pytest.raises(AWSUnavailable):
        await auth().prepare(REQUEST)


def test_an_endpoint_without_a_role_asks_for_one(compute):
    with pytest.raises(RoleRequired, match="names no execution role"):
        auth_for(EMRConnect(), open_session(), replace(compute, details={}), None)


@pytest.fixture(params=[{}, {"id": "x", "expiresAt": 1e10}, {"credentials": {"token": "t"}}])
def malformed(request, jp_asyncio_loop, monkeypatch) -> Iterator[None]:
    """An AWS that answers without a token, or without its end."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(request.param)

    yield from served(jp_asyncio_loop, answer, lambda url: monkeypatch.setenv("AWS_ENDPOINT_URL", url))


async def test_an_answer_without_a_token_or_its_end_is_no_credential(compute, malformed):
    found = auth_for(EMRConnect(), open_session(), compute, None)
    assert found is not None
    with pytest.raises(AWSError, match="gave no token"):
        await found.prepare(REQUEST)
