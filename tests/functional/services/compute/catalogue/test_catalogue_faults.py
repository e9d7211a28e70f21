"""One service, region or profile that is denied, throttled, slow or down never hides the others, and recovers."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from jupyter_emr_connect.aws.session import forget
from jupyter_emr_connect.sandbox.aws.app import make_app
from jupyter_emr_connect.sandbox.aws.seed import seed
from jupyter_emr_connect.sandbox.aws.server import serve
from jupyter_emr_connect.sandbox.world.world import World, fill_standard
from jupyter_emr_connect.services.compute.catalogue import Query, jobs, polling
from jupyter_emr_connect.services.compute.sources import Source
from tests.functional.services.compute.catalogue.catalogues import (
    STANDARD,
    add_clusters,
    catalogue,
    names,
    read,
    read_all,
    refreshed,
    until,
)

CLUSTERS = {"analytics", "open", "kerberos", "old"}
LIST = {
    "ec2": ("elasticmapreduce", "ListClusters", CLUSTERS),
    "eks": ("emr-containers", "ListManagedEndpoints", {"notebooks"}),
    "serverless": ("emr-serverless", "ListApplications", {"interactive"}),
}


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Every refresh asks AWS."""
    monkeypatch.setattr(polling, "FRESH_FOR_S", -1.0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", LIST)
@pytest.mark.parametrize(
    ("fault", "code"), [("deny:{action}", "access-denied"), ("throttle", "throttled"), ("down", "aws-unavailable")]
)
def test_one_service_does_not_hide_the_others(cloud, tmp_path, kind, fault, code):
    service, action, hidden = LIST[kind]
    cloud.world.faults.set(fault.format(action=action), options={"service": service, "action": action})
    with catalogue(tmp_path) as live:
        view = read(live)
        assert names(view) == STANDARD - hidden
        (problem,) = [one.to_json() for one in view.problems]
        assert (problem["kind"], problem["code"]) == (kind, code)
        assert problem["region"] in (None, "us-east-1")
        assert problem["iam_action"] == f"{service}:{action}"
        assert problem["fix"]
        if code == "access-denied":
            assert f"{service}:{action}" in problem["fix"] + problem["message"]
        cloud.world.faults.clear()
        view = refreshed(live)
        assert names(view) == STANDARD
        assert view.problems == ()


def test_a_region_that_is_down_is_named_and_hides_no_other(cloud, tmp_path):
    add_clusters(cloud, 2, "far", region="eu-west-1")
    cloud.world.faults.set("down", options={"region": "ap-south-1"})
    sources = [Source("administrator", region) for region in ("ap-south-1", "us-east-1", "eu-west-1")]
    with catalogue(tmp_path, *sources) as live:
        view = read(live)
        assert names(view) == STANDARD | {"far-0", "far-1"}
        assert {(one.kind, one.region) for one in view.problems} == {(kind, "ap-south-1") for kind in LIST}


@pytest.mark.slow
def test_regions_that_hang_hold_up_no_other(cloud, tmp_path):
    """More lists hang than there are workers, and they come first."""
    hanging = ["ap-south-1", "ap-east-1", "sa-east-1"]
    for region in hanging:
        cloud.world.faults.set("slow:20000", options={"region": region})
    sources = [Source("administrator", region) for region in (*hanging, "us-east-1")]
    with catalogue(tmp_path, *sources) as live:
        view = until(live, lambda view: names(view) == STANDARD)
        assert not view.complete
        assert not [row for row in cloud.world.log.since() if row["region"] in hanging]  # none has answered yet
        view = until(live, lambda view: {one["region"] for one in view.waiting} >= set(hanging))
        assert read_all(live, Query(regions=("us-east-1",))).complete


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["down", "throttle", "slow:20000"])
def test_the_list_does_without_sts(cloud, tmp_path, fault, monkeypatch):
    monkeypatch.setattr(jobs, "ACCOUNT_TIMEOUT_S", 0.2)
    cloud.world.faults.set(fault, options={"service": "sts"})
    with catalogue(tmp_path) as live:
        for view in (read_all(live), refreshed(live)):
            assert names(view) == STANDARD
            assert view.problems == ()


def test_endpoints_of_one_virtual_cluster_that_is_denied_hide_no_other(cloud, tmp_path):
    endpoint = next(iter(cloud.world.endpoints.values()))
    cloud.world.faults.set("error-500", options={"action": "ListManagedEndpoints"}, compute=endpoint.compute_id)
    with catalogue(tmp_path) as live:
        assert names(read(live)) >= CLUSTERS


@pytest.mark.slow
def test_denied_descriptions_leave_the_rows_and_come_when_they_are_granted(cloud, tmp_path, monkeypatch):
    monkeypatch.setattr("jupyter_emr_connect.services.compute.catalogue.listing.DESCRIBE_AGAIN_AFTER_S", 0.3)
    cloud.world.faults.set("deny:DescribeCluster")
    with catalogue(tmp_path) as live:
        view = read_all(live)
        assert names(view) == STANDARD
        assert all("elasticmapreduce:DescribeCluster" in one.reason for one in view.items if one.kind == "ec2")
        (problem,) = view.problems
        assert (problem.kind, problem.to_json()["iam_action"]) == ("ec2", "elasticmapreduce:DescribeCluster")
        calls = cloud.calls("DescribeCluster")
        until(live, lambda view: cloud.calls("DescribeCluster") > calls + 1)
        assert cloud.calls("DescribeCluster") < calls + 4  # one call in a while finds out for all
        cloud.world.faults.clear()
        view = until(live, lambda view: not view.problems and not view.to_describe)
        assert sum(one.attachable for one in view.items if one.kind == "ec2") == 3


def test_a_security_configuration_that_was_denied_is_read_when_it_is_granted(cloud, tmp_path, monkeypatch):
    monkeypatch.setattr("jupyter_emr_connect.services.compute.catalogue.listing.DESCRIBE_AGAIN_AFTER_S", 0.5)
    monkeypatch.setattr("jupyter_emr_connect.services.compute.kinds.clusters.DENIAL_SECONDS", 0.4)
    cloud.world.faults.set("deny:DescribeSecurityConfiguration")
    with catalogue(tmp_path) as live:
        query = Query(q="team analytics")
        (row,) = read_all(live, query).items
        assert row.runtime_role == "unknown"
        cloud.world.faults.clear()
        (row,) = until(live, lambda view: view.items[0].runtime_role != "unknown", query).items
        assert (row.runtime_role, row.attachable) == ("required", True)


@pytest.mark.slow
def test_throttled_descriptions_come_later(cloud, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "FAILURE_PAUSE_S", 0.2)
    cloud.world.faults.set("throttle", options={"action": "DescribeCluster"})
    with catalogue(tmp_path) as live:
        view = until(live, lambda view: view.problems)
        assert names(view) == STANDARD
        assert view.to_describe == 4
        assert view.problems[0].error.code == "throttled"
        cloud.world.faults.clear()
        view = until(live, lambda view: not view.to_describe)
        assert view.problems == ()
        assert sum(one.attachable for one in view.items if one.kind == "ec2") == 3


def test_a_login_that_is_over_is_one_problem_and_recovers_by_itself(cloud, tmp_path, monkeypatch):
    monkeypatch.setattr(polling, "INTERVAL_S", 0.2)
    monkeypatch.setattr(polling, "INTERVAL_PER_PAGE_S", 0.1)
    with catalogue(tmp_path) as live:
        read_all(live)
        cloud.world.faults.set("expire-credentials")
        view = until(live, lambda view: view.problems)
        assert names(view) == STANDARD
        (problem,) = [one.to_json() for one in until(live, lambda view: not view.refreshing).problems]
        assert (problem["code"], problem["kind"], problem["region"]) == ("credentials-expired", None, None)
        assert "aws sso login --profile developer" in problem["fix"]
        cloud.world.faults.clear()
        assert names(until(live, lambda view: not view.problems)) == STANDARD


def test_a_profile_that_does_not_exist_hides_no_other(cloud, tmp_path):
    with catalogue(tmp_path, Source("nobody", "us-east-1"), Source("developer", "us-east-1")) as live:
        view = read_all(live)
        assert names(view) == STANDARD
        (problem,) = [one.to_json() for one in view.problems]
        assert (problem["code"], problem["profile"], problem["kind"]) == ("no-credentials", "nobody", None)
        assert "nobody" in problem["message"]


@pytest.mark.slow
@pytest.mark.parametrize("region", ["nowhere", "x" * 500, "us-east-1/../..", "us east 1"])
def test_a_region_that_is_none_hides_no_other(cloud, tmp_path, region):
    with catalogue(tmp_path, Source("developer", region), Source("developer", "us-east-1")) as live:
        view = read_all(live)
        assert names(view) == STANDARD
        assert {one.error.code for one in view.problems} == {"configuration"}
        assert "is not an AWS region" in view.problems[0].error.message


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_wrong_clock_is_said_to_be_wrong(cloud, tmp_path, monkeypatch, minutes):
    world = World()
    fill_standard(world, "45")
    front = make_app(world, clock=lambda: time.time() + 60 * minutes)
    seed(world, keys={name: (one.access_key, one.secret) for name, one in cloud.keys.items()})
    server = serve(front)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    forget()
    try:
        with catalogue(tmp_path) as live:
            view = read(live)
            (problem,) = [one.to_json() for one in view.problems]
            assert problem["code"] == "invalid-credentials"
            assert "this machine's clock is wrong" in problem["message"]
            assert "Set the clock" in problem["fix"]
    finally:
        server.stop()


@pytest.mark.slow
def test_a_fault_that_lasts_is_met_less_and_less(cloud, tmp_path, monkeypatch):
    monkeypatch.setattr(polling, "INTERVAL_S", 0.1)
    monkeypatch.setattr(polling, "INTERVAL_PER_PAGE_S", 0.1)
    cloud.world.faults.set("deny:ListApplications")
    with catalogue(tmp_path) as live:
        until(live, lambda view: cloud.calls("ListApplications") >= 6)
    moments = [row["time"] for row in cloud.world.log.since() if row["action"] == "ListApplications"]
    gaps = [after - before for before, after in pairwise(moments)]
    assert gaps[-1] > 2 * min(gaps[:2])  # a busy machine adds to each
