"""EC2: the network of the sandbox's computes (DescribeVpcs, DescribeSubnets, DescribeSecurityGroups), and no instances.

Shapes, limits and names: botocore's model of ``ec2``, 2016-11-15. None of these actions knows a resource, so IAM is
asked about ``*``. moto's backend is not used, since it makes VPCs of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..world.network import GROUPS, ZONES, group_id, subnet_id, vpc_id
from .emr.render import ec2_attributes
from .failures import FailureKind, Refusal
from .paging import page
from .service import Call, Check, Handler, Service

Row = dict[str, Any]
_DRY_RUN = "DryRunOperation"
_CIDR = "10.0.0.0/16"
_ADDRESSES = 251
"""Addresses of a /24 that AWS does not keep for itself."""
_GROUP = ("EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup", "ServiceAccessSecurityGroup")
_GROUPS = ("AdditionalMasterSecurityGroups", "AdditionalSlaveSecurityGroups")


def vpcs(call: Call) -> list[Row]:
    """Return the one VPC of the caller's account in the call's region."""
    return [
        {
            "VpcId": vpc_id(call.account, call.region),
            "OwnerId": call.account,
            "CidrBlock": _CIDR,
            "State": "available",
            "IsDefault": False,
            "InstanceTenancy": "default",
            "DhcpOptionsId": "dopt-0",
            "Tags": [{"Key": "Name", "Value": "sandbox"}],
        }
    ]


def subnets(call: Call) -> list[Row]:
    """Return the VPC's subnet in each zone, and those that clusters and applications were made with."""
    zones = {subnet_id(call.account, call.region, zone): f"{call.region}{zone}" for zone in ZONES}
    for attributes in _attributes(call):
        for subnet in (attributes["Ec2SubnetId"], *attributes["RequestedEc2SubnetIds"]):
            zones.setdefault(subnet, attributes["Ec2AvailabilityZone"])
    for subnet in _of_applications(call, "subnets"):
        zones.setdefault(subnet, f"{call.region}a")
    return [
        {
            "SubnetId": key,
            "SubnetArn": f"arn:aws:ec2:{call.region}:{call.account}:subnet/{key}",
            "VpcId": vpc_id(call.account, call.region),
            "OwnerId": call.account,
            "CidrBlock": f"10.0.{number % 256}.0/24",
            "AvailabilityZone": zone,
            "AvailableIpAddressCount": _ADDRESSES,
            "State": "available",
            "DefaultForAz": False,
            "MapPublicIpOnLaunch": False,
            "Tags": [],
        }
        for number, (key, zone) in enumerate(zones.items())
    ]


def security_groups(call: Call) -> list[Row]:
    """Return EMR's managed groups, and those that clusters and applications were made with."""
    names = {group_id(call.account, call.region, node): name for node, name in GROUPS.items()}
    for attributes in _attributes(call):
        given = [attributes[name] for name in _GROUP if attributes.get(name)]
        for group in (*given, *(each for name in _GROUPS for each in attributes[name])):
            names.setdefault(group, group)
    for group in _of_applications(call, "security_groups"):
        names.setdefault(group, group)
    everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    return [
        {
            "GroupId": key,
            "SecurityGroupArn": f"arn:aws:ec2:{call.region}:{call.account}:security-group/{key}",
            "GroupName": name,
            "Description": "Of the sandbox",
            "OwnerId": call.account,
            "VpcId": vpc_id(call.account, call.region),
            "IpPermissions": [],
            "IpPermissionsEgress": [everywhere],
            "Tags": [],
        }
        for key, name in names.items()
    ]


def _attributes(call: Call) -> list[Row]:
    """Return Ec2InstanceAttributes of each cluster that the call can see."""
    there = (call.account, call.region)
    specs = list(call.aws.world.clusters.values())
    return [ec2_attributes(spec) for spec in specs if (spec.account, spec.region) == there]


def _of_applications(call: Call, name: str) -> list[str]:
    there = (call.account, call.region)
    specs = list(call.aws.world.applications.values())
    return [key for spec in specs if (spec.account, spec.region) == there for key in getattr(spec, name)]


def _describe(rows: Callable[[Call], list[Row]], result: str, key: str, missing: str, what: str) -> Handler:
    """Return the handler of an operation: ids and filters choose of ``rows``; an id that is not there is refused.

    ``result`` is the answer's member, ``key`` a row's that holds its id, ``missing`` the code of the refusal.
    """

    def answer(call: Call) -> dict[str, Any]:
        wanted = list(call.params.get(f"{key}s") or ())
        by_id = {row[key]: row for row in rows(call)}
        for resource_id in wanted:
            if resource_id not in by_id:
                raise Refusal(missing, f"The {what} '{resource_id[:40]}' does not exist")
        found = [row for row in by_id.values() if (not wanted or row[key] in wanted) and _passes(row, call)]
        if call.params.get("DryRun"):
            message = "Request would have succeeded, but DryRun flag is set."
            raise Refusal(_DRY_RUN, message, status=412)
        if "MaxResults" not in call.params:
            return {result: found}
        shown, more = page(found, call, most=1000, names=("MaxResults", "NextToken"))
        return {result: shown, **more}

    return answer


_FILTERS = {
    "vpc-id": "VpcId",
    "subnet-id": "SubnetId",
    "group-id": "GroupId",
    "group-name": "GroupName",
    "availability-zone": "AvailabilityZone",
    "owner-id": "OwnerId",
    "state": "State",
}


def _passes(row: Row, call: Call) -> bool:
    """Whether the row has, for each filter, one of its values; raises :class:`Refusal` for filters of other things."""
    for wanted in call.params.get("Filters") or ():
        member = _FILTERS.get(wanted.get("Name", ""), "")
        if member not in row:
            raise Refusal(FailureKind.INVALID_PARAMETER, f"The filter '{wanted.get('Name', '')[:40]}' is invalid")
        if row[member] not in wanted.get("Values", ()):
            return False
    return True


def checks(call: Call) -> Sequence[Check]:
    """Return EC2's one question."""
    return [Check(f"ec2:{call.action}", "*")]


HANDLERS: Mapping[str, Handler] = {
    "DescribeVpcs": _describe(vpcs, "Vpcs", "VpcId", "InvalidVpcID.NotFound", "vpc ID"),
    "DescribeSubnets": _describe(subnets, "Subnets", "SubnetId", "InvalidSubnetID.NotFound", "subnet ID"),
    "DescribeSecurityGroups": _describe(
        security_groups, "SecurityGroups", "GroupId", "InvalidGroup.NotFound", "security group"
    ),
}

SERVICE = Service(name="ec2", model="ec2", prefix="ec2", checks=checks, handlers=HANDLERS, strict=True)
