"""How long the catalogue lives, and how much of AWS's rates it takes."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import pytest

from jupyter_emr_connect.aws.budget import RATES
from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.services.compute.catalogue import Query, polling
from jupyter_emr_connect.services.compute.lookup import find
from tests.functional.services.compute.catalogue.catalogues import (
    PATIENCE,
    STANDARD,
    add_clusters,
    catalogue,
    change,
    names,
    read_all,
    until,
)


def threads(prefix: str = "emr-catalogue") -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith(prefix)]


def wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def none_left():
    wait_for(lambda: not threads())  # those of the tests before, which would ask this one's AWS
    yield
    wait_for(lambda: not threads())


@pytest.mark.slow
def test_polling_stops_when_nobody_looks_and_begins_when_somebody_does(cloud, tmp_path, monkeypatch):
    monkeypatch.setattr(polling, "INTERVAL_S", 0.1)
    monkeypatch.setattr(polling, "INTERVAL_PER_PAGE_S", 0.1)
    monkeypatch.setattr(polling, "STOP_AFTER_S", 3.0)
    monkeypatch.setattr("jupyter_emr_connect.services.compute.catalogue.catalogue.WORKER_IDLE_S", 0.2)
    with catalogue(tmp_path) as live:
        read_all(live)
        wait_for(lambda: cloud.calls("ListClusters") >= 2)
        wait_for(lambda: not threads())
        calls = len(cloud.world.log.since())
        change(cloud, "old", state="TERMINATED")
        time.sleep(0.5)
        assert len(cloud.world.log.since()) == calls
        assert names(live.view(Query())) == STANDARD
        until(live, lambda view: names(view) == STANDARD - {"old"})


@pytest.mark.slow
def test_a_closed_catalogue_leaves_nothing_behind(cloud, tmp_path):
    kept = []
    for _ in range(20):
        with catalogue(tmp_path) as live:
            live.view(Query())
            kept.append(weakref.ref(live))
    del live
    wait_for(lambda: not threads())
    gc.collect()
    assert [one for one in kept if one() is not None] == []


def test_closing_while_jobs_run_ends_them(cloud, tmp_path):
    add_clusters(cloud, 300)
    with catalogue(tmp_path) as live:
        until(live, lambda view: view.total)
    wait_for(lambda: not threads())
    calls = len(cloud.world.log.since())
    view = live.view(Query(), refresh=True)
    assert view.total
    assert not threads()
    assert len(cloud.world.log.since()) == calls


def test_a_job_that_hangs_holds_up_no_end(cloud, tmp_path, monkeypatch):
    faults, hanging = cloud.world.faults, threading.Event()
    wait_while_on = faults.wait_while_on
    monkeypatch.setattr(faults, "wait_while_on", lambda *words: (hanging.set(), wait_while_on(*words)))
    faults.set("slow:60000")
    try:
        with catalogue(tmp_path) as live:
            live.view(Query())
            assert hanging.wait(PATIENCE)
        assert threads(), "closing has waited for the job"
    finally:
        faults.clear()


@pytest.mark.slow
def test_a_long_list_is_read_within_the_documented_rates(cloud, tmp_path):
    add_clusters(cloud, 22 * 50, state="STARTING")
    with catalogue(tmp_path) as live:
        view = until(live, lambda view: view.complete)
        assert view.total == 22 * 50 + len(STANDARD)
        assert view.problems == ()
    moments = [row["time"] for row in cloud.world.log.since() if row["action"] == "ListClusters"]
    assert 23 <= len(moments) <= 26  # each page once, and on a slow machine the first ones of the next poll
    rate = RATES["emr", "ListClusters"]
    assert len(moments) <= rate.burst + rate.refill * (moments[-1] - moments[0]) + 1
    assert [row for row in cloud.world.log.since() if row["status"] != 200] == []  # AWS's own buckets were never empty


@pytest.mark.slow
def test_while_hundreds_are_described_the_user_finds_the_way_free(cloud, tmp_path):
    specs = add_clusters(cloud, 250)
    with catalogue(tmp_path) as live:
        until(live, lambda view: view.to_describe > 200 and cloud.calls("DescribeCluster") >= 5)
        for spec in specs[-2:]:
            assert open_session(None, None).free("emr", "DescribeCluster") >= 1
            assert find(EMRConnect(), spec.id).name == spec.name
        assert live.view(Query()).to_describe > 200
        # What somebody looks at goes before the rest.
        query = Query(q=specs[200].name)
        view = until(live, lambda view: view.items[0].release, query)
        assert view.items[0].id == specs[200].id
        assert live.view(Query()).to_describe > 150
    assert [row for row in cloud.world.log.since() if row["status"] != 200] == []


@pytest.mark.slow
def test_what_somebody_looks_at_leaves_the_way_free_as_well(cloud, tmp_path):
    add_clusters(cloud, 60)
    query = Query(kinds=("ec2",), limit=50)
    with catalogue(tmp_path) as live:
        until(live, lambda view: cloud.calls("DescribeCluster") >= 9, query)
        assert open_session(None, None).free("emr", "DescribeCluster") >= 2
