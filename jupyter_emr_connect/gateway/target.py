"""Where a gateway is and how to speak to it: address, trust and credentials of one compute."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from ..http.auth import Auth, NoAuth
from ..http.resolver import Routes


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
    """One gateway: ``url`` without a trailing slash (a path prefix is kept), ``label`` is its name in messages.

    ``routes`` say where hosts are reached in truth (``EMRConnect.routes``).
    """

    url: str
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    auth: Auth = field(default_factory=NoAuth, repr=False)
    label: str = "the gateway"
    found: Discovery | None = None
    routes: Routes = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", self.url.rstrip("/"))

    @property
    def where(self) -> str:
        """The gateway in messages: its label and its address."""
        return f"{self.label} at {self.url}"
