"""From an attachment to a gateway: what is refused on the way, and what is told of it."""

from __future__ import annotations

import base64
import json
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timezone

import pytest
import trustme
from aiohttp import web

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import ConfigurationError, MalformedRole, NotAttached, PlainHttpRefused, RoleUnsupported
from jupyter_emr_connect.http.auth import HTTPRequest
from jupyter_emr_connect.models import Attachment
from jupyter_emr_connect.sandbox.world.security import StoredSecurityConfiguration
from jupyter_emr_connect.services.attachments.connect import connect
from jupyter_emr_connect.services.attachments.location import KernelLocation
from jupyter_emr_connect.services.attachments.resolution import open_attachments, resolve
from tests.functional.services.accounts import REQUEST
from tests.stopping import stop_serving


def pair_of(request: HTTPRequest | web.Request) -> tuple[str, str]:
    user, _, password = (
        base64.b64decode(request.headers.get("Authorization", "").removeprefix("Basic ")).decode().partition(":")
    )
    return user, password


def honoured(cloud, request: HTTPRequest | web.Request) -> bool:
    return cloud.world.pairs.check(cloud.id("analytics"), *pair_of(request)) is not None


def without_tls(cloud, name: str = "analytics") -> None:
    """Take in-transit encryption out of a cluster's security configuration."""
    world, spec = cloud.world, cloud.world.cluster(name)
    document = json.loads(world.security.get((spec.account, spec.region), spec.security_configuration).document)
    document.pop("EncryptionConfiguration", None)
    made = StoredSecurityConfiguration("runtime-roles", json.dumps(document), datetime.now(timezone.utc))
    world.security.put((spec.account, spec.region), made)
    world.clusters[spec.id] = replace(spec, tls=False, security_configuration="runtime-roles")


@asynccontextmanager
async def gateway(cloud, *, asks=True, address=None, tls=None, port=0):
    """Something that answers ``GET /api`` at the address of `analytics`; ``asks``: only to pairs that are good."""
    state = {"asks": asks}
    if tls is None:
        without_tls(cloud)

    async def api(request: web.Request) -> web.Response:
        good = honoured(cloud, request)
        status = 200 if good or not state["asks"] else 401
        return web.json_response({"version": "1", "gateway_version": "3"}, status=status)

    app = web.Application()
    app.router.add_get("/api", api)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, address or cloud.world.cluster("analytics").address, port, ssl_context=tls)
    await site.start()
    try:
        yield EMRConnect(gateway_port=runner.addresses[0][1]), state
    finally:
        await stop_serving(runner)


async def test_a_pair_that_is_not_honoured_yet_is_waited_for(cloud):
    told: list[str] = []
    async with gateway(cloud) as (config, _):
        made = await connect(config, Attachment("analytics", cloud.roles["EMRAnalyst"]), stage=told.append)
    assert told == ["credentials", "gateway"]
    assert (made.compute.name, made.role, made.transport) == ("analytics", cloud.roles["EMRAnalyst"], "gateway")
    assert (made.compute.profile, made.compute.region) == ("developer", "us-east-1")
    assert made.target.found.demands == "credentials"
    assert open_attachments(config).roles_used(made.compute.id) == [cloud.roles["EMRAnalyst"]]


async def test_a_pair_goes_over_plain_http_to_another_machine_only_where_the_configuration_says_so(cloud):
    spec = cloud.world.cluster("analytics")
    # Linux leads 0.0.0.0 to this machine, though it is no loopback address: so it stands for another machine's.
    cloud.world.clusters[spec.id] = replace(spec, address="0.0.0.0")
    async with gateway(cloud, address="127.0.0.1") as (config, _):
        request = Attachment("analytics", cloud.roles["EMRAnalyst"])
        with pytest.raises(PlainHttpRefused, match="without TLS"):
            await connect(config, request)
        config.allow_plain_http = ["analytics"]
        assert (await connect(config, request)).target.url.startswith("http://0.0.0.0:")


@pytest.mark.slow
async def test_a_compute_that_has_spoken_tls_is_not_spoken_to_without_it_any_more(cloud, tmp_path):
    authority, pem = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(cloud.world.cluster("analytics").address).configure_cert(server)
    request = Attachment("analytics", cloud.roles["EMRAnalyst"])
    without_tls(cloud)
    async with gateway(cloud, tls=server) as (config, _):
        config.certificate_authorities = {"analytics": str(pem)}
        made = await connect(config, request)
    assert made.target.url.startswith("https:")
    async with gateway(cloud) as (other, _):  # another port is another server
        assert (await connect(other, request)).target.url.startswith("http:")
    async with gateway(cloud, port=config.gateway_port) as (config, _):
        with pytest.raises(PlainHttpRefused, match="answered over TLS before"):
            await connect(config, request)
        config.allow_plain_http = True
        assert (await connect(config, request)).target.url.startswith("http:")


async def test_a_state_file_that_cannot_be_used_stops_no_kernel(cloud, tmp_path, caplog):
    (tmp_path / "in-the-way").write_text("")
    async with gateway(cloud) as (config, _):
        config.state_file = str(tmp_path / "in-the-way" / "state.sqlite")
        assert (await connect(config, Attachment("analytics", cloud.roles["EMRAnalyst"]))).role
    assert "state.sqlite" in caplog.text


async def test_a_gateway_that_ignores_the_role_is_refused(cloud):
    async with gateway(cloud, asks=False) as (config, _):
        with pytest.raises(RoleUnsupported, match="asks nobody who they are"):
            await connect(config, Attachment("analytics", cloud.roles["EMRAnalyst"]))
    assert open_attachments(config).roles_used() == []


async def test_unknown_role_support_is_tried_not_hoped(cloud):
    cloud.world.faults.set("deny:DescribeSecurityConfiguration")
    async with gateway(cloud) as (config, state):
        with pytest.raises(PlainHttpRefused, match="DescribeSecurityConfiguration is denied"):
            await connect(config, Attachment("analytics", cloud.roles["EMRAnalyst"]))
        config.allow_plain_http = ["analytics"]
        made = await connect(config, Attachment("analytics", cloud.roles["EMRAnalyst"]))
        assert made.compute.runtime_role == "unknown"
        state["asks"] = False
        with pytest.raises(RoleUnsupported):
            await connect(config, Attachment("analytics", cloud.roles["EMRAnalyst"]))


@pytest.mark.slow
async def test_an_expired_pair_is_renewed_until_it_is_honoured(cloud):
    async with gateway(cloud) as (config, _):
        made = await connect(config, Attachment("analytics", cloud.roles["EMRAnalyst"]))
        cloud.world.pairs.expire()
        await made.target.auth.renew(await made.target.auth.prepare(REQUEST))
        assert honoured(cloud, await made.target.auth.prepare(REQUEST))


async def test_a_malformed_role_is_refused_before_any_call(cloud):
    with pytest.raises(MalformedRole):
        await connect(EMRConnect(), Attachment("analytics", "role/EMRAnalyst"))
    assert cloud.world.log.since() == []


async def test_a_role_given_by_its_name_is_connected_with_as_by_its_arn(cloud):
    async with gateway(cloud) as (config, _):
        made = await connect(config, Attachment("analytics", "EMRAnalyst"))
    assert made.role == cloud.roles["EMRAnalyst"]
    assert honoured(cloud, await made.target.auth.prepare(REQUEST))


async def test_the_connection_shows_no_secret(cloud):
    async with gateway(cloud) as (config, _):
        made = await connect(config, Attachment("analytics", cloud.roles["EMRAnalyst"]))
    _, password = pair_of(await made.target.auth.prepare(REQUEST))
    assert password not in repr(made) + repr(made.target)


def test_resolving_needs_no_aws(cloud, monkeypatch):
    env = {"EMR_CONNECT_COMPUTE": " analytics ", "EMR_CONNECT_TRANSPORT": "gateway", "AWS_PROFILE": "analyst"}
    found = resolve(EMRConnect(), env, KernelLocation(""))
    assert found == replace(Attachment("analytics"), transport="gateway", profile="analyst")
    monkeypatch.setenv("AWS_PROFILE", "analyst")
    assert resolve(EMRConnect(), env, KernelLocation("")).profile is None  # the AWS chain's own choice
    with pytest.raises(NotAttached):
        resolve(EMRConnect(), {"EMR_CONNECT_COMPUTE": "  "}, KernelLocation(None))
    assert cloud.world.log.since() == []


def test_a_role_in_the_environment_without_a_compute_is_refused() -> None:
    env = {"EMR_CONNECT_RUNTIME_ROLE": "arn:aws:iam::123456789012:role/EMRAnalyst"}
    with pytest.raises(ConfigurationError, match="EMR_CONNECT_COMPUTE is not"):
        resolve(EMRConnect(), env, KernelLocation("/work/a.ipynb"))
