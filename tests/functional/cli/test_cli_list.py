"""``jupyter emr list``: what is asked for, over profiles, regions and accounts, and what it says when that fails."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from jupyter_emr_connect.sandbox.world.world import OTHER_ACCOUNT
from jupyter_emr_connect.services.compute.catalogue import reading
from tests.functional.services.compute.catalogue.catalogues import STANDARD, add_clusters, change

ACCESS = f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRAccess"


def names(ended) -> list[str]:
    assert ended.code == 0, ended.err
    return [row["name"] for row in ended.json["items"]]


def columns(ended) -> list[str]:
    assert ended.code == 0, ended.err
    return ended.out.splitlines()[0].split()


@pytest.fixture
def settings(tmp_path):
    """Write settings of ours as a user would."""

    def write(**values):
        path = tmp_path / "config" / "jupyter_emr_connect_config.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"EMRConnect": values}))

    return write


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--kind", "eks,serverless"], {"notebooks", "interactive"}),
        (["--kind", "eks", "--kind", "serverless"], {"notebooks", "interactive"}),
        (["--kind", "ec2", "--state", "waiting,RUNNING"], {"analytics", "open", "kerberos", "old"}),
        (["--state", "TERMINATED"], {"gone"}),
        (["--state", "NOSUCHSTATE"], set()),
        (["--search", "team analytics"], {"analytics"}),
        (["-q", "emr-5.30.0"], {"old"}),
        (["--all", "--kind", "ec2"], {"analytics", "open", "kerberos", "old", "gone"}),
    ],
)
def test_what_is_asked_for(cloud, emr, words, found):
    assert set(names(emr("list", "--json", *words))) == found


def test_the_order(cloud, emr):
    by_name = names(emr("list", "--json", "--sort", "name"))
    assert by_name == sorted(STANDARD)
    assert names(emr("list", "--json", "--sort", "-name")) == by_name[::-1]


@pytest.mark.parametrize("words", [["--kind", "vm"], ["--sort", "colour"], ["--kind", "x" * 10_000]])
def test_what_cannot_be_asked(cloud, emr, words):
    emr("list", *words).failed_with("Use one of")
    assert json.loads(emr("list", "--json", *words).err)["fix"]
    assert cloud.world.log.since() == []


@pytest.mark.slow
def test_accounts_and_regions_are_shown_where_there_are_several(cloud, emr, settings):
    assert not {"ACCOUNT", "REGION"} & set(columns(emr("list")))
    add_clusters(cloud, 1, "far", region="eu-west-1")
    words = ["--region", "us-east-1,eu-west-1", "--profile", "administrator"]
    assert "REGION" in columns(emr("list", *words))
    assert "ACCOUNT" not in columns(emr("list", *words))
    settings(access_roles=[ACCESS])
    shown = emr("list", *words)
    assert {"ACCOUNT", "REGION"} <= set(columns(shown))
    row = next(line for line in shown.out.splitlines() if " shared " in line)
    assert OTHER_ACCOUNT in row


def test_profiles_that_see_the_same_list_it_once(cloud, emr):
    assert sorted(names(emr("list", "--json", "--profile", "administrator,developer"))) == sorted(STANDARD)


def test_several_profiles_and_regions_without_computes_are_named(cloud, emr):
    shown = emr("list", "--profile", "administrator,developer", "--region", "eu-west-1,ap-south-1")
    assert (shown.code, shown.out) == (0, "")
    for word in ("eu-west-1", "ap-south-1", "'administrator'", "'developer'"):
        assert word in shown.err


def test_a_profile_that_fails_is_said_and_the_others_are_shown(cloud, emr):
    shown = emr("list", "--profile", "nobody,developer")
    assert shown.code == 0
    assert "analytics" in shown.out
    assert "nobody" in shown.err
    shown = emr("list", "--json", "--profile", "denied,developer")
    assert set(names(shown)) == STANDARD
    denied = [json.loads(line) for line in shown.err.splitlines()]
    assert {one["iam_action"] for one in denied} >= {"elasticmapreduce:ListClusters"}


def test_nothing_but_failures_is_a_failure(cloud, emr):
    cloud.world.faults.set("expire-credentials")
    emr("list").failed_with("expired", "aws sso login --profile developer")
    cloud.world.faults.clear()
    emr("list", "--profile", "nobody").failed_with("nobody")


@pytest.mark.slow
def test_what_does_not_answer_is_not_waited_for_for_ever(cloud, emr, monkeypatch):
    monkeypatch.setattr(reading, "NEWS_WITHIN_S", 4.0)
    cloud.world.faults.set("slow:15000", options={"service": "emr-serverless"})
    shown = emr("list", "--json")
    assert set(names(shown)) == STANDARD - {"interactive"}
    said = json.loads(shown.err)
    assert (said["code"], "serverless" in said["message"]) == ("aws-unavailable", True)


def test_the_second_command_describes_only_what_has_changed(cloud, emr):
    first = names(emr("list", "--json"))
    calls = cloud.calls("DescribeCluster")
    assert names(emr("list", "--json")) == first
    assert cloud.calls("DescribeCluster") == calls
    change(cloud, "old", state="RUNNING")
    emr("list", "--json")
    assert cloud.calls("DescribeCluster") == calls + 1


def test_odd_names_keep_to_their_line(cloud, emr):
    odd = ["x" * 10_000, "日本 🎉", "a\x1b[2J\r\nb\x07"]
    for spec, name in zip(add_clusters(cloud, 3, "odd"), odd, strict=True):
        cloud.world.clusters[spec.id] = replace(spec, name=name)
    shown = emr("list")
    assert shown.code == 0
    assert len(shown.out.splitlines()) == 1 + len(STANDARD) + 3
    assert not {"\x1b", "\x07", "\r"} & set(shown.out)
    assert set(names(emr("list", "--json"))) == STANDARD | set(odd)


@pytest.mark.parametrize("content", [b"x" * 5000, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_damaged_state_file_does_not_matter(cloud, emr, settings, tmp_path, content):
    file = tmp_path / "damaged.sqlite"
    file.write_bytes(content)
    settings(state_file=str(file))
    assert set(names(emr("list", "--json"))) == STANDARD
    assert file.read_bytes() == content


def test_the_table_begins_with_what_can_be_attached_to(cloud, emr):
    shown = emr("list").out.splitlines()[1:]
    usable = [line.rstrip().endswith("yes") for line in shown if line[:1].strip()]
    assert True in usable
    assert usable == sorted(usable, reverse=True)


def test_livy_servers_that_an_administrator_names_stand_beside_those_of_aws(cloud, emr, settings):
    settings(livy_endpoints={"dev": {"url": "https://livy.example.com"}})
    (row,) = [row for row in emr("list", "--kind", "eks", "--json").json["items"] if row["name"] == "dev"]
    assert (row["id"], row["attachable"], row["transports"]) == ("livy/dev", True, ["livy"])
    shown = emr("show", "dev", "--json").json
    assert shown["details"]["url"] == "https://livy.example.com"
    settings(livy_endpoints={"dev": {"url": "livy.example.com"}})
    broken = emr("list")
    assert broken.code == 1
    assert "The address of the Livy server 'dev'" in broken.err
