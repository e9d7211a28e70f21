"""The sandbox's computes that are reached by Livy alone, beside those of the contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from .eks import EndpointSpec, standard_endpoints
from .world import ClusterSpec, World


def livy_clusters(subnet: str) -> list[ClusterSpec]:
    """Return the cluster ``ldap`` at ``127.0.<subnet>.10``, whose Livy asks for a user and password of LDAP."""
    return [
        ClusterSpec(
            id="j-SANDBOXLDAP00000000",
            name="ldap",
            address=f"127.0.{subnet}.10",
            created_at=datetime.now(timezone.utc) - timedelta(minutes=10),
            tags={"owner": "sandbox", "team": "ldap"},
            applications=(("Spark", "3.5.0"), ("Livy", "0.7.1")),
            ldap=True,
            tls=True,
            security_configuration="ldap-tls",
            lazy=True,
        )
    ]


def livy_endpoints(subnet: str, account: str, region: str) -> list[EndpointSpec]:
    """Return the endpoint ``livy`` of the virtual cluster ``team`` at ``127.0.<subnet>.11``, port 8998 over TLS."""
    (notebooks,) = standard_endpoints(subnet, account, region)
    return [
        replace(
            notebooks,
            id="sandboxlivy00000000000000",
            name="livy",
            address=f"127.0.{subnet}.11",
            type="LIVY",
            port=8998,
            release="emr-7.1.0-latest",
        )
    ]


def fill_livy_only(world: World, subnet: str) -> None:
    """Put these computes into ``world``; called by the supervisor."""
    for cluster in livy_clusters(subnet):
        world.clusters[cluster.id] = cluster
    for endpoint in livy_endpoints(subnet, world.account, world.region):
        world.endpoints[endpoint.id] = endpoint
