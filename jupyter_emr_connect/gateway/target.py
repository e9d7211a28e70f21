"""Where a gateway is and how to speak to it: address, trust and credentials of one compute."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..errors import ConfigurationError, EMRConnectError, GatewayCertificate


class Auth(Protocol):
    """Gives the headers that prove who we are; the secret behind it lives in memory and never shows in ``repr``.

    ``services.credentials.renewal`` implements it for pairs and tokens that expire. Every method runs on the gateway
    loop.

    :meth:`headers` and :meth:`renew` raise subclasses of ``EMRConnectError`` and nothing else: ``AWSError`` (denied,
    throttled, no answer), ``ConfigurationError`` (none found), ``RoleError``, ``NotAttachable``, ``GatewayRefused``.
    Whoever holds a connection takes those that are no ``GatewayError``, and ``GatewayRefused``, as *credentials*: it
    says so, with the error's message and fix, keeps the kernel and tries on. Trying costs AWS nothing: while the
    connection holds the secret, failures are repeated without asking until the next attempt is due.
    """

    @property
    def trouble(self) -> EMRConnectError | None:
        """Why the last renewal failed, though the old secret may still be good; None while all is well."""
        ...

    async def headers(self) -> dict[str, str]:
        """Return the headers for one request; called before each, so it may renew what is about to expire."""
        ...

    async def renew(self, refused: Mapping[str, str]) -> None:
        """Replace the credentials in these headers, to which the gateway answered 401 or 403.

        Returns at once where others are in use meanwhile. Called once for a request, which is then repeated.
        """
        ...

    def hold(self, owner: object) -> None:
        """Renew before expiry by itself from now on, since ``owner`` has a connection on which it asks nothing."""
        ...

    def release(self, owner: object) -> None:
        """Take :meth:`hold` back; called when the connection is closed for good."""
        ...


class FixedAuth:
    """What all credentials have in common that neither expire nor can be renewed."""

    trouble: EMRConnectError | None = None

    async def renew(self, refused: Mapping[str, str]) -> None:
        """There is nothing to renew."""

    def hold(self, owner: object) -> None:
        """There is nothing to keep fresh."""

    def release(self, owner: object) -> None:
        """There is nothing to keep fresh."""


class NoAuth(FixedAuth):
    """A gateway that asks nothing."""

    async def headers(self) -> dict[str, str]:
        """Return no headers."""
        return {}


@dataclass(frozen=True)
class BasicAuth(FixedAuth):
    """A fixed user name and password (HTTP Basic, RFC 7617)."""

    username: str
    password: str = field(repr=False)

    async def headers(self) -> dict[str, str]:
        """Return the Basic header."""
        pair = f"{self.username}:{self.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}


@dataclass(frozen=True)
class TokenAuth(FixedAuth):
    """A fixed token in the scheme that JEG takes (reference 5.3: ``token``; it refuses ``Bearer``)."""

    token: str = field(repr=False)

    async def headers(self) -> dict[str, str]:
        """Return the token header."""
        return {"Authorization": f"token {self.token}"}


@dataclass(frozen=True)
class Discovery:
    """What the probe found at a gateway's address, for messages and ``jupyter emr doctor``.

    ``demands`` is what an anonymous call was told: ``nothing``, ``credentials`` or ``unknown`` (it was never asked
    without). ``attempts`` are one line each, in order; ``seconds`` is how long the probe took.
    """

    scheme: str
    version: str = ""
    gateway_version: str = ""
    demands: str = "unknown"
    attempts: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class GatewayTarget:
    """One gateway: ``url`` without a trailing slash (a path prefix is kept), ``label`` is its name in messages."""

    url: str
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    auth: Auth = field(default_factory=NoAuth, repr=False)
    label: str = "the gateway"
    found: Discovery | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", self.url.rstrip("/"))


def make_ssl_context(ca_file: str | None = None, *, ca_data: str | None = None) -> ssl.SSLContext:
    """Return a context that trusts the system's CAs and, for this compute alone, the PEMs given.

    ``ca_file`` is one that the user names; ``ca_data`` comes from AWS, and may be the gateway's own self-signed
    certificate (reference 2.2). Raises :class:`ConfigurationError` or :class:`GatewayCertificate` for a PEM that cannot
    be read.
    """
    context = ssl.create_default_context()
    try:
        if ca_file:
            context.load_verify_locations(cafile=str(Path(ca_file).expanduser()))
    except (OSError, ssl.SSLError) as error:
        message = f"The certificate authority {ca_file} cannot be read: {error}."
        fix = "EMRConnect.certificate_authorities must name a PEM file that you can read."
        raise ConfigurationError(message, fix=fix) from error
    try:
        if ca_data:
            context.load_verify_locations(cadata=ca_data)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    except (ValueError, ssl.SSLError) as error:
        message = f"The certificate that AWS names for the gateway cannot be read: {error}."
        raise GatewayCertificate(message, fix="Name its CA in EMRConnect.certificate_authorities.") from error
    return context
