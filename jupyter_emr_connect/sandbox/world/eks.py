"""EMR on EKS in the sandbox: virtual clusters, managed endpoints, and the tokens issued for endpoints."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

TOKEN_LIFETIME_S = 900.0
TOKEN_MAX_LIFETIME_S = 43_200.0
# Expired tokens are remembered this long, so that the door can tell an expired token from an unknown one.
EXPIRED_KEPT_S = 3600.0


@dataclass(frozen=True)
class VirtualClusterSpec:
    """A virtual cluster: an EKS cluster's namespace that EMR may use."""

    id: str
    name: str
    account: str
    region: str
    state: str = "RUNNING"
    eks_cluster: str = "eks-sandbox"
    namespace: str = "emr"
    tags: dict[str, str] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def arn(self) -> str:
        """The virtual cluster's ARN (it begins with ``/`` in its last part, as AWS's does)."""
        return f"arn:aws:emr-containers:{self.region}:{self.account}:/virtualclusters/{self.id}"


@dataclass(frozen=True)
class EndpointSpec:
    """A managed endpoint of a virtual cluster.

    ``address`` is the loopback address where its gateway answers over TLS (``port``); ``engines`` is False for one that
    is listed only. ``certificate`` is the PEM of the CA that signed the gateway's certificate; ``overrides`` its
    ``configurationOverrides`` in AWS's shape.
    """

    id: str
    name: str
    virtual_cluster: VirtualClusterSpec
    address: str
    execution_role: str
    type: str = "JUPYTER_ENTERPRISE_GATEWAY"
    port: int = 18888
    release: str = "emr-7.0.0-latest"
    state: str = "ACTIVE"
    state_details: str = ""
    failure_reason: str = ""
    overrides: dict[str, Any] = field(default_factory=dict, repr=False)
    engines: bool = True
    gateway_version: str = "3.3.0"
    certificate: str = field(default="", repr=False)
    tags: dict[str, str] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def arn(self) -> str:
        """The endpoint's ARN."""
        return f"{self.virtual_cluster.arn}/endpoints/{self.id}"

    @property
    def compute_id(self) -> str:
        """The product's id of this compute: ``<virtual cluster>/<endpoint>``."""
        return f"{self.virtual_cluster.id}/{self.id}"

    @property
    def server_url(self) -> str:
        """The address of the endpoint's gateway; empty where it has none."""
        return f"https://{self.address}:{self.port}" if self.address else ""


@dataclass(frozen=True)
class Token:
    """A token as issued by ``GetManagedEndpointSessionCredentials``: for whom, where, until when."""

    id: str
    value: str = field(repr=False)
    endpoint_id: str
    role_arn: str
    caller_arn: str
    expires_at: float


class TokenRegistry:
    """Issues and checks tokens of managed endpoints; times are seconds since the epoch. Safe from any thread.

    No token lives longer than ``longest`` seconds, whatever was asked for; tests make it short.
    """

    def __init__(self, *, longest: float = TOKEN_MAX_LIFETIME_S) -> None:
        self.longest = longest
        self._tokens: dict[str, Token] = {}
        self._lock = threading.Lock()

    def issue(self, endpoint_id: str, role_arn: str, caller_arn: str, seconds: float = TOKEN_LIFETIME_S) -> Token:
        """Make a new token for one execution role on one endpoint."""
        now = time.time()
        token = Token(
            id=secrets.token_hex(13),
            value=secrets.token_urlsafe(48),
            endpoint_id=endpoint_id,
            role_arn=role_arn,
            caller_arn=caller_arn,
            expires_at=now + min(seconds, self.longest),
        )
        with self._lock:
            self._tokens = {key: old for key, old in self._tokens.items() if old.expires_at + EXPIRED_KEPT_S > now}
            self._tokens[token.id] = token
        return token

    def check(self, endpoint_id: str, value: str) -> Token | None:
        """Return the token when it is good on this endpoint now, else None."""
        token = self._known(endpoint_id, value)
        return token if token and time.time() < token.expires_at else None

    def expired(self, endpoint_id: str, value: str) -> bool:
        """Tell whether this was a token of this endpoint that has expired."""
        token = self._known(endpoint_id, value)
        return token is not None and token.expires_at <= time.time()

    def _known(self, endpoint_id: str, value: str) -> Token | None:
        with self._lock:
            tokens = list(self._tokens.values())
        given = value.encode()
        same = [token for token in tokens if hmac.compare_digest(token.value.encode(), given)]
        return next((token for token in same if token.endpoint_id == endpoint_id), None)

    def expire(self, endpoint_id: str | None = None) -> int:
        """Expire all tokens (of one endpoint) at once; return how many."""
        now = time.time()
        with self._lock:
            hit = [t for t in self._tokens.values() if endpoint_id in (None, t.endpoint_id) and t.expires_at > now]
            for token in hit:
                self._tokens[token.id] = replace(token, expires_at=now)
        return len(hit)


def standard_endpoints(subnet: str, account: str, region: str) -> list[EndpointSpec]:
    """Return the endpoints every sandbox comes with (contract): ``notebooks`` of the virtual cluster ``team``.

    Its address is ``127.0.<subnet>.8``; ``certificate`` is for the front door to fill in.
    """
    now = datetime.now(timezone.utc)
    tags = {"owner": "sandbox", "team": "team"}
    team = VirtualClusterSpec(
        "sandboxteam00000000000000", "team", account, region, tags=tags, created_at=now - timedelta(minutes=9)
    )
    notebooks = EndpointSpec(
        id="sandboxnotebooks000000000",
        name="notebooks",
        virtual_cluster=team,
        address=f"127.0.{subnet}.8",
        execution_role=f"arn:aws:iam::{account}:role/EMRAnalyst",
        tags=tags,
        created_at=now - timedelta(minutes=8),
    )
    return [notebooks]
