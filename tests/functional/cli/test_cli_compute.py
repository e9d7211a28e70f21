"""``jupyter emr list`` and ``show`` against the AWS front."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

CONTRACT = {
    *("id", "kind", "name", "arn", "region", "account", "state", "state_reason", "release", "applications", "tags"),
    *("created_at", "attachable", "reason", "transports", "runtime_role", "auth"),
}


def test_list_shows_what_can_be_attached_and_why_not(emr):
    shown = emr("list")
    assert shown.code == 0, shown.err
    rows = {line.split()[1]: line for line in shown.out.splitlines()[1:]}
    assert set(rows) == {"analytics", "open", "kerberos", "old", "interactive", "notebooks"}
    assert rows["notebooks"].endswith("yes")
    assert rows["interactive"].endswith("yes")
    assert rows["analytics"].endswith("yes")
    assert "required" in rows["analytics"]
    assert "unsupported" in rows["open"]
    assert "Kerberos" in rows["kerberos"]
    assert rows["old"].endswith("yes")  # by Livy
    assert shown.err == ""


def test_list_all_has_the_terminated_cluster_too(emr):
    rows = {row["name"]: row for row in emr("list", "--all", "--json").json["items"]}
    assert rows["gone"]["state"] == "TERMINATED"
    assert "Terminated by user request" in rows["gone"]["reason"]


def test_list_as_json_is_the_contract(cloud, emr):
    rows = emr("list", "--json").json["items"]
    assert all(set(row) == CONTRACT for row in rows)
    analytics = next(row for row in rows if row["name"] == "analytics")
    assert analytics["kind"] == "ec2"
    assert analytics["account"] == "123456789012"
    assert analytics["transports"] == ["gateway", "livy"]
    assert analytics["auth"] == "basic"
    assert analytics["created_at"].endswith("+00:00")


def test_list_follows_all_pages_newest_first(cloud, emr):
    model = next(iter(cloud.world.clusters.values()))
    for number in range(120):
        seeded = replace(
            model,
            id=f"j-MANY{number:05}",
            name=f"many-{number}",
            state="STARTING",
            created_at=model.created_at - timedelta(hours=number),
        )
        cloud.world.clusters[seeded.id] = seeded
    rows = emr("list", "--json").json["items"]
    assert len([row for row in rows if row["name"].startswith("many-")]) == 120
    assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)
    assert cloud.calls("ListClusters") == 3


def test_list_of_another_region_is_empty_and_says_where(emr):
    shown = emr("list", "--region", "eu-west-1")
    assert shown.code == 0
    assert "No computes in eu-west-1" in shown.err


def test_filters_that_nothing_matches_are_named(emr):
    shown = emr("list", "--state", "runnin", "-q", "no such", "--kind", "ec2,eks")
    assert shown.code == 0
    assert "No computes match --kind ec2,eks --state RUNNIN --search no,such in us-east-1" in shown.err


def test_a_denied_detail_does_not_hide_the_list(cloud, emr):
    cloud.world.faults.set("deny:DescribeCluster")
    rows = emr("list", "--json").json["items"]
    assert {row["name"] for row in rows} >= {"analytics", "open", "kerberos", "old"}
    assert all("elasticmapreduce:DescribeCluster" in row["reason"] for row in rows if row["state"] == "WAITING")


def test_a_denied_security_configuration_leaves_role_support_unknown(cloud, emr):
    cloud.world.faults.set("deny:DescribeSecurityConfiguration")
    shown = emr("show", "analytics", "--json").json
    assert shown["runtime_role"] == "unknown"
    assert "elasticmapreduce:DescribeSecurityConfiguration" in shown["details"]["runtime_role_reason"]


def test_show_takes_id_arn_and_name(cloud, emr):
    by_name = emr("show", "open", "--json").json
    assert emr("show", by_name["id"], "--json").json == by_name
    assert emr("show", by_name["arn"], "--json").json == by_name
    assert "runtime role" in emr("show", "open").out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("analytics", ("primary security group", "in transit encryption  yes", "vpc ")),
        ("notebooks", ("virtual cluster", "execution role", "url ")),
        ("interactive", ("livy endpoint enabled", "auto stop minutes")),
    ],
)
def test_show_has_what_each_kind_has(emr, name, words):
    shown = emr("show", name)
    assert shown.code == 0, shown.err
    for word in words:
        assert word in re.sub(r" {2,}", "  ", shown.out)
    assert "runtime_role_reason" not in shown.out


def test_show_of_an_arn_asks_its_region(cloud, emr):
    far = replace(next(iter(cloud.world.clusters.values())), id="j-FARAWAY00001", name="far", region="eu-west-1")
    cloud.world.clusters[far.id] = far
    assert emr("show", far.arn, "--profile", "administrator", "--json").json["region"] == "eu-west-1"


def test_names_do_not_steer_the_terminal(cloud, emr):
    evil = replace(next(iter(cloud.world.clusters.values())), id="j-EVIL00000001", name="a\x1b[31m\x07\r\nb")
    cloud.world.clusters[evil.id] = evil
    shown = emr("list")
    assert shown.code == 0
    assert not {"\x1b", "\x07", "\r"} & set(shown.out)


def test_no_command_writes_outside_the_state_folder(emr, tmp_path):
    emr("list")
    emr("status")
    written = {path.relative_to(tmp_path).parts[0] for path in Path(tmp_path).rglob("*") if path.is_file()}
    assert written <= {"aws", "data"}
