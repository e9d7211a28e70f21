"""Big accounts of computes that are listed only, as `jupyter emr sandbox seed` makes them."""

from __future__ import annotations

from collections import Counter

import pytest

from jupyter_emr_connect.errors import ConfigurationError
from jupyter_emr_connect.sandbox.aws.seed import put_security
from jupyter_emr_connect.sandbox.world.listed import MOST, add_listed_computes
from jupyter_emr_connect.sandbox.world.world import World

REGIONS = ["us-east-1", "eu-west-1", "ap-south-1", "us-gov-west-1"]
WANTED = {"clusters": 5000, "applications": 500, "endpoints": 200}
NONE = {"clusters": 0, "applications": 0, "endpoints": 0}


@pytest.fixture
def seeded(front):
    assert add_listed_computes(front.world, WANTED, REGIONS, "42") == WANTED
    for region in REGIONS:
        put_security(front.world, front.world.account, region)
    return front


def test_computes_are_spread_evenly_over_the_regions(seeded):
    clusters = [spec for spec in seeded.world.clusters.values() if spec.id.startswith("j-SEED")]
    applications = [spec for spec in seeded.world.applications.values() if spec.id.startswith("00fseed")]
    endpoints = [spec for spec in seeded.world.endpoints.values() if spec.id.startswith("seed")]
    assert Counter(spec.region for spec in clusters) == dict.fromkeys(REGIONS, 1250)
    assert Counter(spec.region for spec in applications) == dict.fromkeys(REGIONS, 125)
    assert Counter(spec.virtual_cluster.region for spec in endpoints) == dict.fromkeys(REGIONS, 50)
    assert len({spec.virtual_cluster.id for spec in endpoints}) == 4
    assert not any(spec.engines for spec in [*clusters, *endpoints])
    assert {len(spec.id) for spec in clusters} == {15}
    assert {len(spec.id) for spec in applications} == {16}
    assert {len(spec.id) for spec in endpoints} == {25}


def test_there_is_variety_in_every_region(seeded):
    for region in REGIONS:
        clusters = [spec for spec in seeded.world.clusters.values() if spec.region == region]
        assert {spec.state for spec in clusters} >= {"WAITING", "RUNNING", "STARTING", "TERMINATED"}
        assert {spec.release.split(".")[0] for spec in clusters} >= {"emr-5", "emr-6", "emr-7"}
        assert {spec.runtime_roles for spec in clusters} == {True, False}
        applications = [spec for spec in seeded.world.applications.values() if spec.region == region]
        assert {spec.state for spec in applications} >= {"STARTED", "STOPPED", "CREATED"}


@pytest.mark.parametrize("region", REGIONS)
def test_a_developer_lists_and_describes_them_in_each_region(seeded, misfits, region):
    emr = seeded.client("emr", region_name=region)
    own = 5 if region == "us-east-1" else 0
    rows = emr.list_clusters()["Clusters"]
    assert len(rows) == 50
    assert emr.describe_cluster(ClusterId=rows[-1]["Id"])["Cluster"]["ClusterArn"].split(":")[3] == region
    named = [spec for spec in seeded.world.clusters.values() if spec.region == region and spec.security_configuration]
    assert emr.describe_security_configuration(Name=named[-1].security_configuration)
    assert sum(spec.region == region for spec in seeded.world.clusters.values() if spec.account != "210987654321") == (
        1250 + own
    )
    serverless = seeded.client("emr-serverless", region_name=region)
    pages = serverless.get_paginator("list_applications").paginate()
    assert sum(len(page["applications"]) for page in pages) == 125 + (region == "us-east-1")
    eks = seeded.client("emr-containers", region_name=region)
    cluster = next(row for row in eks.list_virtual_clusters()["virtualClusters"] if row["name"] == "seeded")
    assert len(eks.list_managed_endpoints(virtualClusterId=cluster["id"], maxResults=100)["endpoints"]) == 50


def test_ids_are_the_same_in_every_run_and_more_can_be_added():
    first, second = World(), World()
    add_listed_computes(first, {"clusters": 30, "applications": 3, "endpoints": 3}, ["us-east-1"], "42")
    add_listed_computes(second, {"clusters": 20, "applications": 1, "endpoints": 2}, ["us-east-1"], "42")
    add_listed_computes(second, {"clusters": 10, "applications": 2, "endpoints": 1}, ["us-east-1"], "42")
    for table in ("clusters", "applications", "endpoints", "virtual_clusters"):
        assert getattr(first, table).keys() == getattr(second, table).keys()


@pytest.mark.parametrize("kind", MOST)
@pytest.mark.parametrize("number", [-1, 1_000_000])
def test_numbers_that_cannot_be_change_nothing(kind, number):
    world = World()
    with pytest.raises(ConfigurationError) as caught:
        add_listed_computes(world, {**NONE, kind: number}, ["us-east-1"], "42")
    assert kind in caught.value.message
    assert not world.clusters
    assert not world.applications
    assert not world.endpoints


@pytest.mark.parametrize("region", ["", "mars", "us-east-1 ", "../..", "US-EAST-1", "us-east-1,eu-west-1"])
def test_regions_that_cannot_be_are_named(region):
    world = World()
    with pytest.raises(ConfigurationError, match="is not a region"):
        add_listed_computes(world, {**NONE, "clusters": 1}, [region], "42")
    assert not world.clusters
