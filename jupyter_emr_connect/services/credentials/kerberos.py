"""Kerberos (SPNEGO, RFC 4559) as an ``Auth``: the user's own ticket, from his ticket cache, proves who he is to Livy.

The package ``gssapi`` comes with the extra ``kerberos``; on Linux its installation needs the system's krb5 headers and
a compiler, so that nothing else depends on it. It is imported where a request is signed.
"""

from __future__ import annotations

import base64
from importlib import import_module
from typing import Any

from ...errors import KerberosFailed
from ...executors import AWS, run_in
from ...http.auth import FixedAuth, HTTPRequest
from ..compute.kinds.clusters import KERBEROS_PACKAGE

INSTALL = (
    "pip install 'jupyter_emr_connect[kerberos]', which on Linux needs the krb5 headers and a compiler "
    "(Debian: libkrb5-dev gcc; Red Hat: krb5-devel gcc)"
)
LOG_IN = "Log in by `kinit` (`klist` shows the tickets), and check /etc/krb5.conf or $KRB5_CONFIG."
# MIT Kerberos' codes as GSS-API's minor status: the numbers of RFC 4120 on top of a base, as 32 bits without a sign.
BASE = -1765328384
SERVER_UNKNOWN, TICKET_EXPIRED, NO_KDC = ((BASE + number) % 2**32 for number in (7, 32, 156))


class KerberosAuth(FixedAuth):
    """Sends a ticket for ``HTTP/<host>`` with each request, of the user who has logged in by ``kinit``."""

    def __init__(self, host: str) -> None:
        self._host = host

    async def prepare(self, request: HTTPRequest) -> HTTPRequest:
        """Return the request with a token of its own; raises ``KerberosFailed``."""
        token = await run_in(AWS, token_for, self._host)  # the KDC may have to be asked
        return request.with_header("Authorization", f"Negotiate {base64.b64encode(token).decode('ascii')}")


def token_for(host: str) -> bytes:
    """Return a token for the HTTP service of a host; blocks on the ticket cache and the KDC.

    Raises ``KerberosFailed``, which says how the package is installed where it is missing, and MIT Kerberos' own words.
    """
    try:
        gssapi: Any = import_module(KERBEROS_PACKAGE)
    except ImportError as error:  # not there, or without the system's library
        message = (
            f"{host} asks for a Kerberos ticket, and the package {KERBEROS_PACKAGE} cannot be used here ({error})."
        )
        raise KerberosFailed(message, fix=f"{INSTALL}.") from error
    try:
        name = gssapi.Name(f"HTTP@{host}", gssapi.NameType.hostbased_service)
        token: bytes | None = gssapi.SecurityContext(name=name, usage="initiate").step()
    except gssapi.exceptions.GSSError as error:
        raise _failure(host, error) from error
    if token is None:
        message = f"There is no Kerberos ticket for {host}: no token was made."
        raise KerberosFailed(message, fix=LOG_IN)
    return token


def _failure(host: str, error: Exception) -> KerberosFailed:
    """Return our error for one of ``gssapi``, by MIT Kerberos' code for what happened (RFC 4120, 7.5.9)."""
    said = " ".join(str(error).split())
    reason = said.rpartition("Minor (")[2].partition("): ")[2] or said
    code = getattr(error, "min_code", 0)
    if code == TICKET_EXPIRED:
        return KerberosFailed(f"The Kerberos ticket for {host} has ended ({reason}).", fix=LOG_IN)
    if code == SERVER_UNKNOWN:
        message = f"The Kerberos server (KDC) does not know HTTP/{host} ({reason})."
        fix = (
            "Use the name that the server has in Kerberos, mostly its full host name; or its administrator adds "
            "the principal."
        )
        return KerberosFailed(message, fix=fix)
    if code == NO_KDC:
        message = f"There is no Kerberos ticket for {host}, since the Kerberos server (KDC) is not reached ({reason})."
        fix = "Check the network (VPN), and the realm's `kdc` in /etc/krb5.conf or $KRB5_CONFIG."
        return KerberosFailed(message, fix=fix)
    return KerberosFailed(f"There is no Kerberos ticket for {host} ({reason}).", fix=LOG_IN)
