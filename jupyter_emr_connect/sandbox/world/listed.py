"""Big accounts: computes that are listed only (nothing runs there), in the variety that real accounts have.

Used by ``jupyter emr sandbox seed``. Ids, names and states depend on the numbers alone, so that runs can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from ...errors import ConfigurationError
from .eks import EndpointSpec, VirtualClusterSpec
from .serverless import ApplicationSpec
from .world import ACCOUNT, ClusterSpec, World

MOST = {"clusters": 20_000, "applications": 10_000, "endpoints": 10_000}
"""Computes of each kind that one sandbox takes from ``seed``."""
_REGION = re.compile(r"[a-z]{2}(-[a-z]+){1,2}-\d")
_OWNERS = ("ana", "bo", "chen", "dua", "emil")
# What EMR's releases bring (reference 1.8 and 1.9).
_RELEASES = (
    ("emr-5.36.2", (("Spark", "2.4.8"), ("Livy", "0.7.1"), ("JupyterEnterpriseGateway", "2.1.0"))),
    ("emr-6.10.1", (("Spark", "3.3.1"), ("Livy", "0.7.1"), ("JupyterEnterpriseGateway", "2.6.0"))),
    ("emr-7.0.0", (("Spark", "3.5.0"), ("Livy", "0.7.1"), ("JupyterEnterpriseGateway", "2.6.0"))),
    ("emr-7.5.0", (("Spark", "3.5.2"), ("Livy", "0.8.0"), ("JupyterEnterpriseGateway", "2.6.0"))),
    ("emr-7.12.0", (("Hadoop", "3.4.1"), ("Spark", "3.5.6"), ("Hive", "3.1.3"))),
)
_CLUSTER_STATES = (*["WAITING"] * 11, *["RUNNING"] * 6, "STARTING", "BOOTSTRAPPING", "TERMINATED")
_APPLICATION_STATES = ("STARTED", "CREATED", "STOPPED", "STARTED", "STOPPED", "STARTING", "STARTED", "TERMINATED")
_ENDPOINT_STATES = (*["ACTIVE"] * 8, "CREATING", "TERMINATED_WITH_ERRORS")
_ENDPOINT_TYPES = ("JUPYTER_ENTERPRISE_GATEWAY", "JUPYTER_ENTERPRISE_GATEWAY", "SPARK_CONNECT")


def add_listed_computes(world: World, wanted: Mapping[str, int], regions: list[str], subnet: str) -> dict[str, int]:
    """Add computes, evenly over ``regions``, to the sandbox's own account; those of earlier calls stay.

    ``wanted`` has how many ``clusters``, ``applications`` and ``endpoints``; ``subnet`` is that of the sandbox's
    loopback addresses. Endpoints lie in one virtual cluster for each region. Returns ``wanted``; raises
    ConfigurationError for numbers and regions that cannot be.
    """
    _check(wanted, regions)
    have = _seeded(world)
    for kind, number in wanted.items():
        if have[kind] + number > MOST[kind]:
            message = f"{number} {kind} cannot be seeded."
            raise ConfigurationError(message, fix=f"A sandbox takes up to {MOST[kind]} {kind}.")
    now = datetime.now(timezone.utc)

    def places(kind: str) -> list[tuple[int, int, str]]:
        """Return (number, number within its region, region) of each compute to add."""
        span = range(have[kind], have[kind] + wanted[kind])
        return [(number, number // len(regions), regions[number % len(regions)]) for number in span]

    clusters = [_cluster(number, turn, region, subnet, now) for number, turn, region in places("clusters")]
    world.clusters.update({spec.id: spec for spec in clusters})
    applications = [_application(number, turn, region, now) for number, turn, region in places("applications")]
    world.applications.update({spec.id: spec for spec in applications})
    if wanted["endpoints"]:
        homes = {region: _virtual_cluster(world, region, now) for region in regions}
        endpoints = [_endpoint(number, turn, homes[region], now) for number, turn, region in places("endpoints")]
        world.endpoints.update({spec.id: spec for spec in endpoints})
    return dict(wanted)


def _check(wanted: Mapping[str, int], regions: list[str]) -> None:
    negative = [kind for kind, number in wanted.items() if number < 0]
    if negative:
        message = f"Fewer than no {negative[0]} cannot be seeded."
        raise ConfigurationError(message, fix="Give a number of at least 0.")
    for region in regions:
        if not _REGION.fullmatch(region):
            message = f"{region!r} is not a region."
            raise ConfigurationError(message, fix="Write them as us-east-1,eu-west-1.")


def _seeded(world: World) -> dict[str, int]:
    return {
        "clusters": sum(key.startswith("j-SEED") for key in world.clusters),
        "applications": sum(key.startswith("00fseed") for key in world.applications),
        "endpoints": sum(key.startswith("seed") for key in world.endpoints),
    }


def _cluster(number: int, turn: int, region: str, subnet: str, now: datetime) -> ClusterSpec:
    release, applications = _RELEASES[turn % len(_RELEASES)]
    state = _CLUSTER_STATES[turn % len(_CLUSTER_STATES)]
    roles = turn % 4 == 0 and not release.startswith("emr-5")
    return ClusterSpec(
        id=f"j-SEED{number:09d}",
        name=f"seeded-{number:05d}",
        address=f"127.0.{subnet}.{100 + number % 150}" if state != "STARTING" else "",
        release=release,
        state=state,
        state_reason="Terminated by user request" if state == "TERMINATED" else "",
        applications=applications,
        runtime_roles=roles,
        tls=roles,
        security_configuration="runtime-roles-tls" if roles else "",
        tags={"owner": _OWNERS[turn % len(_OWNERS)], "team": f"team-{number % 20}"},
        created_at=now - timedelta(minutes=10 + number),
        region=region,
        engines=False,
    )


def _application(number: int, turn: int, region: str, now: datetime) -> ApplicationSpec:
    return ApplicationSpec(
        id=f"00fseed{number:09d}",
        name=f"application-{number:05d}",
        account=ACCOUNT,
        region=region,
        type="Hive" if turn % 10 == 9 else "Spark",
        release=("emr-6.10.0", "emr-6.15.0", "emr-7.1.0", "emr-7.13.0")[turn % 4],
        state=_APPLICATION_STATES[turn % len(_APPLICATION_STATES)],
        livy_endpoint_enabled=turn % 2 == 0,
        session_enabled=turn % 4 == 3,
        tags={"owner": _OWNERS[turn % len(_OWNERS)], "team": f"team-{number % 20}"},
        created_at=now - timedelta(minutes=10 + number),
    )


def _virtual_cluster(world: World, region: str, now: datetime) -> VirtualClusterSpec:
    """Return the region's virtual cluster for seeded endpoints, made when there is none yet."""
    key = f"seedvc{region.replace('-', '')}".ljust(25, "0")
    made = VirtualClusterSpec(
        id=key, name="seeded", account=world.account, region=region, namespace="seeded", created_at=now
    )
    return world.virtual_clusters.setdefault(key, made)


def _endpoint(number: int, turn: int, home: VirtualClusterSpec, now: datetime) -> EndpointSpec:
    state = _ENDPOINT_STATES[turn % len(_ENDPOINT_STATES)]
    failed = state == "TERMINATED_WITH_ERRORS"
    return EndpointSpec(
        id=f"seed{number:021d}",
        name=f"endpoint-{number:05d}",
        virtual_cluster=home,
        address="",
        execution_role=f"arn:aws:iam::{home.account}:role/EMRAnalyst",
        type=_ENDPOINT_TYPES[turn % len(_ENDPOINT_TYPES)],
        release=("emr-6.10.0-latest", "emr-7.1.0-latest", "emr-7.13.0-latest")[turn % 3],
        state=state,
        state_details="The pods could not be scheduled." if failed else "",
        failure_reason="CLUSTER_UNAVAILABLE" if failed else "",
        engines=False,
        tags={"owner": _OWNERS[turn % len(_OWNERS)], "team": f"team-{number % 20}"},
        created_at=now - timedelta(minutes=10 + number),
    )
