"""What an administrator does to clusters: RunJobFlow, TerminateJobFlows, protection, auto-termination and tags."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ...world.world import ClusterSpec
from ..identity import iam_backend
from ..service import Call, Handler
from .clusters import find, reject

_RELEASE = re.compile(r"(emr|emr-spark)-\d+\.\d+\.\d+")
VERSIONS = {"Spark": "3.5.0", "Livy": "0.7.1", "JupyterEnterpriseGateway": "2.6.0", "Hadoop": "3.3.6", "Hive": "3.1.3"}
"""Versions of applications on the sandbox's default release, emr-7.0.0 (reference 1.8 and 1.9)."""
_COPIED = (
    "LogUri",
    "LogEncryptionKmsKeyId",
    "Configurations",
    "ServiceRole",
    "AutoScalingRole",
    "ScaleDownBehavior",
    "CustomAmiId",
    "EbsRootVolumeSize",
    "RepoUpgradeOnBoot",
    "KerberosAttributes",
    "StepConcurrencyLevel",
    "OSReleaseLabel",
    "EbsRootVolumeIops",
    "EbsRootVolumeThroughput",
    "ExtendedSupport",
    "MonitoringConfiguration",
    "SessionEnabled",
    "VisibleToAllUsers",
)
"""Members that DescribeCluster says as RunJobFlow was told them."""
_NETWORK = (
    "Ec2KeyName",
    "Ec2SubnetId",
    "EmrManagedMasterSecurityGroup",
    "EmrManagedSlaveSecurityGroup",
    "ServiceAccessSecurityGroup",
    "AdditionalMasterSecurityGroups",
    "AdditionalSlaveSecurityGroups",
)
AUTO_TERMINATION = "AutoTerminationPolicy"
MOST_TAGS = 50


def run_job_flow(call: Call) -> dict[str, Any]:
    """Make a cluster; it has engines only where the supervisor's ``world.place`` gives it some."""
    params = call.params
    release = params.get("ReleaseLabel", "")
    if not _RELEASE.fullmatch(release):
        reject(f"The supplied release label is invalid: {release[:40]}.", "ValidationException")
    _check_names(call)
    instances = params["Instances"]
    made = ClusterSpec(
        id="j-" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(13)),
        name=params["Name"],
        address="",
        release=release,
        state="STARTING",
        applications=tuple((a["Name"], a.get("Version") or VERSIONS.get(a["Name"], "")) for a in _applications(call)),
        kerberos="KerberosAttributes" in params,
        engines=False,
        security_configuration=params.get("SecurityConfiguration", ""),
        tags={tag["Key"]: tag.get("Value", "") for tag in params.get("Tags", [])},
        created_at=datetime.fromtimestamp(call.now, timezone.utc),
        account=call.account,
        region=call.region,
        termination_protected=bool(instances.get("TerminationProtected")),
        fleets="InstanceFleets" in instances,
        described=_described(params),
    )
    placed = call.aws.world.place(made)
    call.aws.clusters.add(placed)
    return {"JobFlowId": placed.id, "ClusterArn": placed.arn}


def _applications(call: Call) -> list[Mapping[str, Any]]:
    return [each for each in call.params.get("Applications", []) if each.get("Name")]


def _check_names(call: Call) -> None:
    """Refuse names of things that are not there, as EMR's own validation does."""
    params = call.params
    iam = iam_backend(call.account)
    profile = params.get("JobFlowRole", "").rpartition("/")[2]
    if profile and profile not in iam.instance_profiles:
        reject(f"Invalid InstanceProfile: {profile}.", "ValidationException")
    service = params.get("ServiceRole", "").rpartition("/")[2]
    if service and service not in {role.name for role in list(iam.roles.values())}:
        reject(f"ServiceRole {service} is not valid.", "ValidationException")
    security = params.get("SecurityConfiguration")
    if security and call.aws.world.security.get((call.account, call.region), security) is None:
        reject(f"Security configuration with name '{security}' does not exist.")


def _described(params: Mapping[str, Any]) -> dict[str, Any]:
    instances = params["Instances"]
    found = {name: params[name] for name in (*_COPIED, AUTO_TERMINATION) if name in params}
    found["AutoTerminate"] = not instances.get("KeepJobFlowAliveWhenNoSteps", False)
    network = {name: instances[name] for name in _NETWORK if name in instances}
    if instances.get("Ec2SubnetIds"):
        network["RequestedEc2SubnetIds"] = instances["Ec2SubnetIds"]
        network["Ec2SubnetId"] = instances["Ec2SubnetIds"][0]
    if params.get("JobFlowRole"):
        network["IamInstanceProfile"] = params["JobFlowRole"]
    if network:
        found["Ec2InstanceAttributes"] = network
    if instances.get("InstanceGroups"):
        found["InstanceGroups"] = [_group(each) for each in instances["InstanceGroups"]]
    if instances.get("InstanceFleets"):
        found["InstanceFleets"] = [_fleet(each) for each in instances["InstanceFleets"]]
    return found


def _group(given: Mapping[str, Any]) -> dict[str, Any]:
    names = ("Name", "Market", "BidPrice", "InstanceType", "Configurations")
    kept = {name: given[name] for name in names if name in given}
    return {**kept, "InstanceGroupType": given["InstanceRole"], "RequestedInstanceCount": given["InstanceCount"]}


def _fleet(given: Mapping[str, Any]) -> dict[str, Any]:
    names = ("Name", "InstanceFleetType", "TargetOnDemandCapacity", "TargetSpotCapacity")
    kept: dict[str, Any] = {name: given[name] for name in names if name in given}
    if given.get("InstanceTypeConfigs"):
        wanted = ("InstanceType", "WeightedCapacity", "BidPrice", "Configurations", "CustomAmiId", "Priority")
        kept["InstanceTypeSpecifications"] = [
            {name: each[name] for name in wanted if name in each} for each in given["InstanceTypeConfigs"]
        ]
    return kept


def terminate_job_flows(call: Call) -> dict[str, Any]:
    """Answer TerminateJobFlows: end clusters, whose Basic pairs die at once; none of them, where one is protected."""
    specs = [find(call, each) for each in call.params["JobFlowIds"]]
    if any(spec.termination_protected for spec in specs):
        message = "Could not shut down one or more job flows since they are termination protected."
        reject(message, "ValidationException")
    for spec in specs:
        call.aws.clusters.change(spec.id, _ending)
        call.aws.world.pairs.expire(spec.id)
    return {}


def _ending(spec: ClusterSpec) -> ClusterSpec:
    if spec.state in ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"):
        return spec
    return replace(spec, state="TERMINATING", state_reason="Terminated by user request")


def set_termination_protection(call: Call) -> dict[str, Any]:
    """Lock or unlock clusters against TerminateJobFlows."""
    wanted = bool(call.params["TerminationProtected"])
    for spec in [find(call, each) for each in call.params["JobFlowIds"]]:
        call.aws.clusters.change(spec.id, lambda each: replace(each, termination_protected=wanted))
    return {}


def add_tags(call: Call) -> dict[str, Any]:
    """Add or overwrite a cluster's tags."""
    spec = find(call, call.params["ResourceId"])
    new = {tag["Key"]: tag.get("Value", "") for tag in call.params["Tags"] if tag.get("Key")}
    if len({**spec.tags, **new}) > MOST_TAGS:
        reject(f"A resource may have at most {MOST_TAGS} tags.")
    call.aws.clusters.change(spec.id, lambda each: replace(each, tags={**each.tags, **new}))
    return {}


def remove_tags(call: Call) -> dict[str, Any]:
    """Remove tags from a cluster."""
    spec = find(call, call.params["ResourceId"])
    gone = set(call.params["TagKeys"])

    def without(each: ClusterSpec) -> ClusterSpec:
        return replace(each, tags={key: value for key, value in each.tags.items() if key not in gone})

    call.aws.clusters.change(spec.id, without)
    return {}


def get_auto_termination_policy(call: Call) -> dict[str, Any]:
    """Return after how many idle seconds a cluster would end; the sandbox ends none."""
    spec = find(call, call.params["ClusterId"])
    return {name: spec.described[name] for name in (AUTO_TERMINATION,) if name in spec.described}


def put_auto_termination_policy(call: Call) -> dict[str, Any]:
    """Give a cluster such a policy, an hour unless it says otherwise."""
    spec = find(call, call.params["ClusterId"])
    policy = {"IdleTimeout": 3600, **call.params.get(AUTO_TERMINATION, {})}
    call.aws.clusters.change(
        spec.id, lambda each: replace(each, described={**each.described, AUTO_TERMINATION: policy})
    )
    return {}


def remove_auto_termination_policy(call: Call) -> dict[str, Any]:
    """Take a cluster's policy away."""
    spec = find(call, call.params["ClusterId"])

    def without(each: ClusterSpec) -> ClusterSpec:
        return replace(each, described={name: v for name, v in each.described.items() if name != AUTO_TERMINATION})

    call.aws.clusters.change(spec.id, without)
    return {}


HANDLERS: Mapping[str, Handler] = {
    "RunJobFlow": run_job_flow,
    "TerminateJobFlows": terminate_job_flows,
    "SetTerminationProtection": set_termination_protection,
    "AddTags": add_tags,
    "RemoveTags": remove_tags,
    "GetAutoTerminationPolicy": get_auto_termination_policy,
    "PutAutoTerminationPolicy": put_auto_termination_policy,
    "RemoveAutoTerminationPolicy": remove_auto_termination_policy,
}
