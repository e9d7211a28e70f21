"""Livy servers that an administrator names, in the routes that the panel asks: no AWS login is needed for them."""

from __future__ import annotations

import pytest

DEV = {"url": "https://livy.example.com"}


@pytest.fixture
def jp_server_config(jp_server_config):
    settings = {"livy_endpoints": {"dev": DEV, "team": {**DEV, "auth": "basic"}}}
    return {**jp_server_config, "EMRConnect": {**jp_server_config["EMRConnect"], **settings}}


async def test_they_are_rows_of_the_list_and_have_details(cloud, rest):
    rows = {row["name"]: row for row in (await rest("GET", "compute")).json["items"]}
    dev = rows["dev"]
    assert (dev["id"], dev["kind"], dev["arn"], dev["account"]) == ("livy/dev", "eks", "", "")
    assert (dev["attachable"], dev["transports"], dev["runtime_role"]) == (True, ["livy"], "unsupported")
    assert (dev["auth"], rows["team"]["auth"]) == ("none", "basic")
    shown = await rest("GET", "compute/eks/livy%2Fdev")
    assert shown.json["details"]["url"] == DEV["url"]
    roles = await rest("GET", "runtime-roles", params={"compute": "livy/dev"})
    assert (roles.status, roles.json["items"]) == (200, [])


async def test_without_an_aws_login_they_stand_beside_what_aws_says(cloud, rest, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    answer = await rest("GET", "compute", params={"wait": "10"})
    assert {row["name"] for row in answer.json["items"]} == {"dev", "team"}
    assert "nobody" in answer.json["errors"][0]["message"]
