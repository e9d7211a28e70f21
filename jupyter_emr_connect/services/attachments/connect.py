"""From an attachment to a gateway that has accepted us: the one way by which kernels reach a compute."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass, field

from ...aws import emr
from ...aws.session import AWSSession
from ...config import EMRConnect
from ...errors import NotAttachable, RoleUnsupported
from ...gateway.discovery import probe_gateway, probe_url
from ...gateway.target import GatewayTarget
from ...http.tls import make_ssl_context
from ...models import Attachment, Compute, Transport, check_role_arn
from ..compute.lookup import find, sources_of
from ..credentials.aws_sessions import session_of
from ..credentials.gateway_secrets import RenewingPairAuth, RenewingTokenAuth, auth_for
from .resolution import admit, open_attachments


@dataclass(frozen=True)
class Connection:
    """A compute that answered: ``target`` is where its gateway is and how to prove who we are.

    ``profile``, ``region`` and ``access_role`` are those of the AWS session used, for the ledger.
    """

    compute: Compute
    role: str | None
    transport: Transport
    target: GatewayTarget = field(repr=False)
    profile: str | None = None
    region: str | None = None
    access_role: str | None = None


async def connect(
    config: EMRConnect, request: Attachment, *, stage: Callable[[str], None] = lambda name: None
) -> Connection:
    """Resolve the compute, refuse what cannot work, get credentials, and probe the gateway until it honours them.

    Called by the provisioner when a kernel starts or is found again. ``stage`` is told ``credentials`` and ``gateway``
    as each begins. Nothing is started on the compute. Raises ``MalformedRole`` before any call, then AWS errors,
    ``ComputeError``, ``RoleError`` and ``GatewayError``.
    """
    stage("credentials")
    if request.runtime_role:
        check_role_arn(request.runtime_role)
    compute, session = await asyncio.to_thread(_find, config, request)
    transport = admit(compute, request)
    auth = auth_for(config, session, compute, request.runtime_role)
    if auth:
        await auth.current()
    stage("gateway")
    target = await _reach(config, compute, await _address(session, compute), auth)
    if request.runtime_role and target.found and target.found.demands == "nothing":
        message = f"The gateway of {compute.name!r} ({compute.id}) asks nobody who they are, so it ignores the role."
        raise RoleUnsupported(message, fix="Choose another compute, or attach without a runtime role.")
    if request.runtime_role:
        await asyncio.to_thread(open_attachments(config).remember_role, compute.id, request.runtime_role)
    return Connection(
        compute, request.runtime_role, transport, target, session.profile, session.region, compute.access_role
    )


def _find(config: EMRConnect, request: Attachment) -> tuple[Compute, AWSSession]:
    found = find(config, request.compute, sources=sources_of(config, request), depth="attach")
    return found, session_of(config, found)


async def _address(session: AWSSession, compute: Compute) -> str:
    """Return the host of a cluster's primary node (reference 1.4), or the URL of an endpoint (reference 2.2)."""
    if compute.host:
        return compute.host
    if compute.kind == "eks":
        message = f"AWS names no address for the endpoint {compute.name!r} ({compute.id})."
        raise NotAttachable(message, fix="Try again when it is ACTIVE (`jupyter emr show`).")
    cluster = await asyncio.to_thread(emr.describe_cluster, session, compute.id)
    hosts = await asyncio.to_thread(emr.primary_hosts, session, cluster) if cluster else []
    if not hosts:
        message = f"Cluster {compute.name!r} ({compute.id}) has no running primary node."
        raise NotAttachable(message, fix="Try again when it is up (`jupyter emr show`).")
    return hosts[0]


async def _reach(
    config: EMRConnect, compute: Compute, address: str, auth: RenewingPairAuth | RenewingTokenAuth | None
) -> GatewayTarget:
    """Find the gateway, trusting the CA that is configured for this compute and the one that AWS names for it."""
    authorities = config.certificate_authorities
    authority = authorities.get(compute.id) or authorities.get(compute.name) or authorities.get("*")
    find_it = (
        functools.partial(probe_url, address)
        if compute.kind == "eks"
        else functools.partial(probe_gateway, address, config.gateway_port)
    )
    reach = functools.partial(
        find_it,
        ssl_context=make_ssl_context(authority, ca_data=compute.certificate),
        allow_plain_http_secret=config.allow_plain_http,
        label=f"the gateway of {compute.name!r} ({compute.id})",
        connect_timeout=config.connect_timeout,
        credentials_timeout=config.credentials_timeout,
    )
    target = await reach(auth=auth)
    if auth:
        auth.honoured = lambda fixed: reach(auth=fixed)
        auth.confirm()
    return target
