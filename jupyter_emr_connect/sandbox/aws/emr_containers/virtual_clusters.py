"""ListVirtualClusters and DescribeVirtualCluster; :func:`find` and :func:`created` serve the other modules too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, NoReturn

from ...world.eks import VirtualClusterSpec
from ..failures import FailureKind, Refusal
from ..paging import page
from ..service import Call, Handler
from . import render

NOT_FOUND = "ResourceNotFoundException"
PAGE = 100
"""Rows of one answer at most. The model names no limit, so this one is ours."""


def invalid(message: str) -> NoReturn:
    """Refuse a request that cannot be done."""
    raise Refusal(FailureKind.INVALID_PARAMETER, message)


def missing(message: str) -> NoReturn:
    """Refuse an id that the caller does not have; this service says so with status 400 (reference 2.1)."""
    raise Refusal(NOT_FOUND, message, status=400)


def lookup(call: Call, virtual_cluster_id: str) -> VirtualClusterSpec | None:
    """Return the caller's virtual cluster in the call's region, or None."""
    call.aws.virtual_clusters.advance()
    spec = call.aws.world.virtual_clusters.get(virtual_cluster_id)
    return spec if spec is not None and (spec.account, spec.region) == (call.account, call.region) else None


def find(call: Call, virtual_cluster_id: str) -> VirtualClusterSpec:
    """Return the caller's virtual cluster; raises :class:`Refusal` when there is none."""
    spec = lookup(call, virtual_cluster_id)
    if spec is None:
        missing(f"Virtual cluster {virtual_cluster_id} doesn't exist.")
    return spec


def created(call: Call) -> Callable[[datetime], bool]:
    """Return the test of a list's ``createdAfter`` and ``createdBefore``."""
    after, before = _moment(call.params, "createdAfter"), _moment(call.params, "createdBefore")
    return lambda when: (after is None or when > after) and (before is None or when < before)


def _moment(params: Mapping[str, Any], name: str) -> datetime | None:
    value: datetime | None = params.get(name)
    return value.replace(tzinfo=timezone.utc) if value is not None and value.tzinfo is None else value


def list_virtual_clusters(call: Call) -> dict[str, Any]:
    """Answer ListVirtualClusters: newest first, by state, EKS cluster and creation time where asked."""
    call.aws.virtual_clusters.advance()
    states, provider, in_time = (
        set(call.params.get("states", ())),
        call.params.get("containerProviderId"),
        created(call),
    )
    rows = [
        spec
        for spec in list(call.aws.world.virtual_clusters.values())
        if (spec.account, spec.region) == (call.account, call.region)
        and (not states or spec.state in states)
        and provider in (None, spec.eks_cluster)
        and in_time(spec.created_at)
    ]
    rows.sort(key=lambda spec: (spec.created_at, spec.id), reverse=True)
    shown, more = page(rows, call, most=PAGE)
    return {"virtualClusters": [render.virtual_cluster(spec) for spec in shown], **more}


def describe_virtual_cluster(call: Call) -> dict[str, Any]:
    """Answer DescribeVirtualCluster."""
    return {"virtualCluster": render.virtual_cluster(find(call, call.params["id"]))}


HANDLERS: Mapping[str, Handler] = {
    "ListVirtualClusters": list_virtual_clusters,
    "DescribeVirtualCluster": describe_virtual_cluster,
}
