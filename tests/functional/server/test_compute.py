"""``GET compute`` and ``GET compute/{kind}/{id}`` against the AWS front; every answer is held against openapi.yaml."""

from __future__ import annotations

from dataclasses import replace

import pytest

STANDARD = {"analytics", "open", "kerberos", "old"}


async def described(rest, **params: str):
    """Return the answer in which every row has its details (tags among them), which come after the rows."""
    answer = await rest("GET", "compute", params={"wait": "10", **params})
    while answer.json["to_describe"]:
        answer = await rest("GET", "compute", params={"wait": "5", "since": answer.json["version"], **params})
    return answer


async def test_the_list_has_all_kinds_and_says_when_it_was_read(cloud, rest):
    answer = await rest("GET", "compute", params={"wait": "10"})
    assert answer.status == 200
    rows = {row["name"]: row for row in answer.json["items"]}
    assert set(rows) >= STANDARD | {"interactive"}
    assert rows["interactive"]["kind"] == "serverless"
    assert answer.json["complete"]
    assert answer.json["as_of"].startswith("20")
    assert answer.json["errors"] == []
    assert answer.json["total"] == len(answer.json["items"])


async def test_a_client_that_asks_once_learns_what_it_can_attach_to(cloud, rest, monkeypatch):
    monkeypatch.setattr(
        "jupyter_emr_connect.server.routes.compute.FIRST_ROWS", 40
    )  # on a busy machine, too; below the deadline of a request
    rows = {row["name"]: row for row in (await rest("GET", "compute")).json["items"]}
    assert set(rows) >= STANDARD
    assert rows["open"]["attachable"] is True
    assert "Kerberos" in rows["kerberos"]["reason"]


async def test_rows_are_described_after_they_are_shown(cloud, rest):
    answer = await described(rest)
    rows = {row["name"]: row for row in answer.json["items"]}
    assert rows["open"]["attachable"] is True
    assert rows["analytics"]["runtime_role"] == "required"
    assert "Kerberos" in rows["kerberos"]["reason"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"kind": "serverless"}, {"interactive"}),
        ({"state": "TERMINATED"}, {"gone"}),
        ({"kind": "ec2", "q": "OPEN"}, {"open"}),
        ({"kind": "ec2", "q": "team analytics"}, {"analytics"}),
        ({"region": "eu-west-1"}, set()),
        ({"kind": "ec2", "account": "000000000000"}, set()),
    ],
)
async def test_the_list_is_searched_and_filtered_by_the_server(cloud, rest, params, names):
    answer = await described(rest, **params)
    assert {row["name"] for row in answer.json["items"]} == names
    assert answer.json["total"] == len(names)


async def test_pages_in_order(cloud, rest):
    first = await rest("GET", "compute", params={"wait": "10", "kind": "ec2", "sort": "name", "limit": "2"})
    assert [row["name"] for row in first.json["items"]] == ["analytics", "kerberos"]
    assert first.json["next_offset"] == 2
    second = await rest("GET", "compute", params={"kind": "ec2", "sort": "name", "limit": "2", "offset": "2"})
    assert [row["name"] for row in second.json["items"]] == ["old", "open"]
    assert second.json["next_offset"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "params",
    [
        {"kind": "vm"},
        {"sort": "colour"},
        {"limit": "0"},
        {"limit": "1e9"},
        {"offset": "-1"},
        {"wait": "31"},
        {"refresh": "perhaps"},
        {"attachable": "yes"},
        {"q": "x" * 10_000},
        {"q": "a\0b"},
    ],
)
async def test_what_cannot_be_asked_is_refused(cloud, rest, params):
    answer = await rest("GET", "compute", params=params)
    assert answer.status == 400
    assert answer.json["fix"]


@pytest.mark.slow
async def test_a_long_list_arrives_whole(cloud, rest):
    model = cloud.world.clusters[cloud.id("open")]
    many = {f"j-MANY{number:04}": f"a cluster of many, number {number}" for number in range(900)}
    cloud.world.clusters |= {one: replace(model, id=one, name=name, state="STARTING") for one, name in many.items()}
    answer = await rest("GET", "compute", params={"wait": "20", "state": "STARTING", "sort": "name"})
    assert answer.headers.get("Transfer-Encoding") == "chunked"
    assert {row["id"]: row["name"] for row in answer.json["items"]} == many
    assert [row["name"] for row in answer.json["items"]] == sorted(many.values())
    assert (await rest("GET", "compute", params={"limit": "3"})).headers["Content-Length"]


async def test_a_refresh_says_what_has_changed(cloud, rest, monkeypatch):
    monkeypatch.setattr("jupyter_emr_connect.services.compute.catalogue.polling.FRESH_FOR_S", 0.0)
    first = await described(rest)
    model = cloud.world.clusters[cloud.id("open")]
    cloud.world.clusters["j-NEW"] = replace(model, id="j-NEW", name="new")
    cloud.world.clusters[cloud.id("old")] = replace(cloud.world.clusters[cloud.id("old")], state="RUNNING")
    del cloud.world.clusters[cloud.id("kerberos")]
    await rest("GET", "compute", params={"refresh": "true"})
    second = await rest("GET", "compute", params={"since": first.json["version"]})
    changes = second.json["changes"]
    assert changes["added"] == ["ec2/j-NEW"]
    assert f"ec2/{cloud.id('old')}" in changes["changed"]
    assert [one.split("/")[1][:17] for one in changes["removed"]] == ["j-SANDBOXKERBEROS"]
    assert {row["name"] for row in second.json["items"]} >= {"new"}


async def test_an_unknown_version_has_no_changes_to_tell(cloud, rest):
    answer = await rest("GET", "compute", params={"since": "elsewhere-7"})
    assert answer.json["changes"] is None


async def test_a_denied_service_does_not_hide_the_others(cloud, rest):
    cloud.world.faults.set("deny:ListApplications")
    answer = await rest("GET", "compute", params={"wait": "10"})
    assert {row["name"] for row in answer.json["items"]} >= STANDARD
    (error,) = answer.json["errors"]
    assert error["kind"] == "serverless"
    assert error["iam_action"] == "emr-serverless:ListApplications"
    assert "emr-serverless:ListApplications" in error["fix"]


async def test_a_login_that_is_over_is_said_once_and_recovers(cloud, rest, monkeypatch):
    monkeypatch.setattr("jupyter_emr_connect.services.compute.catalogue.polling.FRESH_FOR_S", 0.0)
    cloud.world.faults.set("expire-credentials")
    answer = await rest("GET", "compute", params={"wait": "10"})
    (error,) = answer.json["errors"]
    assert error["code"] == "credentials-expired"
    assert "aws sso login --profile developer" in error["fix"]
    assert error["kind"] is None
    cloud.world.faults.clear()
    answer = await rest("GET", "compute", params={"refresh": "true"})
    assert answer.json["errors"] == []
    assert {row["name"] for row in answer.json["items"]} >= STANDARD


@pytest.mark.slow
async def test_many_clients_cost_what_one_costs(cloud, rest, monkeypatch):
    for name in ("FRESH_FOR_S", "INTERVAL_S"):  # thirty answers take long on a busy machine
        monkeypatch.setattr(f"jupyter_emr_connect.services.compute.catalogue.polling.{name}", 600.0)
    await rest("GET", "compute", params={"wait": "10"})
    before = cloud.calls("ListClusters")
    for _ in range(30):
        await rest("GET", "compute", params={"refresh": "true"})
    assert cloud.calls("ListClusters") == before


async def test_one_compute_by_id_name_and_arn(cloud, rest):
    row = (await rest("GET", "compute/ec2/analytics")).json
    assert row["details"]["security_configuration"] == "runtime-roles-tls"
    assert row["details"]["made_by"] == {"name": "sandbox", "tag": "owner"}
    for text in (row["id"], row["arn"]):
        assert (await rest("GET", f"compute/ec2/{text}")).json["id"] == row["id"]


async def test_a_cluster_that_aws_ends_by_itself_says_when(cloud, rest):
    model = cloud.world.clusters[cloud.id("analytics")]
    assert "auto_termination_idle_s" not in (await rest("GET", "compute/ec2/analytics")).json["details"]
    cloud.world.clusters[model.id] = replace(model, described={"AutoTerminationPolicy": {"IdleTimeout": 7200}})
    assert (await rest("GET", "compute/ec2/analytics")).json["details"]["auto_termination_idle_s"] == 7200


async def test_one_compute_that_is_not_there(cloud, rest):
    assert (await rest("GET", "compute/ec2/j-NOSUCH00000")).status == 404
    assert (await rest("GET", "compute/vm/analytics")).status == 404
    assert (await rest("GET", "compute/serverless/analytics")).status == 404
    assert (await rest("GET", f"compute/ec2/{'x' * 10_000}")).status == 400


async def test_a_changed_profile_changes_the_list(cloud, rest):
    await rest("GET", "compute", params={"wait": "10"})
    await rest("PUT", "identity", {"profile": "denied"})
    answer = await rest("GET", "compute", params={"wait": "10"})
    assert answer.json["items"] == [] or all(row["reason"].startswith("Not") for row in answer.json["items"])
    assert {error["iam_action"] for error in answer.json["errors"]} >= {"elasticmapreduce:ListClusters"}
