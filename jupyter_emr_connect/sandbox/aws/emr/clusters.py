"""ListClusters and DescribeCluster; :func:`find` and :func:`page` serve the other EMR modules."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NoReturn, TypeVar

from ...world.world import ClusterSpec
from ..failures import FailureKind, Refusal
from ..service import Call, Handler
from . import render

PAGE = 50
"""Rows of one answer (botocore's documentation of ListClusters)."""

Row = TypeVar("Row")


INVALID_REQUEST = "InvalidRequestException"


def reject(message: str, code: str = INVALID_REQUEST) -> NoReturn:
    """Refuse a request that EMR understands but cannot do."""
    raise Refusal(code, message)


def find(call: Call, cluster_id: str) -> ClusterSpec:
    """Return the caller's cluster; raises :class:`Refusal` with EMR's words for an id that is not there."""
    call.aws.clusters.advance()
    spec = call.aws.world.clusters.get(cluster_id)
    if spec is None or (spec.account, spec.region) != (call.account, call.region):
        message = f"Cluster id '{cluster_id}' is not valid."
        raise Refusal(INVALID_REQUEST, message, ErrorCode="NoSuchCluster")
    return spec


def page(rows: Sequence[Row], call: Call, size: int = PAGE) -> tuple[list[Row], dict[str, str]]:
    """Return one page of ``rows`` and, where more follow, the ``Marker`` member for the next."""
    start = _position(call.params.get("Marker", ""))
    after = start + size
    marker = {"Marker": base64.urlsafe_b64encode(f"at:{after}".encode()).decode()} if after < len(rows) else {}
    return list(rows[start:after]), marker


def _position(marker: str) -> int:
    if not marker:
        return 0
    try:
        name, _, number = base64.urlsafe_b64decode(marker.encode()).decode().partition(":")
    except (binascii.Error, ValueError):
        name, number = "", ""
    if name != "at" or not number.isdigit():
        reject(f"Marker '{marker[:80]}' is not valid.")
    return int(number)


def list_clusters(call: Call) -> dict[str, Any]:
    """Answer ListClusters: newest first, 50 a page, by creation time and state where asked."""
    call.aws.clusters.advance()
    wanted = set(call.params.get("ClusterStates", ()))
    unknown = wanted - render.STATES
    if unknown:
        message = f"1 validation error detected: Value '{sorted(unknown)}' at 'clusterStates' failed to satisfy "
        raise Refusal(FailureKind.INVALID_PARAMETER, f"{message}constraint: Member must satisfy enum value set")
    after, before = _moment(call.params, "CreatedAfter"), _moment(call.params, "CreatedBefore")
    rows = [
        spec
        for spec in list(call.aws.world.clusters.values())
        if (spec.account, spec.region) == (call.account, call.region)
        and (not wanted or spec.state in wanted)
        and (after is None or spec.created_at > after)
        and (before is None or spec.created_at < before)
    ]
    rows.sort(key=lambda spec: (spec.created_at, spec.id), reverse=True)
    shown, marker = page(rows, call)
    return {"Clusters": [render.summary(spec) for spec in shown], **marker}


def _moment(params: Mapping[str, Any], name: str) -> datetime | None:
    value: datetime | None = params.get(name)
    return value.replace(tzinfo=timezone.utc) if value is not None and value.tzinfo is None else value


def describe_cluster(call: Call) -> dict[str, Any]:
    """Answer DescribeCluster."""
    return {"Cluster": render.cluster(find(call, call.params["ClusterId"]))}


HANDLERS: Mapping[str, Handler] = {"ListClusters": list_clusters, "DescribeCluster": describe_cluster}
