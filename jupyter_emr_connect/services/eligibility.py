"""What can be done with an EMR on EC2 cluster, computed from facts alone: no AWS call is made here.

The rules and their public sources stand in docs/protocols.md, 1.1 to 1.9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..aws.emr import Cluster, SecurityConfiguration
from ..models import RoleSupport, Transport

ATTACHABLE_STATES = ("RUNNING", "WAITING")
GATEWAY_APPLICATION = "JupyterEnterpriseGateway"
RELEASE = re.compile(r"(emr-spark|emr)-(\d+)\.(\d+)\.(\d+)(-.*)?")
# Workspaces with runtime roles need emr-6.11.0; before, the role is silently not assumed (reference 1.6).
ROLES_SINCE = (6, 11, 0)
# The transports that this version of ours can drive, best first.
DRIVEN: tuple[Transport, ...] = ("gateway",)


@dataclass(frozen=True)
class Eligibility:
    """The computed part of the compute JSON; ``role_reason`` says why roles are not supported, or not known to be."""

    attachable: bool
    reason: str | None
    transports: tuple[Transport, ...]
    runtime_role: RoleSupport
    auth: str
    role_reason: str | None = None


def judge(
    cluster: Cluster, security: SecurityConfiguration | None, *, security_problem: str | None = None
) -> Eligibility:
    """Judge a cluster by its description and its security configuration.

    ``security`` is None where the cluster has none or where it could not be read; in the latter case
    ``security_problem`` says why.
    """
    support, role_reason = _role_support(cluster, security, security_problem)
    offered = offered_transports(cluster)
    usable = tuple(one for one in DRIVEN if one in offered)
    auth = _auth(cluster, security)
    reason = _obstacle(cluster, auth, offered, usable)
    return Eligibility(reason is None, reason, usable, support, auth, role_reason)


def parse_release(label: str | None) -> tuple[str, tuple[int, int, int]] | None:
    """Return the family (``emr`` or ``emr-spark``) and the version of a release label; None for another form."""
    found = RELEASE.fullmatch(label or "")
    if not found:
        return None
    return found[1], (int(found[2]), int(found[3]), int(found[4]))


def offered_transports(cluster: Cluster) -> tuple[Transport, ...]:
    """Return the ways into a cluster by what is installed on it (reference 1.3), best first."""
    spark_connect = cluster.session_enabled and "Spark" in cluster.applications
    ways: tuple[tuple[Transport, bool], ...] = (
        ("gateway", GATEWAY_APPLICATION in cluster.applications),
        ("livy", "Livy" in cluster.applications),
        ("spark-connect", spark_connect),
    )
    return tuple(name for name, there in ways if there)


def _role_support(
    cluster: Cluster, security: SecurityConfiguration | None, problem: str | None
) -> tuple[RoleSupport, str | None]:
    if problem:
        return "unknown", problem
    if security is None:
        return "unsupported", "it has no security configuration, which is where runtime roles are switched on"
    if not security.runtime_roles:
        return "unsupported", f"its security configuration {security.name!r} does not switch runtime roles on"
    release = parse_release(cluster.release)
    if release is None:
        return "unknown", f"its release {cluster.release!r} is of an unknown form"
    if release[0] == "emr" and release[1] < ROLES_SINCE:
        return "unsupported", f"notebooks take runtime roles from emr-6.11.0 on, and it runs {cluster.release}"
    return "required", None


def _auth(cluster: Cluster, security: SecurityConfiguration | None) -> str:
    if cluster.kerberos or (security and security.kerberos):
        return "kerberos"
    if security and security.identity_center:
        return "identity-center"
    if cluster.settings.get("livy-conf", {}).get("livy.server.auth.type", "").lower() == "ldap":
        return "ldap"
    return "basic" if security and security.runtime_roles else "none"


AUTH_OBSTACLES = {
    "kerberos": "It uses Kerberos, and a kernel cannot be given a Kerberos ticket from here.",
    "identity-center": "It uses IAM Identity Center (trusted identity propagation), which is not supported.",
    "ldap": "Its Livy asks for an LDAP user and password, which is not supported.",
}


def _obstacle(cluster: Cluster, auth: str, offered: tuple[Transport, ...], usable: tuple[Transport, ...]) -> str | None:
    if state := state_obstacle(cluster.state, cluster.state_reason):
        return state
    if auth in AUTH_OBSTACLES:
        return AUTH_OBSTACLES[auth]
    if usable:
        return None
    others = f" (it offers {' and '.join(offered)}, which this version cannot use)" if offered else ""
    return f"Jupyter Enterprise Gateway is not installed on it{others}."


def state_obstacle(state: str, why: str | None) -> str | None:
    """Return why a cluster in this state takes no kernel, or None for RUNNING and WAITING (reference 1.1)."""
    if state in ATTACHABLE_STATES:
        return None
    detail = f": {why.rstrip('.')}" if why else ""
    return f"It is {state}{detail}."
