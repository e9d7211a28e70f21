"""What aiohttp, TLS and the resolver say of a connection that failed, as a sentence with its remedy."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import aiohttp

from .proxies import ignored_proxy, proxy_for, proxy_host
from .resolver import Routes

TRUST_FIX = (
    "Name its CA, or the very certificate, in EMRConnect.certificate_authorities, as {compute id or name: PEM file}."
)
PROXY_FIX = "Check HTTPS_PROXY; a host that is reached without it belongs into NO_PROXY."
REACH_FIX = "Check that the compute runs, and that its security group lets this machine in on this port."
# X509_V_ERR_* of OpenSSL (x509_vfy.h)
EXPIRED, NOT_YET_VALID, WRONG_HOST, WRONG_ADDRESS = 10, 9, 62, 64
# Chains that lead to a trusted CA, but whose certificates lack what RFC 5280 asks for. Those from 79 on are met under
# X509_V_FLAG_X509_STRICT alone, which Python's ssl sets from 3.13 on (ssl.create_default_context).
UNFIT_FORMS = frozenset({24, 32, 34, 37, 41, *range(79, 95)})
WEAK_KEYS = frozenset({66, 67, 68})

CONNECTION_ERRORS = (aiohttp.ClientError, OSError, asyncio.TimeoutError)
"""What a request over aiohttp raises when no whole answer came."""


@dataclass(frozen=True)
class ConnectionFailure:
    """Why no answer came: ``certificate`` not trusted, another ``protocol`` than expected, or peer ``unreachable``."""

    kind: Literal["certificate", "protocol", "unreachable"]
    message: str
    fix: str


def describe_failure(
    error: BaseException, *, label: str, url: str, peer: str, routes: Routes = MappingProxyType({})
) -> ConnectionFailure:
    """Return what a failed request means; called by the clients of servers, each of which raises its own classes.

    ``label`` names the server in messages, ``peer`` what is expected there ("a gateway"). A proxy that stood between,
    or one that the environment names and that could not be used, is said.
    """
    proxy = proxy_for(url, routes)
    if proxy and isinstance(error, aiohttp.ClientHttpProxyError):
        message = f"The proxy {proxy_host(proxy)} does not lead to {label} at {url}: {error.status} {error.message}."
        return ConnectionFailure("unreachable", message, PROXY_FIX)
    if proxy and isinstance(error, aiohttp.ClientProxyConnectionError):
        message = f"The proxy {proxy_host(proxy)}, by which {label} at {url} is to be reached, does not answer."
        return ConnectionFailure("unreachable", message, PROXY_FIX)
    failure = _describe_failure(error, label=label, url=url, peer=peer)
    if failure.kind == "unreachable" and (ignored := ignored_proxy(url, routes)):
        message = f"{failure.message} The environment names a proxy of kind {ignored}, which is not heeded."
        fix = "Name an HTTP proxy in HTTPS_PROXY, or lead the host through a tunnel: EMRConnect.routes."
        return ConnectionFailure("unreachable", message, fix)
    return failure


def _describe_failure(error: BaseException, *, label: str, url: str, peer: str) -> ConnectionFailure:
    where = f"{label} at {url}"
    cause = getattr(error, "certificate_error", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _describe_certificate(cause, where)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ConnectionFailure("unreachable", f"The host name of {where} is not known here.", REACH_FIX)
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        message = f"{where} does not speak TLS at this port."
        return ConnectionFailure("protocol", message, "Check the port, and whether in-transit encryption is on.")
    if isinstance(error, asyncio.TimeoutError | aiohttp.ServerTimeoutError):
        return ConnectionFailure("unreachable", f"{where} did not answer in time.", REACH_FIX)
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, ConnectionResetError | ConnectionAbortedError):
            return ConnectionFailure("unreachable", f"{where} cut the connection while it was made.", REACH_FIX)
        reason = error.os_error.strerror or "no connection"
        return ConnectionFailure("unreachable", f"{where} refused the connection: {reason}.", REACH_FIX)
    if isinstance(error, aiohttp.ClientResponseError):
        message = f"What answers at {where} does not speak HTTP as {peer} does."
        return ConnectionFailure("protocol", message, REACH_FIX)
    return ConnectionFailure("unreachable", f"The connection to {where} was lost.", REACH_FIX)


def _describe_certificate(error: ssl.SSLCertVerificationError, where: str) -> ConnectionFailure:
    message, fix = f"The certificate of {where} is not trusted: {error.verify_message}.", TRUST_FIX
    if error.verify_code in (WRONG_HOST, WRONG_ADDRESS):
        message = f"The certificate of {where} was issued for another host."
        fix = "Use the host name that the certificate names."
    elif error.verify_code in (EXPIRED, NOT_YET_VALID):
        message = f"The certificate of {where} is out of date: {error.verify_message}."
        fix = "Have it renewed; also check this machine's clock."
    elif error.verify_code in UNFIT_FORMS:
        message = f"The certificate of {where} is refused for its form, or its CA's: {error.verify_message}."
        fix = "Have that one issued anew as RFC 5280 asks for; Python 3.13 and later insist on more of it than 3.12."
    elif error.verify_code in WEAK_KEYS:
        message = f"The certificate of {where}, or its CA's, is too weak: {error.verify_message}."
        fix = "Have that one issued anew with a longer key and a newer digest."
    return ConnectionFailure("certificate", message, fix)


def was_lost(error: BaseException) -> bool:
    """Return whether a connection was there and went; one that never came about is no better the next moment."""
    return isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | ConnectionResetError) and (
        not isinstance(error, aiohttp.ClientConnectorError)
    )


def may_have_reached_server(error: BaseException | None) -> bool:
    """Return whether the server may still work on a request: it was begun, and lost before an answer.

    For a kernel's WebSocket JEG then opens its end all the same, and keeps it, since its ``on_close`` came before its
    ``open``.
    """
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return False
    answered_or_never_sent = aiohttp.WSServerHandshakeError | aiohttp.ClientConnectorError | aiohttp.ServerTimeoutError
    return not isinstance(error, answered_or_never_sent)
