"""The last known list: shown at once after a restart, and never in the way when its file cannot be used."""

from __future__ import annotations

import json
import os
import sqlite3
import time

import pytest

from jupyter_emr_connect.services.compute.catalogue import Query
from jupyter_emr_connect.services.compute.sources import Source
from jupyter_emr_connect.store.migrations import MIGRATIONS
from tests.functional.services.compute.catalogue.catalogues import (
    STANDARD,
    add_clusters,
    catalogue,
    change,
    names,
    read_all,
    until,
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state" / "state.sqlite"


def remember(tmp_path) -> float:
    with catalogue(tmp_path) as live:
        return read_all(live).as_of or 0.0


def test_a_restart_shows_the_last_known_list_at_once_and_describes_only_what_changed(cloud, tmp_path):
    read_at = remember(tmp_path)
    cloud.world.faults.set("slow:3000")
    change(cloud, "old", state="RUNNING")
    with catalogue(tmp_path) as live:
        view = live.view(Query())
        assert names(view) == STANDARD
        assert (view.stored, view.complete, view.as_of) == (True, False, read_at)
        assert sum(one.attachable for one in view.items) >= 2
        before = cloud.calls("DescribeCluster")
        cloud.world.faults.clear()
        view = read_all(live)
        assert not view.stored
        assert view.as_of > read_at
        assert cloud.calls("DescribeCluster") == before + 1
        assert next(one for one in view.items if one.name == "old").state == "RUNNING"


@pytest.mark.slow
def test_a_first_list_that_is_cut_off_is_gone_on_with(cloud, tmp_path):
    add_clusters(cloud, 120)  # three pages
    cloud.world.faults.set("slow:1500", options={"service": "elasticmapreduce"})
    with catalogue(tmp_path) as live:
        first = until(live, lambda view: view.total >= 100, Query(kinds=("ec2",)))  # so that one page is kept
        assert first.total < 120
    cloud.world.faults.set("slow:15000")
    with catalogue(tmp_path) as live:
        view = live.view(Query(kinds=("ec2",)))
        assert view.total >= 50
        assert names(view) <= names(first)
        assert (view.stored, view.complete, view.as_of) == (True, False, None)


@pytest.mark.slow
def test_what_ended_while_nobody_looked_leaves_the_list(cloud, tmp_path):
    remember(tmp_path)
    change(cloud, "old", state="TERMINATED")
    with catalogue(tmp_path) as live:
        version = live.view(Query()).version
        view = read_all(live)
        assert names(view) == STANDARD - {"old"}
        assert live.view(Query(), since=version).changes.removed == (f"ec2/{cloud.id('old')}",)
    with catalogue(tmp_path) as live:
        assert names(live.view(Query())) == STANDARD - {"old"}


def test_what_is_known_stays_where_aws_is_down(cloud, tmp_path):
    read_at = remember(tmp_path)
    cloud.world.faults.set("down")
    with catalogue(tmp_path) as live:
        view = read_all(live)
        assert names(view) == STANDARD
        assert (view.stored, view.as_of) == (True, read_at)
        assert {one.error.code for one in view.problems} == {"aws-unavailable"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_PROFILE", "denied"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("AWS_DEFAULT_REGION", "eu-west-1")],
)
def test_other_surroundings_do_not_show_the_computes_of_these(cloud, tmp_path, monkeypatch, name, value):
    remember(tmp_path)
    before = os.environ.get(name)
    monkeypatch.setenv(name, value)
    with catalogue(tmp_path) as live:
        assert live.view(Query()).total == 0
    monkeypatch.delenv(name) if before is None else monkeypatch.setenv(name, before)
    with catalogue(tmp_path) as live:
        assert names(live.view(Query())) == STANDARD


def test_each_source_has_its_own_rows_in_the_file(cloud, tmp_path):
    add_clusters(cloud, 2, "far", region="eu-west-1")
    here, there = Source("administrator", "us-east-1"), Source("administrator", "eu-west-1")
    with catalogue(tmp_path, here, there) as live:
        read_all(live)
    with catalogue(tmp_path, there) as live:
        assert names(live.view(Query())) == {"far-0", "far-1"}


def warnings(caplog):
    return [record.message for record in caplog.records if "not kept" in record.message]


def works_without(cloud, tmp_path, caplog, *words):
    """The list comes from AWS, and the log says once why it is not kept."""
    with catalogue(tmp_path) as live:
        assert names(read_all(live)) == STANDARD
    (warning,) = warnings(caplog)
    for word in words:
        assert word in warning


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_corrupt_file_is_left_as_it_is(cloud, tmp_path, file, caplog, content):
    file.parent.mkdir()
    file.write_bytes(content)
    if not content:  # an empty file is a new one
        remember(tmp_path)
        assert file.stat().st_size > 0
        return
    works_without(cloud, tmp_path, caplog, str(file), "left as it is", "Move it away")
    assert file.read_bytes() == content


def test_a_file_of_a_newer_version_is_left_as_it_is(cloud, tmp_path, file, caplog):
    remember(tmp_path)
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = file.read_bytes()
    works_without(cloud, tmp_path, caplog, "newer", "Upgrade")
    assert file.read_bytes() == before


def test_a_file_that_another_process_holds(cloud, tmp_path, file, caplog, monkeypatch):
    monkeypatch.setattr("jupyter_emr_connect.services.compute.catalogue.catalogue.DATABASE_BUSY_S", 0.2)
    remember(tmp_path)
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    change(cloud, "old", state="RUNNING")
    try:
        works_without(cloud, tmp_path, caplog, "locked by another process")
    finally:
        connection.close()


def test_a_folder_in_its_place(cloud, tmp_path, file, caplog):
    file.mkdir(parents=True)
    works_without(cloud, tmp_path, caplog, str(file))
    assert list(file.iterdir()) == []


def test_rows_of_another_shape_are_left_out(cloud, tmp_path, file):
    remember(tmp_path)
    with sqlite3.connect(file) as connection:
        (body,) = connection.execute("SELECT body FROM computes WHERE id LIKE 'j-%OPEN%'").fetchone()
        source, kind = connection.execute("SELECT source, kind FROM computes WHERE id LIKE 'j-%OPEN%'").fetchone()
        good = json.loads(body)
        odd = [
            "",
            "nonsense",
            "[]",
            "7",
            "null",
            "{}",
            "[" * 100_000,
            json.dumps({**good, "tags": None}),
            json.dumps({**good, "tags": {"a": 1}}),
            json.dumps({**good, "name": None}),
            json.dumps({**good, "name": 7}),
            json.dumps({**good, "kind": "vm"}),
            json.dumps({**good, "applications": None}),
            json.dumps({**good, "applications": [{}]}),
            json.dumps({**good, "details": []}),
            json.dumps({**good, "created_at": 5}),
            json.dumps({**good, "attachable": "yes"}),
            json.dumps({name: value for name, value in good.items() if name != "arn"}),
        ]
        for number, text in enumerate(odd):
            row = (source, kind, f"j-ODD{number}", text, time.time())
            connection.execute("INSERT INTO computes VALUES (?, ?, ?, ?, ?)", row)
        newer = json.dumps({**good, "id": "j-NEWER", "name": "newer", "invented": {"later": 1}})
        connection.execute("INSERT INTO computes VALUES (?, ?, ?, ?, ?)", (source, kind, "j-NEWER", newer, None))
    connection.close()
    with catalogue(tmp_path) as live:
        assert names(live.view(Query(sort="name", q="o"))) <= STANDARD | {"newer"}
        assert names(live.view(Query())) == STANDARD | {"newer"}
        assert names(read_all(live)) == STANDARD


def test_the_file_holds_no_secret_and_is_the_users_own(cloud, tmp_path, file):
    remember(tmp_path)
    content = file.read_bytes() + b"".join(one.read_bytes() for one in file.parent.glob("*-wal"))
    for key in cloud.keys.values():
        assert key.secret.encode() not in content
        assert key.access_key.encode() not in content
    assert file.stat().st_mode & 0o077 == 0
