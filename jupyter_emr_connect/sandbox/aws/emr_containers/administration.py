"""What an administrator does: virtual clusters and managed endpoints are made and removed; nothing runs on them."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ...world.eks import EndpointSpec, VirtualClusterSpec
from ..identity import find_role
from ..service import Call, Handler
from . import endpoints
from .virtual_clusters import find, invalid, lookup

_GONE = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")


def new_id() -> str:
    """Return an id of the form that AWS gives virtual clusters and endpoints."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(25))


def create_virtual_cluster(call: Call) -> dict[str, Any]:
    """Answer CreateVirtualCluster; it runs at once. The EKS cluster is not looked for: the sandbox has none."""
    provider = call.params["containerProvider"]
    namespace = ((provider.get("info") or {}).get("eksInfo") or {}).get("namespace") or "default"
    place = (call.account, call.region, provider["id"], namespace)
    for spec in list(call.aws.world.virtual_clusters.values()):
        taken = (spec.account, spec.region, spec.eks_cluster, spec.namespace) == place and spec.state == "RUNNING"
        if taken and not _repeated(call, spec.id):
            invalid(f"A virtual cluster already exists in the namespace {namespace} of {provider['id']}.")
    made = VirtualClusterSpec(
        id=new_id(),
        name=call.params["name"],
        account=call.account,
        region=call.region,
        eks_cluster=provider["id"],
        namespace=namespace,
        tags=dict(call.params.get("tags", {})),
        created_at=datetime.fromtimestamp(call.now, timezone.utc),
    )
    spec = call.aws.virtual_clusters.add(made, _token(call))
    return {"id": spec.id, "name": spec.name, "arn": spec.arn}


def _repeated(call: Call, spec_id: str) -> bool:
    return call.aws.virtual_clusters.created_with(_token(call)) == spec_id


def _token(call: Call) -> tuple[str, ...]:
    return call.account, call.region, str(call.params["clientToken"])


def delete_virtual_cluster(call: Call) -> dict[str, Any]:
    """Answer DeleteVirtualCluster; one with endpoints stays, an unknown one is invalid (the model has no other)."""
    spec = lookup(call, call.params["id"])
    if spec is None:
        invalid(f"Virtual cluster {call.params['id']} doesn't exist.")
    call.aws.endpoints.advance()
    living = [
        each.id
        for each in list(call.aws.world.endpoints.values())
        if each.virtual_cluster.id == spec.id and not each.state.startswith("TERMINATED")
    ]
    if living:
        invalid(f"Virtual cluster {spec.id} has managed endpoints: {', '.join(living[:5])}.")
    call.aws.virtual_clusters.change(spec.id, _ending)
    return {"id": spec.id}


def create_managed_endpoint(call: Call) -> dict[str, Any]:
    """Answer CreateManagedEndpoint: an endpoint without address, CREATING and then ACTIVE."""
    params = call.params
    cluster = find(call, params["virtualClusterId"])
    if cluster.state != "RUNNING":
        invalid(f"Virtual cluster {cluster.id} is in state {cluster.state}. It must be RUNNING.")
    if find_role(params["executionRoleArn"]) is None:
        invalid(f"The execution role {params['executionRoleArn']} doesn't exist.")
    made = EndpointSpec(
        id=new_id(),
        name=params["name"],
        virtual_cluster=cluster,
        address="",
        execution_role=params["executionRoleArn"],
        type=params["type"],
        release=params["releaseLabel"],
        state="CREATING",
        engines=False,
        overrides=dict(params.get("configurationOverrides") or {}),
        tags=dict(params.get("tags", {})),
        created_at=datetime.fromtimestamp(call.now, timezone.utc),
    )
    spec = call.aws.endpoints.add(made, (*_token(call), cluster.id))
    return {"id": spec.id, "name": spec.name, "arn": spec.arn, "virtualClusterId": cluster.id}


def delete_managed_endpoint(call: Call) -> dict[str, Any]:
    """Answer DeleteManagedEndpoint; the endpoint's tokens die at once."""
    virtual_cluster_id, endpoint_id = call.params["virtualClusterId"], call.params["id"]
    spec = call.aws.world.endpoints.get(endpoint_id)
    if lookup(call, virtual_cluster_id) is None or spec is None or spec.virtual_cluster.id != virtual_cluster_id:
        invalid(f"Managed endpoint {endpoint_id} doesn't exist in virtual cluster {virtual_cluster_id}.")
    endpoints.find(call, virtual_cluster_id, endpoint_id)
    call.aws.endpoints.change(endpoint_id, _ending)
    call.aws.world.tokens.expire(endpoint_id)
    return {"id": endpoint_id, "virtualClusterId": virtual_cluster_id}


def _ending(spec: Any) -> Any:
    return spec if spec.state in _GONE else replace(spec, state="TERMINATING")


HANDLERS: Mapping[str, Handler] = {
    "CreateVirtualCluster": create_virtual_cluster,
    "DeleteVirtualCluster": delete_virtual_cluster,
    "CreateManagedEndpoint": create_managed_endpoint,
    "DeleteManagedEndpoint": delete_managed_endpoint,
}
