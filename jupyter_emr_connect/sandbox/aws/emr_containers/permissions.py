"""Which IAM actions, resources and condition keys a call raises.

Source: "Actions, resources, and condition keys for Amazon EMR on EKS (EMR Containers)" (service authorization
reference). Whether GetManagedEndpointSessionCredentials knows ``emr-containers:ExecutionRoleArn`` as
CreateManagedEndpoint does is UNCONFIRMED (reference 9.1); here it does. ``iam:PassRole`` is not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..service import Call, Check
from .credentials import target_of

PREFIX = "emr-containers"
_ENDPOINT = ("DescribeManagedEndpoint", "DeleteManagedEndpoint")


def checks(call: Call) -> Sequence[Check]:
    """Return IAM's one question: the action on the endpoint or virtual cluster that it names, else on everything."""
    action, params = f"{PREFIX}:{call.action}", call.params
    context = _request(call)
    if call.action == "GetManagedEndpointSessionCredentials":
        target = target_of(call)
        tags = _endpoint_tags(call, target.endpoint) if target.account == call.account else {}
        return [Check(action, target.arn, {**context, **tags}, owner=target.account)]
    if call.action in _ENDPOINT:
        arn = f"{_cluster_arn(call, params['virtualClusterId'])}/endpoints/{params['id']}"
        return [Check(action, arn, {**context, **_endpoint_tags(call, params["id"])})]
    cluster_id = params.get("virtualClusterId") or params.get("id")
    if cluster_id:
        return [Check(action, _cluster_arn(call, cluster_id), {**context, **_cluster_tags(call, cluster_id)})]
    return [Check(action, "*", context)]


def compute(call: Call) -> str | None:
    """Return the compute that a call is about, ``<virtual cluster>/<endpoint>``, for faults that are meant for one."""
    if call.action == "GetManagedEndpointSessionCredentials":
        target = target_of(call)
        return f"{target.virtual_cluster}/{target.endpoint}"
    if call.action in _ENDPOINT:
        return f"{call.params['virtualClusterId']}/{call.params['id']}"
    found = call.params.get("virtualClusterId") or call.params.get("id")
    return str(found) if found else None


def _cluster_arn(call: Call, virtual_cluster_id: str) -> str:
    return f"arn:aws:{PREFIX}:{call.region}:{call.account}:/virtualclusters/{virtual_cluster_id}"


def _request(call: Call) -> dict[str, list[str]]:
    role, tags = call.params.get("executionRoleArn"), call.params.get("tags") or {}
    context = {f"{PREFIX}:ExecutionRoleArn": [str(role)]} if role else {}
    if tags:
        context["aws:TagKeys"] = list(tags)
    return context | {f"aws:RequestTag/{name}": [value] for name, value in tags.items()}


def _endpoint_tags(call: Call, endpoint_id: str) -> dict[str, list[str]]:
    spec = call.aws.world.endpoints.get(endpoint_id)
    if spec is None or spec.virtual_cluster.account != call.account:
        return {}
    return _resource(spec.tags)


def _cluster_tags(call: Call, virtual_cluster_id: str) -> dict[str, list[str]]:
    spec = call.aws.world.virtual_clusters.get(virtual_cluster_id)
    return _resource(spec.tags) if spec is not None and spec.account == call.account else {}


def _resource(tags: Mapping[str, str]) -> dict[str, list[str]]:
    return {f"aws:ResourceTag/{name}": [value] for name, value in tags.items()}
