"""The one in-memory state that the AWS front, the front doors and the supervisor share; they run in one process.

Nothing in here is written to disk: pairs and tokens die with the process. All methods may be called from any thread.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from .directory import Directory
from .eks import EndpointSpec, TokenRegistry, VirtualClusterSpec, standard_endpoints
from .faults import FaultBoard
from .security import StoredSecurityConfigurations
from .serverless import ApplicationSpec, standard_applications

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "210987654321"
"""The account that shares its computes with the sandbox's own, for what crosses accounts."""
REGION = "us-east-1"
PAIR_LIFETIME_S = 900.0
PROPAGATION_S = 0.5
# Expired pairs are remembered this long, so that the front door can tell an expired pair from an unknown one.
EXPIRED_KEPT_S = 3600.0


@dataclass(frozen=True)
class ClusterSpec:
    """A cluster of the sandbox: what AWS says of it, and which engines stand behind its address.

    ``address`` is the loopback address that AWS reports as ``MasterPublicDnsName``; ``tls`` means in-transit
    encryption with a private CA; ``engines`` is False for clusters that are listed only (seeded, terminated),
    ``lazy`` means that they start at their first use. ``ldap``: its Livy asks for a user and password of ``directory``.
    ``fleets`` means instance fleets in place of groups; ``described`` holds further members of DescribeCluster's
    answer, in its shape (what RunJobFlow was told: ``Configurations``, ``LogUri`` …), and ``InstanceGroups`` or
    ``InstanceFleets`` in the shape of their own lists.
    """

    id: str
    name: str
    address: str
    release: str = "emr-7.0.0"
    state: str = "WAITING"
    state_reason: str = ""
    applications: tuple[tuple[str, str], ...] = (
        ("Spark", "3.5.0"),
        ("Livy", "0.7.1"),
        ("JupyterEnterpriseGateway", "2.6.0"),
    )
    runtime_roles: bool = False
    tls: bool = False
    kerberos: bool = False
    ldap: bool = False
    engines: bool = True
    lazy: bool = False
    gateway_version: str = "3.3.0"
    security_configuration: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    account: str = ACCOUNT
    region: str = REGION
    ready_at: datetime | None = None
    ended_at: datetime | None = None
    termination_protected: bool = False
    fleets: bool = False
    described: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def has_gateway(self) -> bool:
        """Whether Jupyter Enterprise Gateway is installed."""
        return any(name == "JupyterEnterpriseGateway" for name, _ in self.applications)

    @property
    def arn(self) -> str:
        """The cluster's ARN."""
        return f"arn:aws:elasticmapreduce:{self.region}:{self.account}:cluster/{self.id}"


@dataclass(frozen=True)
class Pair:
    """A Basic pair as issued by ``GetClusterSessionCredentials``: who it is for, where, from when to when."""

    username: str
    password: str = field(repr=False)
    cluster_id: str
    role_arn: str
    caller_arn: str
    valid_from: float
    expires_at: float

    @property
    def user(self) -> str:
        """The user that sessions of this role run as."""
        return user_of_role(self.role_arn)


def user_of_role(role_arn: str) -> str:
    """Return the user name on the cluster for a runtime role: its name in lower case."""
    return role_arn.rsplit("/", 1)[-1].lower()


class PairRegistry:
    """Issues and checks Basic pairs; times are seconds since the epoch."""

    def __init__(self, *, lifetime: float = PAIR_LIFETIME_S, propagation: float = PROPAGATION_S) -> None:
        self.lifetime = lifetime
        self.propagation = propagation
        self._pairs: dict[str, Pair] = {}
        self._lock = threading.Lock()

    def issue(self, cluster_id: str, role_arn: str, caller_arn: str) -> Pair:
        """Make a new pair; the cluster honours it only after ``propagation`` seconds, as the real one does."""
        now = time.time()
        pair = Pair(
            username=f"{user_of_role(role_arn)[:20]}-{secrets.token_hex(6)}",
            password=secrets.token_urlsafe(32),
            cluster_id=cluster_id,
            role_arn=role_arn,
            caller_arn=caller_arn,
            valid_from=now + self.propagation,
            expires_at=now + self.lifetime,
        )
        with self._lock:
            self._pairs = {name: old for name, old in self._pairs.items() if old.expires_at + EXPIRED_KEPT_S > now}
            self._pairs[pair.username] = pair
        return pair

    def check(self, cluster_id: str, username: str, password: str) -> Pair | None:
        """Return the pair when it is good on this cluster now, else None."""
        pair = self._known(cluster_id, username, password)
        return pair if pair and pair.valid_from <= time.time() < pair.expires_at else None

    def expired(self, cluster_id: str, username: str, password: str) -> bool:
        """Tell whether this was a pair of this cluster that has expired."""
        pair = self._known(cluster_id, username, password)
        return pair is not None and pair.expires_at <= time.time()

    def _known(self, cluster_id: str, username: str, password: str) -> Pair | None:
        with self._lock:
            pair = self._pairs.get(username)
        known = pair.password if pair else secrets.token_urlsafe(32)
        same = hmac.compare_digest(known.encode(), password.encode())
        return pair if pair and same and pair.cluster_id == cluster_id else None

    def expire(self, cluster_id: str | None = None) -> int:
        """Expire all pairs (of one cluster) at once; return how many."""
        now = time.time()
        with self._lock:
            hit = [p for p in self._pairs.values() if cluster_id in (None, p.cluster_id) and p.expires_at > now]
            for pair in hit:
                self._pairs[pair.username] = replace(pair, expires_at=now)
        return len(hit)


class RequestLog:
    """What the AWS front answered, newest last; never a header or a body."""

    def __init__(self, size: int = 20_000) -> None:
        self._rows: deque[dict[str, Any]] = deque(maxlen=size)
        self._lock = threading.Lock()

    def add(self, *, service: str, action: str, principal: str, status: int, size: int, region: str) -> None:
        """Append one row; ``time`` is seconds since the epoch, ``bytes`` the answer's size."""
        row = {
            "time": time.time(),
            "service": service,
            "action": action,
            "principal": principal,
            "region": region,
            "status": status,
            "bytes": size,
        }
        with self._lock:
            self._rows.append(row)

    def since(self, moment: float = 0.0) -> list[dict[str, Any]]:
        """Return the rows after ``moment`` (seconds since the epoch)."""
        with self._lock:
            return [row for row in self._rows if row["time"] > moment]


class World:
    """Everything that the parts of one sandbox share."""

    def __init__(self, name: str = "default", *, lifetime: float = PAIR_LIFETIME_S) -> None:
        self.name = name
        self.account = ACCOUNT
        self.region = REGION
        self.clusters: dict[str, ClusterSpec] = {}
        self.virtual_clusters: dict[str, VirtualClusterSpec] = {}
        self.endpoints: dict[str, EndpointSpec] = {}
        self.applications: dict[str, ApplicationSpec] = {}
        self.security = StoredSecurityConfigurations()
        self.tokens = TokenRegistry()
        self.directory = Directory()
        self.pairs = PairRegistry(lifetime=lifetime)
        self.faults = FaultBoard()
        self.log = RequestLog()
        self.place: Callable[[ClusterSpec], ClusterSpec] = lambda spec: spec
        """Called for each cluster that ``RunJobFlow`` makes; the supervisor may give it an address and engines."""

    def compute(self, text: str) -> str | None:
        """Return the product's id of a compute of any kind by id or, where only one has it, by name."""
        named = [(spec.id, spec.name) for spec in self.clusters.values()]
        named += [(spec.id, spec.name) for spec in self.applications.values()]
        named += [(spec.compute_id, spec.name) for spec in self.endpoints.values()]
        by_id = [key for key, _ in named if text in (key, key.rpartition("/")[2])]
        found = by_id or [key for key, name in named if name == text]
        return found[0] if len(found) == 1 else None

    def is_ended_endpoint(self, endpoint_id: str) -> bool:
        """Return whether the managed endpoint ends or has ended; asked by its front door for each connection."""
        endpoint = self.endpoints.get(endpoint_id)
        return endpoint is not None and endpoint.state.startswith("TERMINAT")

    def cluster(self, text: str) -> ClusterSpec | None:
        """Return a cluster by id or, where only one has it, by name."""
        if text in self.clusters:
            return self.clusters[text]
        named = [spec for spec in self.clusters.values() if spec.name == text]
        return named[0] if len(named) == 1 else None


def standard_clusters(subnet: str) -> list[ClusterSpec]:
    """Return the clusters every sandbox comes with (contract), on addresses ``127.0.<subnet>.x``."""
    now = datetime.now(timezone.utc)

    def spec(number: int, name: str, **fields: Any) -> ClusterSpec:
        return ClusterSpec(
            id=f"j-SANDBOX{name.upper():0<10}"[:20],
            name=name,
            address=f"127.0.{subnet}.{number}",
            created_at=now - timedelta(minutes=number),
            tags={"owner": "sandbox", "team": name},
            **fields,
        )

    return [
        spec(2, "analytics", runtime_roles=True, tls=True, security_configuration="runtime-roles-tls"),
        spec(3, "open"),
        spec(4, "kerberos", kerberos=True, engines=False, security_configuration="kerberos"),
        spec(
            5,
            "old",
            release="emr-5.30.0",
            lazy=True,
            applications=(("Spark", "2.4.5"), ("Livy", "0.7.0")),
        ),
        spec(
            6,
            "gone",
            state="TERMINATED",
            state_reason="Terminated by user request",
            engines=False,
        ),
        spec(
            7,
            "shared",
            runtime_roles=True,
            tls=True,
            security_configuration="runtime-roles-tls",
            account=OTHER_ACCOUNT,
            lazy=True,
        ),
    ]


def fill_standard(world: World, subnet: str) -> None:
    """Put the computes that every sandbox comes with (contract) into ``world``, on addresses ``127.0.<subnet>.x``."""
    for cluster in standard_clusters(subnet):
        world.clusters[cluster.id] = cluster
    for endpoint in standard_endpoints(subnet, world.account, world.region):
        world.virtual_clusters[endpoint.virtual_cluster.id] = endpoint.virtual_cluster
        world.endpoints[endpoint.id] = endpoint
    for application in standard_applications(world.account, world.region, subnet):
        world.applications[application.id] = application
