"""``identity``, ``runtime-roles`` and ``kernels``."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.services.kernels.listing import ListedKernel
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger


async def test_who_am_i_and_whom_could_i_be(cloud, rest):
    who = (await rest("GET", "identity")).json
    assert who["arn"] == "arn:aws:iam::123456789012:user/developer"
    assert (who["account"], who["region"], who["profile"]) == ("123456789012", "us-east-1", "developer")
    assert set(who["profiles"]) == set(cloud.keys)
    assert who["sso_session"] is None


@pytest.mark.slow
async def test_the_profile_changes_without_a_restart(cloud, rest, notebook):
    for verb in ("PUT", "POST"):
        changed = (await rest(verb, "identity", {"profile": "administrator"})).json
        assert changed["arn"].endswith(":user/administrator")
        assert (await rest("GET", "identity")).json == changed
        made = (await rest("POST", "attachments", {"compute": "open", "path": "work"})).json
        assert made["profile"] == "administrator"
        assert (await rest(verb, "identity", {"profile": None})).json["profile"] == "developer"


async def test_a_profile_that_is_not_there_changes_nothing(rest):
    answer = await rest("PUT", "identity", {"profile": "nobody"})
    assert (answer.status, answer.json["code"]) == (424, "no-credentials")
    assert "analyst" in answer.json["fix"]
    assert (await rest("GET", "identity")).json["profile"] == "developer"


async def test_a_profile_that_aws_does_not_know_changes_nothing(cloud, rest):
    with (cloud.folder / "config").open("a") as file:
        file.write("[profile stale]\nregion = us-east-1\naws_access_key_id = AKIAGONE\naws_secret_access_key = x\n")
    answer = await rest("PUT", "identity", {"profile": "stale"})
    assert (answer.status, answer.json["code"]) == (424, "invalid-credentials")
    assert (await rest("GET", "identity")).json["profile"] == "developer"


async def test_who_am_i_says_whom_i_could_be_also_where_it_fails(cloud, rest, monkeypatch):
    with (cloud.folder / "config").open("a") as file:
        file.write("[profile stale]\nregion = us-east-1\naws_access_key_id = AKIAGONE\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_PROFILE", "stale")
    answer = await rest("GET", "identity")
    assert (answer.status, answer.json["code"]) == (424, "invalid-credentials")
    assert set(answer.json["profiles"]) == {*cloud.keys, "stale"}
    assert (await rest("PUT", "identity", {"profile": "developer"})).json["arn"].endswith(":user/developer")


async def test_the_sso_session_of_a_profile_is_named(cloud, rest, monkeypatch):
    with (cloud.folder / "config").open("a") as file:
        file.write("[profile team]\nsso_session = corporate\nsso_account_id = 123456789012\nsso_role_name = x\n")
        file.write("region = us-east-1\n[sso-session corporate]\nsso_start_url = https://example.com/start\n")
        file.write("sso_region = us-east-1\n")
    assert "team" in (await rest("GET", "identity")).json["profiles"]
    expired = await rest("PUT", "identity", {"profile": "team"})
    assert expired.status == 424
    assert "aws sso login" in expired.json["fix"]


async def test_runtime_roles(cloud, jp_serverapp, rest):
    jp_serverapp.web_app.settings["emr_connect"].runtime_roles = [cloud.roles["EMRAnalyst"]]
    for params in (None, {"compute": "analytics"}, {"compute": cloud.id("analytics"), "1700000000000": ""}):
        roles = (await rest("GET", "runtime-roles", params=params)).json
        assert [role["name"] for role in roles["items"]] == ["EMRAnalyst"]
        assert roles["errors"] == []
    assert (await rest("GET", "runtime-roles", params={"compute": "nowhere"})).status == 404


async def test_kernels_are_those_of_the_ledger(cloud, jp_root_dir, jp_serverapp, rest):
    state = jp_serverapp.web_app.settings["emr_connect"].state_file
    record = Ledger(Database(state)).add(
        KernelRecord(
            "k1",
            cloud.id("open"),
            "emr-python",
            "http://h:1",
            path=str(jp_root_dir / "work" / "report.ipynb"),
            region="us-east-1",
        )
    )
    assert (await rest("GET", "kernels", params={"check": "false"})).json["items"] == [ListedKernel(record).to_json()]
    (shown,) = (await rest("GET", "kernels", params={"check": "false", "notebooks": "true"})).json["items"]
    assert shown == ListedKernel(record).to_json() | {"notebook": "work/report.ipynb"}
    assert (await rest("GET", "kernels")).json["items"][0]["state"] in ("gone", "unknown")
    assert (await rest("GET", "kernels", params={"check": "maybe"})).status == 400
