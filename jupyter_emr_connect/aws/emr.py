"""EMR on EC2: AWS's answers as our own types. Secrets that AWS includes (Kerberos passwords) are dropped here.

Field names and meanings: botocore's model of ``emr``, 2009-03-31.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..errors import AWSError
from ..models import BasicPair
from .errors import error_code
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


@dataclass(frozen=True)
class SecurityConfiguration:
    """What a security configuration switches on that matters to a kernel."""

    name: str
    runtime_roles: bool = False
    in_transit_encryption: bool = False
    kerberos: bool = False
    identity_center: bool = False


def list_clusters(
    session: AWSSession, states: tuple[str, ...] = ACTIVE, *, created_after: datetime | None = None
) -> Iterator[ClusterRow]:
    """Yield all clusters in these states, page after page until AWS has no more."""
    for page in cluster_pages(session, states, created_after=created_after):
        yield from page


def cluster_pages(
    session: AWSSession, states: tuple[str, ...] = ACTIVE, *, created_after: datetime | None = None
) -> Iterator[list[ClusterRow]]:
    """Yield the clusters in these states, a page (50) at a time until AWS has no more."""
    extra = {"CreatedAfter": created_after} if created_after else {}
    for page in session.pages("emr", "ListClusters", ClusterStates=list(states), **extra):
        yield [ClusterRow(**_row(row)) for row in page.get("Clusters") or [] if row.get("Id")]


def describe_cluster(session: AWSSession, cluster_id: str) -> Cluster | None:
    """Return a cluster, or None when AWS knows no such id (it says ``InvalidRequestException``, not a 404)."""
    try:
        found = session.call("emr", "DescribeCluster", ClusterId=cluster_id)["Cluster"]
    except AWSError as error:
        if error_code(error) == "InvalidRequestException":
            return None
        raise
    ec2 = found.get("Ec2InstanceAttributes") or {}
    return Cluster(
        **_row(found),
        release=found.get("ReleaseLabel"),
        applications={one["Name"]: one.get("Version", "") for one in found.get("Applications") or []},
        tags={one["Key"]: one.get("Value", "") for one in found.get("Tags") or []},
        host=found.get("MasterPublicDnsName") or None,
        security_configuration=found.get("SecurityConfiguration") or None,
        kerberos=bool(found.get("KerberosAttributes")),
        session_enabled=bool(found.get("SessionEnabled")),
        instance_collection=found.get("InstanceCollectionType"),
        settings=_settings(found.get("Configurations") or []),
        network={key: ec2[name] for key, name in NETWORK.items() if ec2.get(name)},
        log_uri=found.get("LogUri"),
        service_role=found.get("ServiceRole"),
    )


NETWORK = {
    "subnet": "Ec2SubnetId",
    "availability_zone": "Ec2AvailabilityZone",
    "primary_security_group": "EmrManagedMasterSecurityGroup",
    "service_security_group": "ServiceAccessSecurityGroup",
    "instance_profile": "IamInstanceProfile",
}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    status = row.get("Status") or {}
    created = (status.get("Timeline") or {}).get("CreationDateTime")
    return {
        "id": row["Id"],
        "name": row.get("Name", ""),
        "arn": row.get("ClusterArn", ""),
        "state": status.get("State", "UNKNOWN"),
        "state_reason": (status.get("StateChangeReason") or {}).get("Message") or None,
        "created_at": created.astimezone(timezone.utc).isoformat() if created else None,
    }


def _settings(configurations: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    flat: dict[str, dict[str, str]] = {}
    for one in configurations:
        flat.setdefault(one.get("Classification", ""), {}).update(one.get("Properties") or {})
        for name, properties in _settings(one.get("Configurations") or []).items():
            flat.setdefault(name, {}).update(properties)
    return flat


def security_configuration(session: AWSSession, name: str) -> SecurityConfiguration:
    """Return what a security configuration switches on; AWS sends it as a JSON string inside its answer."""
    text = session.call("emr", "DescribeSecurityConfiguration", Name=name)["SecurityConfiguration"]
    return parse_security_configuration(name, text)


def parse_security_configuration(name: str, text: str) -> SecurityConfiguration:
    """Return what the JSON ``text`` switches on (reference 1.5 and 1.6 name the keys)."""
    try:
        body = json.loads(text)
    except ValueError as error:
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
    rows = [row for page in pages for row in page.get("Instances", [])]
    hosts = [row.get("PrivateDnsName") or row.get("PrivateIpAddress") for row in rows]
    return [host for host in hosts if host]


def cluster_session_credentials(session: AWSSession, cluster_id: str, role: str | None) -> BasicPair:
    """Return a new user name and password for one runtime role on one cluster (``GetClusterSessionCredentials``).

    AWS allows 5 at once, then one every two seconds for the whole account (reference 1.2), so the caller caches.
    """
    extra = {"ExecutionRoleArn": role} if role else {}
    answer = session.call("emr", "GetClusterSessionCredentials", ClusterId=cluster_id, **extra)
    pair = answer["Credentials"]["UsernamePassword"]
    return BasicPair(pair["Username"], pair["Password"], answer["ExpiresAt"].astimezone(timezone.utc))
