"""What can be done with an EMR on EC2 cluster, computed from facts alone: no AWS call is made here.

Each rule and its source stands in docs/attachable.md; the facts in docs/protocols.md, 1.1 to 1.9.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ....aws.emr import Cluster, ClusterRow, SecurityConfiguration
from ....models import RoleSupport, Transport
from .network import NetworkReach
from .releases import Version, is_since, parse_release, written
from .verdict import IDENTITY_CENTER, NOT_LOOKED_AT, Eligibility, driven, listed, state_problem

ATTACHABLE_STATES = ("RUNNING", "WAITING")
CLUSTER_STATES = (
    *ATTACHABLE_STATES,
    "STARTING",
    "BOOTSTRAPPING",
    "TERMINATING",
    "TERMINATED",
    "TERMINATED_WITH_ERRORS",
)
GATEWAY_APPLICATION = "JupyterEnterpriseGateway"
# What EMR Studio asks for on a cluster: the gateway, and Livy and Spark for the Spark kernels (reference 1.3).
WANTED_APPLICATIONS = (GATEWAY_APPLICATION, "Livy", "Spark")
# From which release on each way in honours a runtime role; before, the role is silently not assumed (reference 1.6).
ROLES_SINCE: dict[Transport, Version] = {"gateway": (6, 11, 0), "livy": (6, 9, 0)}
SPARK_CONNECT_SINCE: Version = (8, 0, 0)  # of the family emr-spark (reference 4.1)
LIVY_TLS_SINCE: Version = (7, 4, 0)  # HTTPS by default (reference 1.5)
LIVY_PORT = 8998
AUTH_OBSTACLES = {
    "identity-center": IDENTITY_CENTER,
}
# What these ask for is known to Livy alone: how a gateway beside it authenticates is documented nowhere.
LIVY_ONLY = {"ldap": "an LDAP user and password", "kerberos": "a Kerberos ticket"}
NO_KERBEROS = (
    "It uses Kerberos, for which a package is not installed here: pip install 'jupyter_emr_connect[kerberos]' "
    "(on Linux that needs krb5 headers and a compiler)."
)


def judge(
    cluster: Cluster,
    security: SecurityConfiguration | None,
    *,
    security_problem: str | None = None,
    reach: NetworkReach | None = None,
    studio_subnets: Collection[str] = (),
    kerberos_package: bool = False,
) -> Eligibility:
    """Judge a cluster by its description and its security configuration.

    ``security`` is None where the cluster has none or where it could not be read; in the latter case
    ``security_problem`` says why. ``reach`` is what is known of the way to its primary node, if it was looked at.
    ``studio_subnets`` are the only subnets to attach in, if any are configured; ``kerberos_package`` says whether this
    machine has what Kerberos takes.
    """
    offers = offered_transports(cluster)
    support, role_reason, usable = _roles(cluster, security, security_problem, offers)
    auth = _auth(cluster, security)
    if auth in LIVY_ONLY:
        usable = tuple(one for one in usable if one == "livy")
    reason = (
        state_obstacle(cluster.state, cluster.state_reason)
        or AUTH_OBSTACLES.get(auth)
        or (NO_KERBEROS if auth == "kerberos" and not kerberos_package else None)
        or _no_way_in(cluster, offers, usable, auth)
        or _subnet_obstacle(cluster, studio_subnets)
        or (reach.obstacle if reach else None)
    )
    details = _details(cluster, security, security_problem)
    return Eligibility(reason is None, reason, usable, support, auth, role_reason, offers, details)


def judge_row(row: ClusterRow) -> Eligibility:
    """Judge a cluster of which only the list's row is known: its state decides, and the rest is not known."""
    reason = state_obstacle(row.state, row.state_reason) or NOT_LOOKED_AT
    return Eligibility(False, reason, (), "unknown", "none")


def state_obstacle(state: str, why: str | None) -> str | None:
    """Return why a cluster in this state takes no kernel, or None for RUNNING and WAITING (reference 1.1)."""
    return state_problem(state, why, known=CLUSTER_STATES, good=ATTACHABLE_STATES)


def offered_transports(cluster: Cluster) -> tuple[Transport, ...]:
    """Return the ways into a cluster by what is installed on it (reference 1.3), best first."""
    spark_connect = (
        cluster.session_enabled
        and "Spark" in cluster.applications
        and is_since(cluster.release, emr=None, emr_spark=SPARK_CONNECT_SINCE) is not False
        and not _is_multi_primary(cluster)
    )
    ways: tuple[tuple[Transport, bool], ...] = (
        ("gateway", GATEWAY_APPLICATION in cluster.applications),
        ("livy", {"Livy", "Spark"} <= set(cluster.applications)),
        ("spark-connect", spark_connect),
    )
    return tuple(name for name, there in ways if there)


def _is_multi_primary(cluster: Cluster) -> bool:
    return cluster.primary_count is not None and cluster.primary_count > 1


def _roles(
    cluster: Cluster, security: SecurityConfiguration | None, problem: str | None, offers: tuple[Transport, ...]
) -> tuple[RoleSupport, str | None, tuple[Transport, ...]]:
    """Return role support, why it is not there, and the ways in to use: with roles, only those that honour them."""
    usable = driven(offers)
    if problem:
        return "unknown", problem, usable
    if security is None:
        why = "it has no security configuration, which is where runtime roles are switched on"
        return "unsupported", why, usable
    if not security.runtime_roles:
        why = f"its security configuration {security.name!r} does not switch runtime roles on"
        return "unsupported", why, usable
    if _is_multi_primary(cluster):
        why = f"it has {cluster.primary_count} primary nodes, and EMR offers runtime roles on clusters with one only"
        return "unsupported", why, usable
    if parse_release(cluster.release) is None:
        if not cluster.release:
            return "unknown", "AWS does not say which release it runs", usable
        return "unknown", f"its release {cluster.release!r} is of an unknown form", usable
    honouring = tuple(one for one in usable or offers or ("gateway",) if _honours_roles(cluster, one))
    if not honouring:
        since = written(min(ROLES_SINCE.get(one, ROLES_SINCE["gateway"]) for one in usable or ("gateway",)))
        why = f"notebooks take runtime roles from {since} on, and it runs {cluster.release}"
        return "unsupported", why, usable
    return "required", None, tuple(one for one in usable if one in honouring)


def _honours_roles(cluster: Cluster, transport: Transport) -> bool:
    return is_since(cluster.release, emr=ROLES_SINCE.get(transport)) is True


def _auth(cluster: Cluster, security: SecurityConfiguration | None) -> str:
    if cluster.kerberos or (security and security.kerberos):
        return "kerberos"
    if security and security.identity_center:
        return "identity-center"
    if (security and security.ldap) or cluster.livy.get("livy.server.auth.type", "").strip().lower() == "ldap":
        return "ldap"
    return "basic" if security and security.runtime_roles else "none"


def _no_way_in(cluster: Cluster, offers: tuple[Transport, ...], usable: tuple[Transport, ...], auth: str) -> str | None:
    if usable:
        return None
    if auth in LIVY_ONLY:
        return f"It asks for {LIVY_ONLY[auth]}, which is possible by Livy alone, and it has no Livy with Spark."
    others = f" (it offers {listed(offers)}, which this version cannot use)" if offers else ""
    missing = [name for name in WANTED_APPLICATIONS[1:] if name not in cluster.applications]
    also = f" {listed(missing)} {'is' if len(missing) == 1 else 'are'} missing too." if missing else ""
    return f"Jupyter Enterprise Gateway is not installed on it{others}.{also}"


def _subnet_obstacle(cluster: Cluster, allowed: Collection[str]) -> str | None:
    subnet = cluster.network.get("subnet")
    if not allowed or not subnet or subnet in allowed:
        return None
    return f"Its subnet {subnet} is not one of those configured for notebooks (EMRConnect.studio_subnets)."


def _details(cluster: Cluster, security: SecurityConfiguration | None, problem: str | None) -> dict[str, Any]:
    port, tls = _livy_port(cluster), _livy_tls(cluster, security, problem)
    found: dict[str, Any] = {"livy_port": port, "livy_tls": tls} if "Livy" in cluster.applications else {}
    if cluster.primary_count is not None:
        found["primary_count"] = cluster.primary_count
    if missing := [name for name in WANTED_APPLICATIONS if name not in cluster.applications]:
        found["missing_applications"] = missing
    return found


def _livy_port(cluster: Cluster) -> int:
    """Return the port in ``livy-conf``, or Livy's own where none is given or what is given is no port."""
    text = cluster.livy.get("livy.server.port", "").strip()
    port = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    return port if 0 < port < 65536 else LIVY_PORT


def _livy_tls(cluster: Cluster, security: SecurityConfiguration | None, problem: str | None) -> bool | None:
    """Tell whether Livy speaks TLS; None where the facts leave it open (a step may have set a keystore up)."""
    if cluster.livy.get("livy.keystore"):
        return True
    if problem:
        return None
    if not (security and security.in_transit_encryption):
        return False
    return True if is_since(cluster.release, emr=LIVY_TLS_SINCE, emr_spark=None) else None
