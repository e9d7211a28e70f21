"""The sandbox's clusters in the product's own words, as ``sandbox status`` shows them."""

from __future__ import annotations

from typing import Any

from ..aws.emr import Cluster, SecurityConfiguration
from ..models import Compute
from ..services.eligibility import judge
from ..services.kinds.clusters import described
from .world import ClusterSpec


def compute_of(spec: ClusterSpec) -> Compute:
    """Return a cluster as the product lists it, by the product's own rules."""
    cluster = Cluster(
        id=spec.id,
        name=spec.name,
        arn=spec.arn,
        state=spec.state,
        state_reason=spec.state_reason or None,
        created_at=spec.created_at.isoformat(),
        release=spec.release,
        applications=dict(spec.applications),
        tags=dict(spec.tags),
        host=spec.address or None,
        security_configuration=spec.security_configuration or None,
        kerberos=spec.kerberos,
    )
    security = None
    if spec.security_configuration:
        security = SecurityConfiguration(
            spec.security_configuration,
            runtime_roles=spec.runtime_roles,
            in_transit_encryption=spec.tls,
            kerberos=spec.kerberos,
        )
    return described(cluster, judge(cluster, security), spec.region)


def status_of(spec: ClusterSpec) -> dict[str, Any]:
    """Return a cluster's entry in ``status --json``: the contract's compute JSON and where its doors are (or null)."""
    scheme = "https" if spec.tls else "http"
    return {
        **compute_of(spec).to_json(),
        "gateway_url": f"{scheme}://{spec.address}:18888" if spec.engines else None,
        "livy_url": f"{scheme}://{spec.address}:8998" if spec.engines else None,
    }
