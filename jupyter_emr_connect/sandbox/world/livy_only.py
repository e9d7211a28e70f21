"""The sandbox's computes that are reached by Livy alone, beside those of the contract."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

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


def fill_livy_only(world: World, subnet: str) -> None:
    """Put these computes into ``world``; called by the supervisor."""
    for cluster in livy_clusters(subnet):
        world.clusters[cluster.id] = cluster
