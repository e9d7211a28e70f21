"""The sandbox's computes in the product's own words, as ``sandbox status`` shows them."""

from __future__ import annotations

from typing import Any

from ...aws.emr import Cluster, SecurityConfiguration
from ...aws.emr_containers import Endpoint, VirtualCluster
from ...aws.emr_serverless import Application
from ...models import Compute
from ...services.compute.eligibility import judge
from ...services.compute.kinds import applications, clusters, endpoints
from ..world.eks import EndpointSpec
from ..world.serverless import ApplicationSpec
from ..world.world import ClusterSpec, World


def computes_of(world: World) -> list[dict[str, Any]]:
    """Return ``computes`` of ``status --json``: the contract's compute JSON and where each one's doors are (or null).

    Those of all accounts and regions; called for each ``status``, by the control API.
    """
    rows = [_entry(compute_of(spec), *_cluster_doors(spec)) for spec in list(world.clusters.values())]
    for endpoint in list(world.endpoints.values()):
        url = endpoint.server_url if endpoint.engines else None
        doors = (None, url) if endpoint.type == "LIVY" else (url, None)
        rows.append(_entry(endpoint_compute(endpoint), *doors))
    return rows + [_entry(application_compute(spec), None, None) for spec in list(world.applications.values())]


def _entry(compute: Compute, gateway_url: str | None, livy_url: str | None) -> dict[str, Any]:
    return {**compute.to_json(), "gateway_url": gateway_url, "livy_url": livy_url}


def _cluster_doors(spec: ClusterSpec) -> tuple[str | None, str | None]:
    if not spec.engines:
        return None, None
    scheme = "https" if spec.tls else "http"
    gateway = f"{scheme}://{spec.address}:18888" if spec.has_gateway else None
    return gateway, f"{scheme}://{spec.address}:8998"


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
            ldap=spec.ldap,
        )
    return clusters.described(cluster, judge(cluster, security), spec.region)


def endpoint_compute(spec: EndpointSpec) -> Compute:
    """Return an endpoint as the product lists it, by the product's own rules."""
    endpoint = Endpoint(
        id=spec.id,
        name=spec.name,
        arn=spec.arn,
        virtual_cluster=spec.virtual_cluster.id,
        type=spec.type,
        state=spec.state,
        state_reason=spec.state_details or None,
        failure_reason=spec.failure_reason or None,
        release=spec.release,
        execution_role=spec.execution_role,
        url=spec.server_url,
        certificate=spec.certificate or None,
        tags=dict(spec.tags),
        created_at=spec.created_at.isoformat(),
    )
    team = VirtualCluster(spec.virtual_cluster.id, spec.virtual_cluster.name, spec.virtual_cluster.state)
    return endpoints.described(endpoint, spec.virtual_cluster.region, team)


def application_compute(spec: ApplicationSpec) -> Compute:
    """Return a Serverless application as the product lists it, by the product's own rules."""
    application = Application(
        id=spec.id,
        name=spec.name,
        arn=spec.arn,
        state=spec.state,
        state_reason=spec.state_details or None,
        release=spec.release,
        type=spec.type,
        created_at=spec.created_at.isoformat(),
        architecture=spec.architecture,
        studio_enabled=spec.studio_enabled,
        livy_endpoint_enabled=spec.livy_endpoint_enabled,
        session_enabled=spec.session_enabled,
        auto_start=spec.auto_start,
        auto_stop_minutes=spec.auto_stop_minutes or None,
        subnets=spec.subnets,
        security_groups=spec.security_groups,
        tags=dict(spec.tags),
    )
    return applications.described(application, spec.region)
