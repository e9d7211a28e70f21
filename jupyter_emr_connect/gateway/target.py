"""Where a gateway is and how to speak to it: address, trust and credentials of one compute."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..errors import ConfigurationError, GatewayCertificate


class Auth(Protocol):
    """Gives the headers that prove who we are; the secret behind it lives in memory and never shows in ``repr``.

    ``services.credentials`` implements it for pairs and tokens that expire. Every method runs on the gateway loop.
    """

    async def headers(self) -> dict[str, str]:
        """Return the headers for one request; called before each, so it may renew what is about to expire."""
        ...

    async def renew(self) -> None:
        """Get new credentials now; called once when the gateway answered 401 or 403."""
        ...


class NoAuth:
    """A gateway that asks nothing."""

    async def headers(self) -> dict[str, str]:
        """Return no headers."""
        return {}

    async def renew(self) -> None:
        """There is nothing to renew."""


@dataclass(frozen=True)
class BasicAuth:
    """A fixed user name and password (HTTP Basic, RFC 7617)."""

    username: str
    password: str = field(repr=False)

    async def headers(self) -> dict[str, str]:
        """Return the Basic header."""
        pair = f"{self.username}:{self.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}

    async def renew(self) -> None:
        """A fixed pair cannot be renewed."""


@dataclass(frozen=True)
class TokenAuth:
    """A fixed token in the scheme that JEG takes (reference 5.3: ``token``; it refuses ``Bearer``)."""

    token: str = field(repr=False)

    async def headers(self) -> dict[str, str]:
        """Return the token header."""
        return {"Authorization": f"token {self.token}"}

    async def renew(self) -> None:
        """A fixed token cannot be renewed."""


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
