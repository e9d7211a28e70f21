"""From an attachment to a compute that has accepted us: the one way by which kernels reach a compute."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Generic, TypeAlias, TypeVar
from urllib.parse import urlsplit

from ...aws import emr
from ...aws.session import AWSSession
from ...aws.signing import dns_suffix
from ...config import EMRConnect
from ...errors import LoginRefused, NotAttachable, RoleUnsupported, StoreError
from ...executors import AWS, FILES, LEDGER, run_in
from ...gateway.discovery import probe_gateway, probe_url
from ...gateway.target import GatewayTarget
from ...http.tls import PlainHttpRule, make_ssl_context
from ...livy.discovery import probe_livy, until_honoured
from ...livy.target import LivyTarget
from ...models import Attachment, Compute, Login, Transport, check_role
from ...store.writes import finish_write
from .. import stages
from ..compute.configured import is_configured
from ..compute.eligibility.clusters import LIVY_PORT
from ..compute.lookup import find, sources_of
from ..credentials.aws_sessions import session_of
from ..credentials.gateway_secrets import RenewingPairAuth, RenewingTokenAuth, auth_for
from ..credentials.kerberos import KerberosAuth
from ..credentials.logins import (
    LoginAuth,
    SecretLoginAuth,
    TypedLoginAuth,
    asks_for_login,
    login_auth_of,
    note_refused,
    remember_login,
)
from ..credentials.signed import SigningAuth
from ..roles import role_arn
from .encryption import authority_of, plain_http_rule
from .resolution import admit, open_attachments
from .routes import routes_of

log = logging.getLogger(__name__)
HTTPS_PORT = 443


Target = TypeVar("Target", GatewayTarget, LivyTarget)


@dataclass(frozen=True)
class _Connection(Generic[Target]):
    """A compute that answered; ``target`` is where its service is and how to prove ``role`` to it.

    ``compute`` also says by which AWS profile, region and access role it was found.
    """

    transport: ClassVar[Transport]

    compute: Compute
    role: str | None
    target: Target = field(repr=False)

    @property
    def url(self) -> str:
        """The service's address, for the ledger."""
        return self.target.url


class GatewayConnection(_Connection[GatewayTarget]):
    """A compute whose gateway answered."""

    transport = "gateway"


class LivyConnection(_Connection[LivyTarget]):
    """A compute whose Livy answered."""

    transport = "livy"


AnyAuth: TypeAlias = RenewingPairAuth | RenewingTokenAuth | LoginAuth | KerberosAuth
# A compute that answered, by its transport. A further transport adds its class here and its function to CONNECTORS.
Connection: TypeAlias = GatewayConnection | LivyConnection
Connector: TypeAlias = Callable[
    [EMRConnect, AWSSession, Compute, str | None, Callable[[str], None]], Awaitable[Connection]
]


async def connect(
    config: EMRConnect,
    request: Attachment,
    *,
    stage: Callable[[str], None] = lambda name: None,
    login: Login | None = None,
) -> Connection:
    """Resolve the compute, refuse what cannot work, and reach it by the transport that is to be used.

    Called by the provisioner when a kernel starts or is found again, and when an attachment is proved; on any loop.
    ``stage`` is told ``credentials``, then ``gateway`` or ``livy``, as each begins. Nothing is started on the compute.
    ``login`` is what the user typed for a compute that asks for it; it is kept in memory from then on.
    Raises ``MalformedRole`` before any call, then AWS errors, ``ComputeError``, ``RoleError``, ``LoginRequired``, and
    ``GatewayError`` or ``LivyError``.
    """
    stage(stages.CREDENTIALS)
    if request.runtime_role:
        check_role(request.runtime_role)
    compute, session = await run_in(AWS, _find, config, request)
    transport = admit(compute, request)
    if login:
        remember_login(compute.id, login)
    role = await run_in(AWS, role_of, config, request, compute, session)
    connection: Connection
    if session is None:
        connection = await _connect_to_configured(config, compute, stage)
    else:
        connection = await CONNECTORS[transport](config, session, compute, role, stage)
    await finish_write(_remember, config, connection)
    return connection


def _remember(config: EMRConnect, connection: Connection) -> None:
    """Note which role a compute has honoured and that it speaks TLS; blocks. A kernel starts without it, too."""
    store, compute_id = open_attachments(config), connection.compute.id
    try:
        if connection.role:
            store.remember_role(compute_id, connection.role)
        url = urlsplit(connection.url or "")
        if url.scheme == "https" and url.port and not store.has_seen_tls(compute_id, url.port):
            store.remember_tls(compute_id, url.port)
    except StoreError as error:
        log.warning("What %s has shown is not kept: %s", compute_id, error)


def _has_seen_tls(config: EMRConnect, compute: Compute, port: int) -> bool:
    """Say whether a port of a compute is known to speak TLS; blocks on the state file."""
    try:
        return open_attachments(config).has_seen_tls(compute.id, port)
    except StoreError as error:
        log.warning("What %s has shown before is not known: %s", compute.id, error)
        return False


def _find(config: EMRConnect, request: Attachment) -> tuple[Compute, AWSSession | None]:
    """Find the compute of an attachment, and the AWS session for it (None where it needs none); blocks on AWS."""
    compute = find(config, request.compute, sources=sources_of(config, request), depth="attach")
    return compute, session_of(config, compute) if needs_aws(compute) else None


def needs_aws(compute: Compute) -> bool:
    """Tell whether reaching a compute takes an AWS login: a configured Livy server with its own users does not."""
    return not is_configured(compute) or compute.auth == "iam"


def role_of(config: EMRConnect, request: Attachment, compute: Compute, session: AWSSession | None) -> str | None:
    """Return the ARN of the runtime role that is asked for by its ARN or its name; a name may block on AWS."""
    return (
        role_arn(config, compute, request.runtime_role, session=session) if request.runtime_role and session else None
    )


async def _connect_to_gateway(
    config: EMRConnect, session: AWSSession, compute: Compute, role: str | None, stage: Callable[[str], None]
) -> GatewayConnection:
    """Get the role's credentials for the compute's gateway, and probe the gateway until it honours them."""
    auth = auth_for(config, session, compute, role)
    if auth:
        await auth.current()
    stage(stages.GATEWAY)
    address = await _address(session, compute)
    tls_seen = await run_in(LEDGER, _has_seen_tls, config, compute, config.gateway_port)
    target = await _probe(config, compute, address, auth, plain_http_rule(config, compute, tls_seen=tls_seen))
    if role and target.found and target.found.demands == "nothing":
        message = f"The gateway of {compute.name!r} ({compute.id}) asks nobody who they are, so it ignores the role."
        raise RoleUnsupported(message, fix="Choose another compute, or attach without a runtime role.")
    return GatewayConnection(compute, role, target)


async def _connect_to_livy(
    config: EMRConnect, session: AWSSession, compute: Compute, role: str | None, stage: Callable[[str], None]
) -> LivyConnection:
    """Get the role's credentials for the compute's Livy, and ask Livy until it honours them."""
    if compute.kind == "serverless":
        return await _connect_to_application(config, session, compute, role, stage)
    pair = auth_for(config, session, compute, role)
    if pair:
        await pair.current()
        stage(stages.LIVY)
        return await _reach_livy(config, compute, role, await _livy_url(session, compute), pair)
    url = await _livy_url(session, compute)
    own = await _own_auth(config, compute, url)
    stage(stages.LIVY)
    return await _reach_livy(config, compute, role, url, own)


async def _connect_to_configured(config: EMRConnect, compute: Compute, stage: Callable[[str], None]) -> LivyConnection:
    """Ask a Livy server of ``EMRConnect.livy_endpoints`` that takes no credentials of AWS's; AWS is not asked."""
    url = compute.host or ""
    own = await _own_auth(config, compute, url)
    stage(stages.LIVY)
    return await _reach_livy(config, compute, None, url, own)


async def _own_auth(config: EMRConnect, compute: Compute, url: str) -> LoginAuth | KerberosAuth | None:
    """Return what proves the user himself to a Livy that asks for more than a runtime role, None where none does."""
    if compute.auth == "kerberos":
        return KerberosAuth(urlsplit(url).hostname or "")
    return await run_in(AWS, login_auth_of, config, compute) if asks_for_login(compute) else None


async def _reach_livy(
    config: EMRConnect,
    compute: Compute,
    role: str | None,
    url: str,
    auth: AnyAuth | None,
) -> LivyConnection:
    """Ask Livy at ``url`` as nobody, then with ``auth`` until it is honoured; raises ``LivyError``."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or HTTPS_PORT
    tls_seen = await run_in(LEDGER, _has_seen_tls, config, compute, port)
    rule = plain_http_rule(config, compute, tls_seen=tls_seen)
    if is_configured(compute):
        named = PlainHttpRule("EMRConnect.livy_endpoints names it with https", secrets=rule.secrets)
        rule = named if parts.scheme == "https" else PlainHttpRule(secrets=rule.secrets)
    login = auth.login if isinstance(auth, TypedLoginAuth | SecretLoginAuth) else None
    secure = f"https{url.removeprefix('https').removeprefix('http')}"
    secure_target = await run_in(FILES, livy_target, config, compute, secure, login)
    try:
        target, demands = await probe_livy(
            host,
            secure_target,
            plain_http=rule,
            auth=auth,
            connect_timeout=config.connect_timeout,
            credentials_timeout=config.credentials_timeout,
        )
    except LoginRefused as error:
        if login:
            note_refused(compute, login)
        error.compute_id, error.compute_name = compute.id, compute.name
        raise
    if role and not demands:
        message = f"Livy on {compute.name!r} ({compute.id}) asks nobody who they are, so it ignores the role."
        raise RoleUnsupported(message, fix="Choose another compute, or attach without a runtime role.")
    return LivyConnection(compute, role, target)


async def _livy_url(session: AWSSession, compute: Compute) -> str:
    """Return where Livy is over TLS: on a cluster's primary node, or at an endpoint's URL."""
    address = await _address(session, compute)
    if compute.kind == "eks":
        return address.rstrip("/")
    port = int(compute.details.get("livy_port") or LIVY_PORT)
    return f"https://{f'[{address}]' if ':' in address else address}:{port}"


async def _connect_to_application(
    config: EMRConnect, session: AWSSession, compute: Compute, role: str | None, stage: Callable[[str], None]
) -> LivyConnection:
    """Ask the application's Livy endpoint, when the application has started; nothing is started here.

    One that is stopped costs nothing: it is started with its first session (``.starting``).
    """
    stage(stages.LIVY)
    url = await run_in(AWS, endpoint_of, session, compute)
    target = replace(await run_in(FILES, livy_target, config, compute, url), auth=SigningAuth(session))
    if compute.state == "STARTED":
        await until_honoured(target, config.connect_timeout, config.connect_timeout)
    return LivyConnection(compute, role, target)


def endpoint_of(session: AWSSession, compute: Compute) -> str:
    """Return the URL of an application's Livy endpoint (reference 3.3); blocks while botocore's data is read."""
    return f"https://{compute.id}.livy.emr-serverless-services.{compute.region}.{dns_suffix(session)}"


def livy_target(config: EMRConnect, compute: Compute, url: str, login: Login | None = None) -> LivyTarget:
    """Return the Livy of a compute at a URL, trusting the CA that is configured for it, yet without credentials.

    Blocks while the certificate authorities are read, 30 to 50 ms.
    """
    is_secure, authority = url.startswith("https:"), authority_of(config, compute)
    trust = make_ssl_context(authority, ca_data=compute.certificate) if is_secure else None
    label = f"Livy on {compute.name!r} ({compute.id})"
    username = login.username if login else ""
    reduced = compute.kind == "serverless"
    return LivyTarget(url, trust, label=label, reduced=reduced, routes=routes_of(config), username=username)


# What reaches a compute, by transport: the same transports as compute.eligibility.SUPPORTED_TRANSPORTS.
CONNECTORS: dict[Transport, Connector] = {"gateway": _connect_to_gateway, "livy": _connect_to_livy}


async def _address(session: AWSSession, compute: Compute) -> str:
    """Return the host of a cluster's primary node (reference 1.4), or the URL of an endpoint (reference 2.2)."""
    if compute.host:
        return compute.host
    if compute.kind == "eks":
        message = f"AWS names no address for the endpoint {compute.name!r} ({compute.id})."
        raise NotAttachable(message, fix="Try again when it is ACTIVE (`jupyter emr show`).")
    cluster = await run_in(AWS, emr.describe_cluster, session, compute.id)
    hosts = await run_in(AWS, emr.primary_hosts, session, cluster) if cluster else []
    if not hosts:
        message = f"Cluster {compute.name!r} ({compute.id}) has no running primary node."
        raise NotAttachable(message, fix="Try again when it is up (`jupyter emr show`).")
    return hosts[0]


async def _probe(
    config: EMRConnect,
    compute: Compute,
    address: str,
    auth: RenewingPairAuth | RenewingTokenAuth | None,
    plain_http: PlainHttpRule,
) -> GatewayTarget:
    """Find the gateway, trusting the CA that is configured for this compute and the one that AWS names for it."""
    authority = authority_of(config, compute)
    trust = await run_in(FILES, functools.partial(make_ssl_context, authority, ca_data=compute.certificate))
    probe_address = (
        functools.partial(probe_url, address)
        if compute.kind == "eks"
        else functools.partial(probe_gateway, address, config.gateway_port)
    )
    probe = functools.partial(
        probe_address,
        ssl_context=trust,
        plain_http=plain_http,
        label=f"the gateway of {compute.name!r} ({compute.id})",
        connect_timeout=config.connect_timeout,
        credentials_timeout=config.credentials_timeout,
        routes=routes_of(config),
    )
    target = await probe(auth=auth)
    if auth:
        auth.honoured = lambda fixed: probe(auth=fixed)
        auth.confirm()
    return target
