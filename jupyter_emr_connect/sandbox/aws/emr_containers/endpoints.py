"""ListManagedEndpoints and DescribeManagedEndpoint; :func:`find` serves the other modules too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...world.eks import EndpointSpec
from ..paging import page
from ..service import Call, Handler
from . import render
from .virtual_clusters import PAGE, created, invalid, lookup, missing


def find(call: Call, virtual_cluster_id: str, endpoint_id: str) -> EndpointSpec:
    """Return the caller's endpoint; raises :class:`Refusal` when it or its virtual cluster is not there."""
    call.aws.endpoints.advance()
    spec = call.aws.world.endpoints.get(endpoint_id)
    if lookup(call, virtual_cluster_id) is None or spec is None or spec.virtual_cluster.id != virtual_cluster_id:
        missing(f"Managed endpoint {endpoint_id} doesn't exist in virtual cluster {virtual_cluster_id}.")
    return spec


def list_managed_endpoints(call: Call) -> dict[str, Any]:
    """Answer ListManagedEndpoints: newest first, by state, type and creation time where asked.

    The model declares no ResourceNotFoundException here, so an unknown virtual cluster is invalid.
    """
    call.aws.endpoints.advance()
    virtual_cluster_id = call.params["virtualClusterId"]
    if lookup(call, virtual_cluster_id) is None:
        invalid(f"Virtual cluster {virtual_cluster_id} doesn't exist.")
    states, types, in_time = set(call.params.get("states", ())), set(call.params.get("types", ())), created(call)
    rows = [
        spec
        for spec in list(call.aws.world.endpoints.values())
        if spec.virtual_cluster.id == virtual_cluster_id
        and (not states or spec.state in states)
        and (not types or spec.type in types)
        and in_time(spec.created_at)
    ]
    rows.sort(key=lambda spec: (spec.created_at, spec.id), reverse=True)
    shown, more = page(rows, call, most=PAGE)
    return {"endpoints": [render.endpoint(spec) for spec in shown], **more}


def describe_managed_endpoint(call: Call) -> dict[str, Any]:
    """Answer DescribeManagedEndpoint."""
    return {"endpoint": render.endpoint(find(call, call.params["virtualClusterId"], call.params["id"]))}


HANDLERS: Mapping[str, Handler] = {
    "ListManagedEndpoints": list_managed_endpoints,
    "DescribeManagedEndpoint": describe_managed_endpoint,
}
