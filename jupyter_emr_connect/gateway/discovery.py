"""Finds out how a gateway wants to be spoken to: TLS or not, and whether it honours the credentials at hand.

What a real EMR cluster demands on port 18888 is not documented (reference 1.9), so it is asked: ``https`` first, then
``http`` where the caller's rule allows it; anonymously first, then with the credentials. These are new, and spread to
the cluster in their own time (reference 1.7): a refusal is asked again until a deadline, never slept through.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from ..errors import GatewayCertificate, GatewayError, GatewayRefused, NotAGateway, PlainHttpRefused
from ..http.auth import Auth, HTTPRequest, NoAuth
from ..http.backoff import Backoff
from ..http.errors import CONNECTION_ERRORS
from ..http.resolver import RememberingResolver, Routes, is_loopback
from ..http.tls import PlainHttpRule
from .failures import explain, parse, refuse
from .rest import RETRIED
from .target import Discovery, GatewayTarget

TLS_HEAD_START_S = 1.5  # seconds for TLS before plain HTTP is tried too: a plain server may wait silently for more
FIRST_PAUSE_S, LAST_PAUSE_S = 0.25, 4.0
PLAIN_FIX = (
    "Check the port. If this gateway is meant to have no TLS, so that anyone in between can read and change what "
    "passes, name its compute in EMRConnect.allow_plain_http."
)


@dataclass
class _Attempts:
    """What was tried, for :class:`Discovery`."""

    lines: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def note(self, what: str) -> None:
        self.lines.append(f"{time.monotonic() - self.began:.1f} s: {what}")


@dataclass(frozen=True)
class _Answer:
    status: int
    kind: str
    body: bytes
    request: HTTPRequest

    @property
    def wants_credentials(self) -> bool:
        return self.status in (401, 403)


async def probe_gateway(
    host: str,
    port: int,
    *,
    ssl_context: ssl.SSLContext,
    plain_http: PlainHttpRule,
    auth: Auth | None = None,
    label: str = "the gateway",
    routes: Routes = MappingProxyType({}),
    connect_timeout: float = 10.0,
    credentials_timeout: float = 30.0,
) -> GatewayTarget:
    """Return the target that works; ``found`` says what was met on the way. Called by ``services.attachments.connect``.

    Plain HTTP is tried where ``plain_http`` allows it. ``auth`` goes out only where the gateway asks for it, and over
    plain HTTP only to loopback or when ``plain_http.secrets``. Raises ``GatewayUnreachable``, ``GatewayCertificate``,
    ``GatewayRefused``, ``PlainHttpRefused`` or ``NotAGateway``. Timeouts in seconds.
    """
    attempts = _Attempts()
    address = f"[{host}]" if ":" in host else host
    secure = GatewayTarget(f"https://{address}:{port}", ssl_context, label=label, routes=routes)
    if plain_http.refusal:
        target, answer = secure, await _ask_over_tls(secure, connect_timeout, attempts, plain_http.refusal)
    else:
        plain = GatewayTarget(f"http://{address}:{port}", None, label=label, routes=routes)
        target, answer = await _first_to_answer(secure, plain, connect_timeout, attempts)
    allowed = target is secure or plain_http.secrets
    return await _settle(target, answer, auth, allowed, connect_timeout, credentials_timeout, attempts)


async def probe_url(
    url: str,
    *,
    ssl_context: ssl.SSLContext,
    plain_http: PlainHttpRule,
    auth: Auth | None = None,
    label: str = "the gateway",
    routes: Routes = MappingProxyType({}),
    connect_timeout: float = 10.0,
    credentials_timeout: float = 30.0,
) -> GatewayTarget:
    """Return the target at a URL that AWS names, as :func:`probe_gateway` does where only host and port are known.

    The URL's own scheme, port and path prefix are used and no others; of ``plain_http`` only ``secrets`` counts. Raises
    ``NotAGateway`` for what is no such URL.
    """
    attempts = _Attempts()
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc or parts.query:
        message = f"The address of {label} is not one that a gateway can have: {url[:80]!r}."
        raise NotAGateway(message, fix="AWS names it (DescribeManagedEndpoint, serverUrl); ask your administrator.")
    secure = parts.scheme == "https"
    target = GatewayTarget(url, ssl_context if secure else None, label=label, routes=routes)
    answer = await _ask(target, connect_timeout, attempts)
    allowed = secure or plain_http.secrets
    return await _settle(target, answer, auth, allowed, connect_timeout, credentials_timeout, attempts)


async def _settle(
    target: GatewayTarget,
    answer: _Answer,
    auth: Auth | None,
    allowed: bool,
    connect_timeout: float,
    credentials_timeout: float,
    attempts: _Attempts,
) -> GatewayTarget:
    """Go on from the first, anonymous answer; ``allowed``: the credentials may leave this machine that way."""
    demands = "credentials" if answer.wants_credentials else "nothing"
    if answer.wants_credentials:
        if auth is None:
            message = f"{target.where} asks for credentials, and no runtime role was chosen to get them with."
            raise GatewayRefused(message, fix="Choose a runtime role (`jupyter emr roles`).")
        if not allowed and not await is_loopback(urlsplit(target.url).hostname or ""):
            message = f"{target.where} asks for a secret without TLS: anyone in between could read it."
            fix = "Turn in-transit encryption on; or accept the risk: name the compute in EMRConnect.allow_plain_http."
            raise PlainHttpRefused(message, fix=fix)
        target = replace(target, auth=auth)
    answer = await _honoured(target, answer, connect_timeout, credentials_timeout, attempts)
    api = _versions(answer, target)
    found = Discovery(
        scheme=target.url.split(":")[0],
        version=str(api.get("version", "")),
        gateway_version=str(api.get("gateway_version", "")),
        demands=demands,
        attempts=tuple(attempts.lines),
        seconds=time.monotonic() - attempts.began,
    )
    return replace(target, found=found)


async def _ask_over_tls(target: GatewayTarget, seconds: float, attempts: _Attempts, refusal: str) -> _Answer:
    """Ask anonymously over TLS and in no other way; an error says why (``refusal``)."""
    try:
        return await _ask(target, seconds, attempts)
    except GatewayCertificate:
        raise
    except NotAGateway as error:
        if not isinstance(error.__cause__, aiohttp.ClientConnectorSSLError | ssl.SSLError):
            raise
        message = f"{error.message.rstrip('.')}, and plain HTTP was not tried: {refusal}."
        raise PlainHttpRefused(message, fix=PLAIN_FIX) from error
    except GatewayError as error:
        message = f"{error.message} Plain HTTP was not tried: {refusal}."
        raise type(error)(message, fix=error.fix) from error


async def _first_to_answer(
    secure: GatewayTarget, plain: GatewayTarget, seconds: float, attempts: _Attempts
) -> tuple[GatewayTarget, _Answer]:
    """Ask anonymously over TLS and, if that leads nowhere, without; a bad certificate is never got around.

    When both fail, the error is the one that says more: of plain HTTP where something answered there, else that of TLS
    with an address in place of a URL, since nobody knows which of the two the gateway speaks.
    """
    tls = asyncio.ensure_future(_ask(secure, seconds, attempts))
    clear: asyncio.Future[_Answer] | None = None
    try:
        await asyncio.wait({tls}, timeout=TLS_HEAD_START_S)
        if _may_be_plain(tls):
            clear = asyncio.ensure_future(_ask(plain, seconds, attempts))
            await asyncio.wait({tls, clear}, return_when=asyncio.FIRST_COMPLETED)
            if _may_be_plain(tls):
                await asyncio.wait({clear})
                if clear.exception() is None and _may_be_plain(tls):
                    return plain, clear.result()
                await asyncio.wait({tls})
            if clear.done() and (over_tls := tls.exception()) and (without := clear.exception()):
                raise _true_of_both(over_tls, without, secure)
        return secure, await tls
    finally:
        started = [task for task in (tls, clear) if task is not None]
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


def _true_of_both(over_tls: BaseException, without: BaseException, secure: GatewayTarget) -> BaseException:
    """Return the error that says what is true after both ways have failed."""
    if isinstance(over_tls, GatewayCertificate):
        return over_tls
    if isinstance(over_tls, NotAGateway) or isinstance(without, NotAGateway):
        return without
    return explain(over_tls.__cause__ or over_tls, replace(secure, url=urlsplit(secure.url).netloc))


def _may_be_plain(tls: asyncio.Future[_Answer]) -> bool:
    """Whether the attempt over TLS leaves room for a server that speaks plain HTTP."""
    if not tls.done():
        return True
    error = tls.exception()
    return error is not None and not isinstance(error, GatewayCertificate)


async def _ask(target: GatewayTarget, seconds: float, attempts: _Attempts) -> _Answer:
    """Do ``GET /api`` on a connection of its own; the target's credentials go along, if it has any."""
    limits = aiohttp.ClientTimeout(total=2 * seconds, sock_connect=seconds, sock_read=seconds)
    connector = aiohttp.TCPConnector(ssl=target.ssl_context or True, resolver=RememberingResolver(target.routes))
    request = HTTPRequest("GET", f"{target.url}/api", {"Accept": "application/json"})
    request = await target.auth.prepare(request)
    who = "anonymous" if isinstance(target.auth, NoAuth) else "with credentials"
    try:
        async with (
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=limits) as http,
            http.get(request.url, headers=request.headers, allow_redirects=False) as answer,
        ):
            attempts.note(f"{target.url}/api {who}: HTTP {answer.status}")
            return _Answer(answer.status, answer.content_type, await answer.read(), request)
    except CONNECTION_ERRORS as error:
        told = explain(error, target)
        attempts.note(f"{target.url}/api {who}: {told.reason}")
        raise told from error


async def _honoured(
    target: GatewayTarget, answer: _Answer, connect_timeout: float, seconds: float, attempts: _Attempts
) -> _Answer:
    """Ask until the gateway takes the credentials and is up, or ``seconds`` are over; renew once on half the way."""
    end = time.monotonic() + seconds
    backoff, renewed = Backoff(FIRST_PAUSE_S, LAST_PAUSE_S), False
    if answer.wants_credentials:
        answer = await _ask(target, connect_timeout, attempts)
    while answer.status >= 400:
        pause = backoff.next()
        if time.monotonic() + pause > end or not (answer.wants_credentials or answer.status in RETRIED):
            raise refuse(answer.status, answer.body, target)
        await asyncio.sleep(pause)
        if answer.wants_credentials and not renewed and time.monotonic() > end - seconds / 2:
            renewed = True
            await target.auth.renew(answer.request)
        answer = await _ask(target, connect_timeout, attempts)
    return answer


def _versions(answer: _Answer, target: GatewayTarget) -> dict[str, Any]:
    """Return the body of ``GET /api``, or raise :class:`NotAGateway` for a server of another kind."""
    api = parse(answer.status, answer.kind, answer.body, target)
    if isinstance(api, dict) and "version" in api:
        return api
    shown = json.dumps(api)[:60]
    message = f"What answers at {target.where} is no Jupyter server (GET /api: {shown})."
    raise NotAGateway(message, fix="Check the address and the port.")
