"""The other account's cluster and runtime role, over the real ports (reference 8.6)."""

from __future__ import annotations

import configparser
from typing import Any

import boto3
import pytest
from aiohttp import encode_basic_auth

from tests.conftest import Sandbox
from tests.sandbox.doors import doors, pair_of

pytestmark = pytest.mark.sandbox

THERE = "arn:aws:iam::210987654321:role/{}"
PARTNER = THERE.format("EMRPartner")


def client(sandbox: Sandbox, service: str, **credentials: str) -> Any:
    keys = configparser.ConfigParser(interpolation=None)
    keys.read(sandbox.env["AWS_SHARED_CREDENTIALS_FILE"])
    profile = keys["developer"]
    given = {name: profile[name] for name in ("aws_access_key_id", "aws_secret_access_key")}
    return boto3.client(
        service, region_name=profile["region"], endpoint_url=sandbox.env["AWS_ENDPOINT_URL"], **(given | credentials)
    )


def pair(emr: Any, cluster: str) -> tuple[str, str]:
    answer = emr.get_cluster_session_credentials(ClusterId=cluster, ExecutionRoleArn=PARTNER)
    found = answer["Credentials"]["UsernamePassword"]
    return found["Username"], found["Password"]


async def test_a_kernel_runs_on_the_other_accounts_cluster(sandbox: Sandbox) -> None:
    taken = client(sandbox, "sts").assume_role(RoleArn=THERE.format("EMRAccess"), RoleSessionName="me")["Credentials"]
    emr = client(
        sandbox,
        "emr",
        aws_access_key_id=taken["AccessKeyId"],
        aws_secret_access_key=taken["SecretAccessKey"],
        aws_session_token=taken["SessionToken"],
    )
    shared = sandbox.compute("shared")
    assert shared["account"] == "210987654321"
    async with doors(sandbox, pair(emr, shared["id"]), compute="shared") as (door,):
        kernel_id = await door.start()
        assert [row["id"] for row in (await door.ask("GET", "/api/kernels")).json] == [kernel_id]
        assert (await door.ask("DELETE", f"/api/kernels/{kernel_id}")).status == 204


async def test_a_pair_for_one_accounts_cluster_opens_no_other(sandbox: Sandbox) -> None:
    here = pair(client(sandbox, "emr"), sandbox.compute("analytics")["id"])
    async with doors(sandbox, None, compute="shared") as (door,):
        door.headers["Authorization"] = encode_basic_auth(*here)
        assert (await door.ask("GET", "/api/kernels")).status == 401


async def test_the_other_accounts_role_is_a_user_of_its_own_here(sandbox: Sandbox) -> None:
    partner = pair(client(sandbox, "emr"), sandbox.compute("analytics")["id"])
    async with doors(sandbox, partner, pair_of(sandbox, "EMRAnalyst")) as (theirs, ours):
        kernel_id = await theirs.start()
        assert (await ours.ask("GET", f"/api/kernels/{kernel_id}")).status == 404
        assert kernel_id not in [row["id"] for row in (await ours.ask("GET", "/api/kernels")).json]
        assert (await theirs.ask("DELETE", f"/api/kernels/{kernel_id}")).status == 204
