"""EMR on EC2: AWS's answers as our own types. Secrets that AWS includes (Kerberos passwords) are dropped here.

Field names and meanings: botocore's model of ``emr``, 2009-03-31.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from ..errors import AWSError
from ..models import BasicPair
from .errors import error_code, why_unknown
from .session import AWSSession

ACTIVE = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
ENDED = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")


@dataclass(frozen=True)
class ClusterRow:
    """A row of ``ListClusters``: what AWS tells without asking for the cluster itself."""

    id: str
    name: str
    arn: str
    state: str
    state_reason: str | None
    created_at: str | None


@dataclass(frozen=True)
class Cluster(ClusterRow):
    """A cluster as ``DescribeCluster`` has it, without any of its Kerberos secrets.

    ``settings`` holds the properties of each classification (``{"livy-conf": {…}}``), as given when it was created.
    ``primary_count`` is how many primary nodes it was asked to have; None until :func:`look_at_primary`.
    """

    release: str | None = None
    applications: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    host: str | None = None
    security_configuration: str | None = None
    kerberos: bool = False
    session_enabled: bool = False
    instance_collection: str | None = None
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    network: dict[str, str] = field(default_factory=dict)
    log_uri: str | None = None
    service_role: str | None = None
    primary_count: int | None = None

    @property
    def livy(self) -> dict[str, str]:
        """The properties of its ``livy-conf``, as far as they are known."""
        return self.settings.get("livy-conf", {})


@dataclass(frozen=True)
class SecurityConfiguration:
    """What a security configuration switches on that matters to a kernel."""

    name: str
    runtime_roles: bool = False
    in_transit_encryption: bool = False
    kerberos: bool = False
    identity_center: bool = False
    ldap: bool = False


def list_clusters(
    session: AWSSession, states: tuple[str, ...] = ACTIVE, *, created_after: datetime | None = None
) -> Iterator[ClusterRow]:
    """Yield all clusters in these states, page after page until AWS has no more."""
    for page in cluster_pages(session, states, created_after=created_after):
        yield from page


def cluster_pages(
    session: AWSSession, states: tuple[str, ...] = ACTIVE, *, created_after: datetime | None = None
) -> Iterator[list[ClusterRow]]:
    """Yield the clusters in these states, a page (50) at a time until AWS has no more.

    Raises ``AWSError`` for an answer without a list: what a proxy says in AWS's place must not pass for "no clusters".
    """
    extra = {"CreatedAfter": created_after} if created_after else {}
    for page in session.pages("emr", "ListClusters", ClusterStates=list(states), **extra):
        if not isinstance(page.get("Clusters"), list):
            message = f"The answer to ListClusters in {session.region} holds no list of clusters."
            fix = "Check what stands between here and AWS, such as a proxy."
            raise AWSError(message, fix=fix, iam_action="elasticmapreduce:ListClusters")
        yield [ClusterRow(**_row(row)) for row in _dicts(page["Clusters"]) if _text(row.get("Id"))]


def describe_cluster(session: AWSSession, cluster_id: str) -> Cluster | None:
    """Return a cluster, or None when AWS knows no such id (it says ``InvalidRequestException``, not a 404)."""
    try:
        answer = session.call("emr", "DescribeCluster", ClusterId=cluster_id)
    except AWSError as error:
        if error_code(error) == "InvalidRequestException":
            return None
        raise
    return parse_cluster(answer, cluster_id)


def parse_cluster(answer: dict[str, Any], cluster_id: str) -> Cluster:
    """Return the cluster of ``DescribeCluster``'s answer, whatever AWS left out; raises ``AWSError`` if it is empty."""
    found = answer.get("Cluster")
    if not isinstance(found, dict):
        message = f"AWS answered for cluster {cluster_id!r} without describing it."
        raise AWSError(message, fix="Try again.", iam_action="elasticmapreduce:DescribeCluster")
    ec2 = _part(found, "Ec2InstanceAttributes")
    applications, tags = _dicts(found.get("Applications")), _dicts(found.get("Tags"))
    return Cluster(
        **_row({**found, "Id": _text(found.get("Id")) or cluster_id}),
        release=_text(found.get("ReleaseLabel")) or None,
        applications={one["Name"]: _text(one.get("Version")) for one in applications if _text(one.get("Name"))},
        tags={one["Key"]: _text(one.get("Value")) for one in tags if _text(one.get("Key"))},
        host=_text(found.get("MasterPublicDnsName")) or None,
        security_configuration=_text(found.get("SecurityConfiguration")) or None,
        kerberos=bool(found.get("KerberosAttributes")),
        session_enabled=found.get("SessionEnabled") is True,
        instance_collection=_text(found.get("InstanceCollectionType")) or None,
        settings=_settings(found.get("Configurations")),
        network={key: ec2[name] for key, name in NETWORK.items() if _text(ec2.get(name))},
        log_uri=_text(found.get("LogUri")) or None,
        service_role=_text(found.get("ServiceRole")) or None,
    )


NETWORK = {
    "subnet": "Ec2SubnetId",
    "availability_zone": "Ec2AvailabilityZone",
    "primary_security_group": "EmrManagedMasterSecurityGroup",
    "service_security_group": "ServiceAccessSecurityGroup",
    "instance_profile": "IamInstanceProfile",
}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    status = _part(row, "Status")
    created = _part(status, "Timeline").get("CreationDateTime")
    return {
        "id": row["Id"],
        "name": _text(row.get("Name")),
        "arn": _text(row.get("ClusterArn")),
        "state": _text(status.get("State")) or "UNKNOWN",
        "state_reason": _text(_part(status, "StateChangeReason").get("Message")) or None,
        "created_at": created.astimezone(timezone.utc).isoformat() if isinstance(created, datetime) else None,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _settings(configurations: Any) -> dict[str, dict[str, str]]:
    flat: dict[str, dict[str, str]] = {}
    for one in _dicts(configurations):
        properties = {key: value for key, value in _part(one, "Properties").items() if isinstance(value, str)}
        flat.setdefault(_text(one.get("Classification")), {}).update(properties)
        for name, nested in _settings(one.get("Configurations")).items():
            flat.setdefault(name, {}).update(nested)
    return flat


def security_configuration(session: AWSSession, name: str) -> SecurityConfiguration:
    """Return what a security configuration switches on; AWS sends it as a JSON string inside its answer."""
    answer = session.call("emr", "DescribeSecurityConfiguration", Name=name)
    return parse_security_configuration(name, _text(answer.get("SecurityConfiguration")))


def parse_security_configuration(name: str, text: str) -> SecurityConfiguration:
    """Return what the JSON ``text`` switches on (reference 1.5 and 1.6 name the keys)."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"AWS sent a security configuration {name!r} that is not JSON."
        raise AWSError(message, iam_action="elasticmapreduce:DescribeSecurityConfiguration") from error
    authentication = _part(body, "AuthenticationConfiguration")
    return SecurityConfiguration(
        name,
        runtime_roles=_part(body, "AuthorizationConfiguration", "IAMConfiguration").get(
            "EnableApplicationScopedIAMRole"
        )
        is True,
        in_transit_encryption=_part(body, "EncryptionConfiguration").get("EnableInTransitEncryption") is True,
        kerberos=bool(authentication.get("KerberosConfiguration")),
        identity_center=_part(authentication, "IdentityCenterConfiguration").get("EnableIdentityCenter") is True,
        ldap=_part(authentication, "LDAPConfiguration").get("EnableLDAPAuthentication") is True,
    )


def _part(body: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        body = body.get(key) if isinstance(body, dict) else None
    return body if isinstance(body, dict) else {}


def primary_hosts(session: AWSSession, cluster: Cluster) -> list[str]:
    """Return the private host names of a cluster's running primary nodes (three when highly available)."""
    fleet = cluster.instance_collection == "INSTANCE_FLEET"
    wanted = {"InstanceFleetType": "MASTER"} if fleet else {"InstanceGroupTypes": ["MASTER"]}
    pages = session.pages("emr", "ListInstances", ClusterId=cluster.id, InstanceStates=["RUNNING"], **wanted)
    rows = [row for page in pages for row in _dicts(page.get("Instances"))]
    hosts = [_text(row.get("PrivateDnsName")) or _text(row.get("PrivateIpAddress")) for row in rows]
    return [host for host in hosts if host]


def look_at_primary(session: AWSSession, cluster: Cluster) -> Cluster:
    """Return the cluster with what its instance groups, or fleets, say of its primary nodes: one call more.

    Fills ``primary_count`` (reference 1.4), and ``livy-conf`` where the cluster's own ``Configurations`` have none
    (reference 1.5).
    Called for a cluster that is looked at by itself, never for a list: AWS allows one call a second for the whole
    account, of fleets half a call (reference 1.2).
    """
    fleet = cluster.instance_collection == "INSTANCE_FLEET"
    operation, member = ("ListInstanceFleets", "InstanceFleets") if fleet else ("ListInstanceGroups", "InstanceGroups")
    rows = [row for page in session.pages("emr", operation, ClusterId=cluster.id) for row in _dicts(page.get(member))]
    return with_primary(cluster, rows)


def try_look_at_primary(session: AWSSession, cluster: Cluster) -> tuple[Cluster, str | None]:
    """Return :func:`look_at_primary`'s cluster, or the cluster as it is and why its primary nodes are not known.

    That AWS denies, throttles or does not answer shall not hide the cluster itself; what is wrong with the caller's own
    credentials is raised.
    """
    try:
        return look_at_primary(session, cluster), None
    except AWSError as error:
        return cluster, why_unknown(error)


def auto_termination(session: AWSSession, cluster_id: str) -> dict[str, Any]:
    """Return ``auto_termination_idle_s`` for the detail view: after how long without work AWS ends a cluster, seconds.

    Nothing where it has no such policy, ``auto_termination_note`` where that is not known: it shall not hide the
    cluster itself. What is wrong with the caller's own credentials is raised.
    """
    try:
        answer = session.call("emr", "GetAutoTerminationPolicy", ClusterId=cluster_id)
    except AWSError as error:
        return {"auto_termination_note": why_unknown(error)}
    idle_s = _part(answer, "AutoTerminationPolicy").get("IdleTimeout")
    return {"auto_termination_idle_s": idle_s} if isinstance(idle_s, int) else {}


def with_primary(cluster: Cluster, rows: list[dict[str, Any]]) -> Cluster:
    """Return the cluster with what these rows of ``InstanceGroups`` or ``InstanceFleets`` say of its primary nodes."""
    primary = [row for row in rows if "MASTER" in (row.get("InstanceGroupType"), row.get("InstanceFleetType"))]
    counts = [row.get(name) for row in primary for name in COUNTS]
    numbers = [count for count in counts if isinstance(count, int) and not isinstance(count, bool)]
    settings = dict(cluster.settings)
    for row in primary:
        for holder in (row, *_dicts(row.get("InstanceTypeSpecifications"))):
            found = _settings(holder.get("Configurations")).get("livy-conf")
            if found and "livy-conf" not in settings:
                settings["livy-conf"] = found
    return replace(cluster, primary_count=sum(numbers) if any(numbers) else None, settings=settings)


# A primary fleet counts nodes too: each weighs 1 (model, ``InstanceTypeConfig``).
COUNTS = ("RequestedInstanceCount", "TargetOnDemandCapacity", "TargetSpotCapacity")


def cluster_session_credentials(session: AWSSession, cluster_id: str, role: str | None) -> BasicPair:
    """Return a new user name and password for one runtime role on one cluster (``GetClusterSessionCredentials``).

    AWS allows 5 at once, then one every two seconds for the whole account (reference 1.2), so the caller caches.
    """
    extra = {"ExecutionRoleArn": role} if role else {}
    answer = session.call("emr", "GetClusterSessionCredentials", ClusterId=cluster_id, **extra)
    pair, moment = _part(answer, "Credentials", "UsernamePassword"), answer.get("ExpiresAt")
    username, password = _text(pair.get("Username")), _text(pair.get("Password"))
    if not username or not password or not isinstance(moment, datetime):
        message = f"AWS gave no user name and password for cluster {cluster_id}."
        raise AWSError(message, fix="Try again.", iam_action="elasticmapreduce:GetClusterSessionCredentials")
    return BasicPair(username, password, moment.astimezone(timezone.utc))
