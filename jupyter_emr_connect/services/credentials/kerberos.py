"""Kerberos (SPNEGO, RFC 4559) as an ``Auth``: the user's own ticket, from his ticket cache, proves who he is to Livy.

The package ``gssapi`` comes with the extra ``kerberos``; on Linux its installation needs the system's krb5 headers and
a compiler, so that nothing else depends on it. It is imported where a request is signed.
"""

from __future__ import annotations

import base64
from importlib import import_module
from typing import Any

from ...errors import EMRConnectError, KerberosFailed
from ...executors import AWS, run_in
from ...http.auth import FixedAuth, HTTPRequest
from ..compute.kinds.clusters import KERBEROS_PACKAGE

INSTALL = (
    "pip install 'jupyter_emr_connect[kerberos]', which on Linux needs the krb5 headers and a compiler "
    "(Debian: libkrb5-dev gcc; Red Hat: krb5-devel gcc)"
)


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
        raise _failed(host, " ".join(str(error).split())) from error
    if token is None:
        raise _failed(host, "no token was made")
    return token


def _failed(host: str, said: str) -> EMRConnectError:
    message = f"There is no Kerberos ticket for {host}: {said}."
    return KerberosFailed(message, fix="Log in by `kinit` (`klist` shows the tickets), and check /etc/krb5.conf.")
