"""The live list against the AWS front: it fills, follows what changes, and costs AWS no more than it must."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from jupyter_emr_connect.services.compute.catalogue import Query, polling
from jupyter_emr_connect.services.compute.catalogue.reading import read_all as read_and_tell
from jupyter_emr_connect.services.compute.sources import Source
from tests.functional.services.compute.catalogue.catalogues import (
    STANDARD,
    add_clusters,
    catalogue,
    change,
    names,
    read_all,
    refreshed,
    until,
)


@pytest.fixture
def eager(monkeypatch):
    """Every refresh asks AWS."""
    monkeypatch.setattr(polling, "FRESH_FOR_S", -1.0)


def test_the_list_fills_and_says_what_it_is(cloud, tmp_path):
    with catalogue(tmp_path) as live:
        first = live.view(Query())
        assert not first.complete
        assert (first.as_of, first.total, first.stored) == (None, 0, False)
        view = read_all(live)
        assert names(view) == STANDARD
        assert view.problems == ()
        assert view.complete
        assert view.as_of is not None
        assert {one.kind for one in view.items} == {"ec2", "eks", "serverless"}
        assert {one.profile for one in view.items} == {"developer"}


@pytest.mark.slow
def test_rows_show_while_the_rest_still_loads(cloud, tmp_path):
    cloud.world.faults.set("slow:15000", options={"service": "emr-serverless"})
    with catalogue(tmp_path) as live:
        view = until(live, lambda view: view.total >= 5 and view.waiting)
        assert not view.complete
        assert names(view) >= {"analytics", "notebooks"}
        assert {one["kind"] for one in view.waiting} == {"serverless"}
        assert view.waiting[0]["region"] in (None, "us-east-1")
        assert read_all(live, Query(kinds=("ec2", "eks"))).complete


def test_what_changes_in_aws_changes_in_the_list(cloud, tmp_path, eager):
    with catalogue(tmp_path) as live:
        before = read_all(live)
        add_clusters(cloud, 1, "fresh")
        change(cloud, "open", state="TERMINATED")
        change(cloud, "old", state="RUNNING")
        view = refreshed(live)
        assert names(view) == STANDARD - {"open"} | {"fresh-0"}
        changes = live.view(Query(), since=before.version).changes
        assert changes.added == ("ec2/j-FRESHUS00000",)
        assert changes.changed == (f"ec2/{cloud.id('old')}",)
        assert changes.removed == (f"ec2/{cloud.id('open')}",)
        assert next(one for one in view.items if one.name == "old").state == "RUNNING"


def test_only_what_is_new_or_changed_is_described(cloud, tmp_path, eager):
    with catalogue(tmp_path) as live:
        read_all(live)
        described = cloud.calls("DescribeCluster")
        assert described == 4
        for _ in range(3):
            refreshed(live)
        assert cloud.calls("DescribeCluster") == described
        change(cloud, "old", state="RUNNING")
        refreshed(live)
        assert cloud.calls("DescribeCluster") == described + 1
        assert cloud.calls("DescribeSecurityConfiguration") == 2


def test_a_process_that_ends_with_the_list_has_kept_it(cloud, tmp_path):
    """A command ends as soon as all is read and described: the next one must not ask for the same again."""
    for _ in range(3):
        with catalogue(tmp_path) as live:
            read_all(live)
    assert cloud.calls("DescribeCluster") == 4
    assert cloud.calls("GetApplication") == 1
    assert cloud.calls("ListClusters") == 3


def test_progress_is_never_less_than_nothing_though_few_rows_are_asked_for(cloud, tmp_path):
    told: list[tuple[int, int]] = []
    with catalogue(tmp_path) as live:
        read_and_tell(live, Query(q="open"), progress=lambda described, rows: told.append((described, rows)))
    assert told
    assert all(0 <= described <= rows for described, rows in told)


def test_what_has_ended_is_read_when_it_is_asked_for(cloud, tmp_path):
    with catalogue(tmp_path) as live:
        read_all(live)
        assert cloud.calls("ListClusters") == 1
        view = read_all(live, Query(ended=True))
        assert names(view) == STANDARD | {"gone"}
        assert names(read_all(live, Query(states=("terminated",)))) == {"gone"}
        assert cloud.calls("ListClusters") == 2
        assert names(live.view(Query())) == STANDARD


def test_a_cluster_that_is_terminating_is_found_by_its_state(cloud, tmp_path):
    change(cloud, "open", state="TERMINATING")
    with catalogue(tmp_path) as live:
        assert names(read_all(live, Query(states=("TERMINATING",)))) == {"open"}


def test_a_state_that_is_not_known_is_shown_as_it_is(cloud, tmp_path):
    (application,) = cloud.world.applications.values()
    cloud.world.applications[application.id] = replace(application, state="STARTED", type="Quantum")
    endpoint = next(iter(cloud.world.endpoints.values()))
    cloud.world.endpoints[endpoint.id] = replace(endpoint, state="CREATING", state_details="x" * 10_000)
    with catalogue(tmp_path) as live:
        rows = {one.name: one for one in read_all(live).items}
        assert not rows["interactive"].attachable
        assert rows["interactive"].reason
        assert not rows["notebooks"].attachable
        assert rows["notebooks"].state == "CREATING"


@pytest.mark.slow
def test_odd_names_and_tags_go_through(cloud, tmp_path):
    odd = ["x" * 10_000, "Ünïcødé 日本 🎉", "a\x00\x1b[31m\r\nb", " ", "‮evil"]
    for spec, name in zip(add_clusters(cloud, len(odd), "odd"), odd, strict=True):
        cloud.world.clusters[spec.id] = replace(spec, name=name, tags={name[:100]: name[:200], "empty": ""})
    with catalogue(tmp_path) as live:
        view = read_all(live)
        assert names(view) == STANDARD | set(odd)
        assert names(live.view(Query(q="日本 🎉"))) == {odd[1]}
        assert names(live.view(Query(q="x" * 9_000))) == {odd[0]}
    with catalogue(tmp_path) as live:
        stored = live.view(Query())
        assert stored.stored
        assert {one.id: one.tags for one in stored.items} == {one.id: one.tags for one in view.items}


@pytest.mark.slow
def test_many_threads_look_while_lists_run(cloud, tmp_path, eager):
    add_clusters(cloud, 120)
    failures, ended = [], threading.Event()

    def looking(number):
        query = Query(q="many" if number % 2 else "", sort="name", offset=number, limit=10)
        version = None
        try:
            while not ended.is_set():
                view = live.view(query, since=version, refresh=number % 5 == 0)
                assert len(view.items) <= 10
                version = view.version
        except Exception as error:
            failures.append(error)

    with catalogue(tmp_path) as live:
        threads = [threading.Thread(target=looking, args=(number,)) for number in range(24)]
        for one in threads:
            one.start()
        try:
            until(live, lambda view: view.complete and view.total == 126)
            change(cloud, "open", state="TERMINATED")
            until(live, lambda view: view.total == 125)
        finally:
            ended.set()
        for one in threads:
            one.join(30)
    assert failures == []
    assert cloud.calls("ListClusters") <= 20 + 20


def test_fifty_lookers_cost_what_one_costs(cloud, tmp_path):
    with catalogue(tmp_path) as live:
        read_all(live)
        before = len(cloud.world.log.since())
        for _ in range(50):
            live.view(Query(), refresh=True)
            live.view(Query(q="open"))
        assert len(cloud.world.log.since()) == before


def test_a_listener_that_fails_hurts_nobody(cloud, tmp_path):
    with catalogue(tmp_path) as live:
        live.subscribe(lambda: [][0])
        heard = threading.Event()
        live.subscribe(heard.set)
        assert names(read_all(live)) == STANDARD
        assert heard.is_set()


def test_a_source_without_a_region_takes_the_chains(cloud, tmp_path):
    with catalogue(tmp_path, Source("administrator")) as live:
        view = read_all(live)
        assert {one.region for one in view.items} == {"us-east-1"}
        assert {one.profile for one in view.items} == {"administrator"}
