"""ListInstances, ListInstanceGroups, ListInstanceFleets: one primary and one core node per cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...world.world import ClusterSpec
from ..service import Call, Handler
from . import render
from .clusters import find, page, reject

_NODES = ("MASTER", "CORE")
_EXCLUSIVE = (
    "Instance fleets and instance groups are mutually exclusive. The EMR cluster specified in the request uses "
    "instance {has}. The {call} request does not support clusters that use instance {has}. Use the {other} request "
    "instead."
)


def list_instances(call: Call) -> dict[str, Any]:
    """Answer ListInstances with its filters; a group's filter finds nothing on a cluster of fleets, and vice versa."""
    spec = find(call, call.params["ClusterId"])
    params = call.params
    if "InstanceFleetType" in params and "InstanceGroupTypes" in params:
        reject("InstanceGroupTypes and InstanceFleetType cannot be given together.")
    kinds = set(params.get("InstanceGroupTypes", _NODES))
    if "InstanceFleetType" in params:
        kinds = {params["InstanceFleetType"]}
    asked_for = "fleets" if {"InstanceFleetType", "InstanceFleetId"} & set(params) else ""
    asked_for = "groups" if {"InstanceGroupTypes", "InstanceGroupId"} & set(params) else asked_for
    if asked_for and (asked_for == "fleets") != spec.fleets:
        return {"Instances": []}
    states = set(params.get("InstanceStates", ()))
    collection = params.get("InstanceFleetId") or params.get("InstanceGroupId")
    rows = [
        row
        for row in (_instance(spec, kind) for kind in _NODES if kind in kinds)
        if (not states or row["Status"]["State"] in states)
        and collection in (None, row.get("InstanceFleetId") or row.get("InstanceGroupId"))
    ]
    shown, marker = page(rows, call, size=2000)
    return {"Instances": shown, **marker}


def _instance(spec: ClusterSpec, kind: str) -> dict[str, Any]:
    primary = kind == "MASTER"
    name = spec.address if primary else "ip-10-0-0-12.ec2.internal"
    collection = {"InstanceFleetId": _fleet_id(spec, kind)} if spec.fleets else {"InstanceGroupId": _id(spec, kind)}
    return {
        "Id": render.token(spec, "ci", 13, kind),
        "Ec2InstanceId": render.token(spec, "i", 17, kind),
        "PublicDnsName": "",
        "PrivateDnsName": name,
        "PrivateIpAddress": spec.address if primary else "10.0.0.12",
        "Status": {"State": _state(spec), "StateChangeReason": {}, "Timeline": render.timeline(spec)},
        **collection,
        "Market": "ON_DEMAND",
        "InstanceType": render.INSTANCE_TYPE,
        "EbsVolumes": [],
    }


def _state(spec: ClusterSpec) -> str:
    early = {"STARTING": "PROVISIONING", "BOOTSTRAPPING": "BOOTSTRAPPING"}
    return "TERMINATED" if spec.state in render.ENDED else early.get(spec.state, "RUNNING")


def _id(spec: ClusterSpec, kind: str) -> str:
    return render.token(spec, "ig", 12, kind)


def _fleet_id(spec: ClusterSpec, kind: str) -> str:
    return render.token(spec, "if", 12, kind)


def list_instance_groups(call: Call) -> dict[str, Any]:
    """Answer ListInstanceGroups, with the groups' configurations where RunJobFlow gave some."""
    spec = find(call, call.params["ClusterId"])
    if spec.fleets:
        reject(_EXCLUSIVE.format(has="fleets", call="ListInstanceGroups", other="ListInstanceFleets"))
    given = spec.described.get("InstanceGroups") or [{"InstanceGroupType": kind} for kind in _NODES]
    shown, marker = page([_group(spec, group) for group in given], call)
    return {"InstanceGroups": shown, **marker}


def _group(spec: ClusterSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    kind = given["InstanceGroupType"]
    count = int(given.get("RequestedInstanceCount", 1))
    return {
        "Id": _id(spec, kind),
        "Name": kind.capitalize(),
        "Market": "ON_DEMAND",
        "InstanceType": render.INSTANCE_TYPE,
        "RequestedInstanceCount": count,
        "RunningInstanceCount": count if spec.state in render.READY else 0,
        "Status": {"State": _state(spec), "StateChangeReason": {"Message": ""}, "Timeline": render.timeline(spec)},
        "Configurations": [],
        "ConfigurationsVersion": 0,
        "EbsBlockDevices": [],
        "ShrinkPolicy": {},
        **given,
    }


def list_instance_fleets(call: Call) -> dict[str, Any]:
    """Answer ListInstanceFleets."""
    spec = find(call, call.params["ClusterId"])
    if not spec.fleets:
        reject(_EXCLUSIVE.format(has="groups", call="ListInstanceFleets", other="ListInstanceGroups"))
    given = spec.described.get("InstanceFleets") or [{"InstanceFleetType": kind} for kind in _NODES]
    shown, marker = page([_fleet(spec, fleet) for fleet in given], call)
    return {"InstanceFleets": shown, **marker}


def _fleet(spec: ClusterSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    kind = given["InstanceFleetType"]
    wanted = int(given.get("TargetOnDemandCapacity", 1))
    return {
        "Id": _fleet_id(spec, kind),
        "Name": kind.capitalize(),
        "Status": {"State": _state(spec), "StateChangeReason": {"Message": ""}, "Timeline": render.timeline(spec)},
        "TargetOnDemandCapacity": wanted,
        "TargetSpotCapacity": 0,
        "ProvisionedOnDemandCapacity": wanted if spec.state in render.READY else 0,
        "ProvisionedSpotCapacity": 0,
        "InstanceTypeSpecifications": [
            {
                "InstanceType": render.INSTANCE_TYPE,
                "WeightedCapacity": 1,
                "Configurations": [],
                "EbsBlockDevices": [],
            }
        ],
        **given,
    }


def list_bootstrap_actions(call: Call) -> dict[str, Any]:
    """Answer ListBootstrapActions: the sandbox's clusters have none."""
    find(call, call.params["ClusterId"])
    return {"BootstrapActions": []}


def list_steps(call: Call) -> dict[str, Any]:
    """Answer ListSteps: the sandbox runs none."""
    find(call, call.params["ClusterId"])
    return {"Steps": []}


HANDLERS: Mapping[str, Handler] = {
    "ListInstances": list_instances,
    "ListInstanceGroups": list_instance_groups,
    "ListInstanceFleets": list_instance_fleets,
    "ListBootstrapActions": list_bootstrap_actions,
    "ListSteps": list_steps,
}
