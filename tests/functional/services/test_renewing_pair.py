"""The pair of a runtime role: asked for once, shared, renewed early, and never shown."""

from __future__ import annotations

import asyncio
import base64
import time

import pytest

from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import AccessDenied, RoleDenied, RoleUnsupported
from jupyter_emr_connect.http.auth import HTTPRequest
from jupyter_emr_connect.services.compute.lookup import find
from jupyter_emr_connect.services.credentials.gateway_secrets import RenewingPairAuth
from tests.functional.services.accounts import REQUEST

ASKED = "GetClusterSessionCredentials"


@pytest.fixture
def auth(cloud):
    compute = find(EMRConnect(), "analytics")

    def make(role: str = "EMRAnalyst", *, renew_before: float = 300.0, profile: str | None = None) -> RenewingPairAuth:
        return RenewingPairAuth(open_session(profile), compute, cloud.roles[role], renew_before=renew_before)

    return make


def pair_of(request: HTTPRequest) -> tuple[str, str]:
    user, _, password = (
        base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")
    )
    return user, password


async def test_one_call_serves_all_users_of_a_role(cloud, auth):
    answers = await asyncio.gather(*(auth().prepare(REQUEST) for _ in range(20)))
    assert len({pair_of(answer) for answer in answers}) == 1
    assert cloud.calls(ASKED) == 1


async def test_roles_and_callers_have_pairs_of_their_own(cloud, auth):
    pairs = {
        pair_of(await one.prepare(REQUEST))
        for one in (auth(), auth("EMREngineer"), auth(profile="analyst"), auth("EMRAnalyst"))
    }
    assert len(pairs) == 3
    assert cloud.calls(ASKED) == 3


async def test_the_pair_is_the_one_that_the_cluster_honours(cloud, auth):
    user, password = pair_of(await auth().prepare(REQUEST))
    await asyncio.sleep(cloud.world.pairs.propagation + 0.1)
    found = cloud.world.pairs.check(cloud.id("analytics"), user, password)
    assert found is not None
    assert found.role_arn == cloud.roles["EMRAnalyst"]
    assert found.caller_arn.endswith("user/developer")


@pytest.mark.slow
async def test_it_is_renewed_before_it_expires_while_the_old_one_is_used_on(cloud, auth):
    cloud.world.pairs.lifetime = 8.0
    one = auth(renew_before=300.0)
    first = pair_of(await one.prepare(REQUEST))
    await asyncio.sleep(4.5)  # past half of its life, which bounds renew_before
    assert pair_of(await one.prepare(REQUEST)) == first  # the new pair is given time to spread
    assert cloud.calls(ASKED) == 2
    await asyncio.sleep(2.5)
    assert pair_of(await one.prepare(REQUEST)) != first
    assert cloud.calls(ASKED) == 2


async def test_a_refused_pair_is_replaced_once_for_all_that_were_refused(cloud, auth):
    several = [auth() for _ in range(5)]
    refused = await several[0].prepare(REQUEST)
    old = {pair_of(await one.prepare(REQUEST)) for one in several}
    cloud.world.pairs.expire()
    await asyncio.gather(*(one.renew(refused) for one in several))
    new = {pair_of(await one.prepare(REQUEST)) for one in several}
    assert len(new) == 1
    assert new.isdisjoint(old)
    assert cloud.calls(ASKED) == 2


async def test_renewal_waits_until_the_new_pair_is_honoured(cloud, auth):
    one = auth()
    refused = await one.prepare(REQUEST)
    one.confirm()
    asked: list[float] = []

    async def honoured(pair) -> None:
        while not cloud.world.pairs.check(cloud.id("analytics"), pair.username, pair.password):  # noqa: ASYNC110 - as a probe asks
            await asyncio.sleep(0.05)
        asked.append(time.monotonic())

    one.honoured = honoured
    await one.renew(refused)
    user, password = pair_of(await one.prepare(REQUEST))
    assert asked
    assert cloud.world.pairs.check(cloud.id("analytics"), user, password)


async def test_the_password_does_not_show(cloud, auth):
    one = auth()
    user, password = pair_of(await one.prepare(REQUEST))
    shown = repr(one) + repr(vars(one)) + repr(one.obtain())
    assert password not in shown
    assert user in shown


async def test_a_role_the_caller_may_not_take(auth):
    with pytest.raises(RoleDenied, match="GetClusterSessionCredentials") as caught:
        await auth("EMRForbidden").prepare(REQUEST)
    assert "elasticmapreduce:ExecutionRoleArn" in caught.value.fix
    assert isinstance(caught.value.__cause__, AccessDenied)


async def test_a_cluster_that_gives_no_pairs(cloud):
    session = open_session()
    compute = find(EMRConnect(), "open")
    with pytest.raises(RoleUnsupported, match="gives no credentials"):
        await RenewingPairAuth(session, compute, cloud.roles["EMRAnalyst"], renew_before=300).prepare(REQUEST)


async def test_after_a_failure_the_next_try_asks_again(cloud, auth):
    cloud.world.faults.set("deny:GetClusterSessionCredentials")
    one = auth()
    with pytest.raises(RoleDenied):
        await one.prepare(REQUEST)
    cloud.world.faults.clear()
    assert (await one.prepare(REQUEST)).headers
