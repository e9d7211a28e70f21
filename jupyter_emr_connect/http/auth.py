"""Credentials on an HTTP request: what :meth:`Auth.prepare` sees is the whole request, so that it may sign it.

The model is httpx's auth flow: a client builds a request, has it prepared, sends it, and after a refusal asks once for
other credentials.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..errors import EMRConnectError


@dataclass(frozen=True)
class HTTPRequest:
    """A request as it is sent: ``url`` with its query, ``body`` the bytes; secrets in it never show in ``repr``."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def with_header(self, name: str, value: str) -> HTTPRequest:
        """Return the request with one header set."""
        return replace(self, headers={**self.headers, name: value})


class Auth(Protocol):
    """Proves who we are on a request; the secret behind it lives in memory and never shows in ``repr``.

    ``services.credentials.renewal`` implements it for pairs and tokens that expire. Every method runs on the loop of
    the connection, for gateways the gateway loop.

    :meth:`prepare` and :meth:`renew` raise subclasses of ``EMRConnectError`` and nothing else: ``AWSError`` (denied,
    throttled, no answer), ``ConfigurationError`` (none found), ``RoleError``, ``NotAttachable``, ``GatewayRefused``.
    Whoever holds a connection takes those that are no ``GatewayError``, and ``GatewayRefused``, as *credentials*: it
    says so, with the error's message and fix, keeps the kernel and tries on. Trying costs AWS nothing: while the
    connection holds the secret, failures are repeated without asking until the next attempt is due.
    """

    @property
    def last_error(self) -> EMRConnectError | None:
        """Why the last renewal failed, though the old secret may still be good; None while all is well."""
        ...

    async def prepare(self, request: HTTPRequest) -> HTTPRequest:
        """Return the request with credentials; called before each is sent, so it may renew what is about to expire."""
        ...

    async def renew(self, refused: HTTPRequest) -> None:
        """Replace the credentials of this prepared request, to which the server answered 401 or 403.

        Returns at once where others are in use meanwhile. Called once for a request, which is then prepared again.
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

    last_error: EMRConnectError | None = None

    async def renew(self, refused: HTTPRequest) -> None:
        """Do nothing: there is nothing to renew."""

    def hold(self, owner: object) -> None:
        """Do nothing: there is nothing to keep fresh."""

    def release(self, owner: object) -> None:
        """Do nothing: there is nothing to keep fresh."""


class NoAuth(FixedAuth):
    """For a server that asks nothing."""

    async def prepare(self, request: HTTPRequest) -> HTTPRequest:
        """Return the request without credentials, as it came."""
        return request


@dataclass(frozen=True)
class BasicAuth(FixedAuth):
    """A fixed user name and password (HTTP Basic, RFC 7617)."""

    username: str
    password: str = field(repr=False)

    async def prepare(self, request: HTTPRequest) -> HTTPRequest:
        """Return the request with the Basic header."""
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")
        return request.with_header("Authorization", f"Basic {pair}")


@dataclass(frozen=True)
class TokenAuth(FixedAuth):
    """A fixed token in the scheme of Jupyter's servers (reference 5.3: JEG takes ``token`` and refuses ``Bearer``)."""

    token: str = field(repr=False)

    async def prepare(self, request: HTTPRequest) -> HTTPRequest:
        """Return the request with the token header."""
        return request.with_header("Authorization", f"token {self.token}")
