"""From an attachment to an endpoint's gateway: whom it trusts, what it sends where, and what it refuses."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import (
    GatewayCertificate,
    GatewayRefused,
    NotAGateway,
    NotAttachable,
    PlainHttpRefused,
    RoleUnsupported,
)
from jupyter_emr_connect.models import Attachment
from jupyter_emr_connect.sandbox.frontdoor.certificates import CertificateAuthority
from jupyter_emr_connect.services.attachments.connect import connect
from jupyter_emr_connect.services.attachments.resolution import open_attachments
from tests.functional.services.accounts import REQUEST
from tests.functional.services.endpoints import add_endpoint, server

FAST = {"credentials_timeout": 2.0, "connect_timeout": 3.0}


@asynccontextmanager
async def gateway(cloud, *, tls=True, asks=True, honours=True, prefix="", address="127.0.0.1", named="", ca=""):
    """A gateway at a URL that AWS names; yields its URL and every (path, Authorization) that it was sent."""
    seen: list[tuple[str, str]] = []
    authority = CertificateAuthority("endpoint")

    async def api(request: web.Request) -> web.Response:
        header = request.headers.get("Authorization", "")
        seen.append((request.path, header))
        (spec,) = cloud.world.endpoints.values()
        token = header.removeprefix("token ")
        if request.path != f"{prefix}/api":
            return web.json_response({}, status=404)
        if asks and not (honours and cloud.world.tokens.check(spec.id, token)):
            return web.json_response({}, status=403 if cloud.world.tokens.expired(spec.id, token) else 401)
        return web.json_response({"version": "1", "gateway_version": "3"})

    context = authority.server_context(["127.0.0.1"]) if tls else None
    async with server(api, context=context, address=address) as url:
        where = (named or url).replace("PORT", url.rpartition(":")[2])
        add_endpoint(cloud, url=f"{where}{prefix}", certificate=ca or authority.pem)
        yield f"{where}{prefix}", seen


async def test_it_is_reached_at_aws_own_url_under_the_ca_that_aws_names(cloud):
    async with gateway(cloud, prefix="/team/x") as (url, seen):
        told: list[str] = []
        made = await connect(EMRConnect(**FAST), Attachment("notebooks"), stage=told.append)
        assert told == ["credentials", "gateway"]
        assert (made.target.url, made.compute.kind, made.role) == (url, "eks", None)
        assert {path for path, _ in seen} == {"/team/x/api"}
        token = (await made.target.auth.prepare(REQUEST)).headers["Authorization"].removeprefix("token ")
        assert token not in repr(made) + repr(made.target)
        assert [header for _, header in seen] == ["", f"token {token}"], "first asked without"


async def test_a_chosen_role_is_proved_and_remembered(cloud):
    config = EMRConnect(**FAST)
    async with gateway(cloud) as (_, seen):
        made = await connect(config, Attachment("notebooks", cloud.roles["EMREngineer"]))
        token = cloud.world.tokens.check(made.compute.id.partition("/")[2], seen[-1][1].removeprefix("token "))
        assert token.role_arn == made.role == cloud.roles["EMREngineer"]
    assert open_attachments(config).roles_used(made.compute.id) == [made.role]


async def test_an_expired_token_is_renewed_until_it_is_honoured(cloud):
    async with gateway(cloud) as (_, seen):
        made = await connect(EMRConnect(**FAST), Attachment("notebooks"))
        cloud.world.tokens.expire()
        await made.target.auth.renew(await made.target.auth.prepare(REQUEST))
        assert seen[-1][1] == (await made.target.auth.prepare(REQUEST)).headers["Authorization"]
        assert cloud.calls("GetManagedEndpointSessionCredentials") == 2


async def test_a_gateway_under_another_ca_is_sent_no_token(cloud):
    async with gateway(cloud, ca=CertificateAuthority("another").pem) as (_, seen):
        with pytest.raises(GatewayCertificate, match="not trusted"):
            await connect(EMRConnect(**FAST), Attachment("notebooks"))
        assert seen == []


async def test_the_ca_may_come_from_the_configuration_where_aws_names_none(cloud, tmp_path):
    authority = CertificateAuthority("own")
    pem = tmp_path / "ca.pem"
    pem.write_text(authority.pem)

    async def api(_: web.Request) -> web.Response:
        return web.json_response({"version": "1"})

    async with server(api, context=authority.server_context(["127.0.0.1"])) as url:
        add_endpoint(cloud, url=url)
        with pytest.raises(GatewayCertificate):
            await connect(EMRConnect(**FAST), Attachment("notebooks"))
        config = EMRConnect(**FAST, certificate_authorities={"notebooks": str(pem)})
        assert (await connect(config, Attachment("notebooks"))).target.url == url


async def test_a_certificate_of_aws_that_is_none_is_named_as_such(cloud):
    text = "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"
    async with gateway(cloud, ca=text) as (_, seen):
        with pytest.raises(GatewayCertificate, match="AWS names for the gateway cannot be read"):
            await connect(EMRConnect(**FAST), Attachment("notebooks"))
        assert seen == []


async def test_a_token_never_goes_over_plain_http_to_another_machine(cloud):
    # Linux leads 0.0.0.0 to this machine, though it is no loopback address: so it stands for another machine's.
    async with gateway(cloud, tls=False, named="http://0.0.0.0:PORT") as (url, seen):
        config = EMRConnect(**FAST)
        with pytest.raises(PlainHttpRefused, match="without TLS"):
            await connect(config, Attachment("notebooks"))
        assert [header for _, header in seen] == [""]
        config.allow_plain_http = True
        assert (await connect(config, Attachment("notebooks"))).target.url == url


async def test_a_gateway_that_asks_nobody_ignores_a_chosen_role(cloud):
    async with gateway(cloud, asks=False) as (_, seen):
        with pytest.raises(RoleUnsupported, match="asks nobody who they are"):
            await connect(EMRConnect(**FAST), Attachment("notebooks", cloud.roles["EMREngineer"]))
        await connect(EMRConnect(**FAST), Attachment("notebooks"))  # as the endpoint's own role, as all do there
        assert {header for _, header in seen} == {""}


@pytest.mark.slow
async def test_a_token_that_the_gateway_never_takes_ends_in_a_refusal(cloud):
    async with gateway(cloud, honours=False):
        with pytest.raises(GatewayRefused, match="does not accept our credentials"):
            await connect(EMRConnect(**FAST), Attachment("notebooks"))
        assert cloud.calls("GetManagedEndpointSessionCredentials") == 2, "renewed once, then given up"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "https://", "https://me:secret@127.0.0.1/"])
async def test_what_is_no_address_is_said_to_be_none(cloud, url):
    add_endpoint(cloud, url=url)
    with pytest.raises(NotAGateway, match="not one that a gateway can have"):
        await connect(EMRConnect(**FAST), Attachment("notebooks"))


async def test_an_endpoint_that_is_not_active_is_refused_before_anything_is_asked(cloud):
    spec = add_endpoint(cloud)
    cloud.world.endpoints[spec.id] = replace(spec, state="CREATING")
    with pytest.raises(NotAttachable, match="CREATING"):
        await connect(EMRConnect(**FAST), Attachment("notebooks"))
    assert cloud.calls("GetManagedEndpointSessionCredentials") == 0
