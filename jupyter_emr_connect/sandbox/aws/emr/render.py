"""A cluster of the sandbox in the shapes of EMR's answers (reference: botocore's model of ``emr``)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from ...world.network import group_id, subnet_id, zone_of
from ...world.world import ClusterSpec

INSTANCE_PROFILE = "EMRSandboxInstanceProfile"
SERVICE_ROLE = "EMRSandboxServiceRole"
STATES = frozenset(
    {"STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"}
)
ENDED = frozenset({"TERMINATED", "TERMINATED_WITH_ERRORS"})
READY = frozenset({"RUNNING", "WAITING"})
_ELSEWHERE = frozenset({"InstanceGroups", "InstanceFleets", "Ec2InstanceAttributes", "AutoTerminationPolicy"})
INSTANCE_TYPE = "m5.xlarge"


def summary(spec: ClusterSpec) -> dict[str, Any]:
    """Return a row of ListClusters."""
    return {
        "Id": spec.id,
        "Name": spec.name,
        "Status": status(spec),
        "NormalizedInstanceHours": 0,
        "ClusterArn": spec.arn,
    }


def status(spec: ClusterSpec) -> dict[str, Any]:
    """Return a cluster's state with its reason and times."""
    reason: dict[str, str] = {"Message": spec.state_reason} if spec.state_reason else {}
    if spec.state in ENDED or spec.state == "TERMINATING":
        reason["Code"] = "USER_REQUEST"
    return {"State": spec.state, "StateChangeReason": reason, "Timeline": timeline(spec)}


def timeline(spec: ClusterSpec) -> dict[str, Any]:
    """Return when the cluster was made, became ready and ended."""
    times: dict[str, Any] = {"CreationDateTime": spec.created_at}
    if spec.state not in ("STARTING", "BOOTSTRAPPING"):
        times["ReadyDateTime"] = spec.ready_at or spec.created_at + timedelta(seconds=30)
    if spec.state in ENDED:
        times["EndDateTime"] = spec.ended_at or spec.created_at + timedelta(seconds=60)
    return times


def cluster(spec: ClusterSpec) -> dict[str, Any]:
    """Return DescribeCluster's cluster; what RunJobFlow was told stands in ``spec.described``."""
    found: dict[str, Any] = {
        "Id": spec.id,
        "Name": spec.name,
        "Status": status(spec),
        "InstanceCollectionType": "INSTANCE_FLEET" if spec.fleets else "INSTANCE_GROUP",
        "ReleaseLabel": spec.release,
        "AutoTerminate": False,
        "TerminationProtected": spec.termination_protected,
        "UnhealthyNodeReplacement": False,
        "VisibleToAllUsers": True,
        "Applications": [{"Name": name, "Version": version} for name, version in spec.applications],
        "Tags": [{"Key": key, "Value": value} for key, value in spec.tags.items()],
        "ServiceRole": SERVICE_ROLE,
        "NormalizedInstanceHours": 0,
        "MasterPublicDnsName": spec.address,
        "Configurations": [],
        "ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION",
        "KerberosAttributes": kerberos(spec),
        "ClusterArn": spec.arn,
        "StepConcurrencyLevel": 1,
        "PlacementGroups": [],
        "OSReleaseLabel": "2023.6.20250218.2",
        "EbsRootVolumeSize": 15,
        **{name: value for name, value in spec.described.items() if name not in _ELSEWHERE},
    }
    found["Ec2InstanceAttributes"] = ec2_attributes(spec)
    if spec.security_configuration:
        found["SecurityConfiguration"] = spec.security_configuration
    if not spec.address or spec.state == "STARTING":
        del found["MasterPublicDnsName"]
    return found


def ec2_attributes(spec: ClusterSpec) -> dict[str, Any]:
    """Return the cluster's place in its network."""
    given = spec.described.get("Ec2InstanceAttributes", {})
    place, zone = (spec.account, spec.region), zone_of(spec.id)
    subnet = subnet_id(*place, zone)
    return {
        "Ec2SubnetId": subnet,
        "RequestedEc2SubnetIds": [subnet],
        "Ec2AvailabilityZone": f"{spec.region}{zone}",
        "RequestedEc2AvailabilityZones": [],
        "IamInstanceProfile": INSTANCE_PROFILE,
        "EmrManagedMasterSecurityGroup": group_id(*place, "master"),
        "EmrManagedSlaveSecurityGroup": group_id(*place, "core"),
        "AdditionalMasterSecurityGroups": [],
        "AdditionalSlaveSecurityGroups": [],
        **given,
    }


def kerberos(spec: ClusterSpec) -> dict[str, str]:
    """Return KerberosAttributes: real EMR answers the passwords in plain text, so does this one (made-up ones)."""
    if not spec.kerberos:
        return {}
    return {
        "Realm": "EC2.INTERNAL",
        "KdcAdminPassword": f"sandbox-kdc-{token(spec, 'k', 12)}",
        "CrossRealmTrustPrincipalPassword": f"sandbox-trust-{token(spec, 'k', 12, 'trust')}",
        "ADDomainJoinUser": "joiner",
        "ADDomainJoinPassword": f"sandbox-join-{token(spec, 'k', 12, 'join')}",
    }


def token(spec: ClusterSpec, prefix: str, length: int, salt: str = "") -> str:
    """Return a made-up resource id that stays the same for a cluster."""
    digest = hashlib.sha256(f"{spec.id}/{prefix}/{salt}".encode()).hexdigest()
    return f"{prefix}-{digest[:length]}"
