"""Several profiles, regions and accounts in one list, each asked no more than it must be."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.models import AccessRole
from jupyter_emr_connect.sandbox.aws.policies_partner import EXTERNAL_ID
from jupyter_emr_connect.sandbox.world.serverless import standard_applications
from jupyter_emr_connect.sandbox.world.world import ACCOUNT, OTHER_ACCOUNT
from jupyter_emr_connect.services.compute.catalogue import Query, sharing
from jupyter_emr_connect.services.compute.sources import Source, list_sources
from tests.functional.services.compute.catalogue.catalogues import STANDARD, add_clusters, catalogue, names, read_all

ACCESS = f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRAccess"
WITH_ID = f"{ACCESS}WithId"
REGIONS = ["us-east-1", "eu-west-1", "ap-south-1", "sa-east-1"]


@pytest.mark.slow
def test_three_kinds_over_two_accounts_and_four_regions_in_one_list(cloud, tmp_path):
    for region in REGIONS[1:]:
        add_clusters(cloud, 2, "far", region=region)
        add_clusters(cloud, 1, "partner", region=region, account=OTHER_ACCOUNT)
        (model,) = standard_applications(OTHER_ACCOUNT, region)
        application = replace(model, id=f"00f{region.replace('-', '')}0000000", name="theirs")
        cloud.world.applications[application.id] = application
    config = EMRConnect(profiles=["administrator"], regions=REGIONS, access_roles=[ACCESS])
    with catalogue(tmp_path, *list_sources(config)) as live:
        view = read_all(live)
        assert view.problems == ()
        assert {(one.account, one.region) for one in view.items} == {
            (account, region) for account in (ACCOUNT, OTHER_ACCOUNT) for region in REGIONS
        }
        assert {one.kind for one in view.items} == {"ec2", "eks", "serverless"}
        assert len(view.items) == len(STANDARD) + 1 + 3 * (2 + 1 + 1)
        shared = next(one for one in view.items if one.name == "shared")
        assert (shared.access_role, shared.account, shared.profile) == (ACCESS, OTHER_ACCOUNT, "administrator")
        assert shared.attachable
        assert names(live.view(Query(accounts=(OTHER_ACCOUNT,), kinds=("serverless",)))) == {"theirs"}
    assert cloud.calls("AssumeRole") == 1
    assert cloud.calls("GetCallerIdentity") == 1


def test_a_role_that_asks_for_an_external_id(cloud, tmp_path):
    role = {"arn": WITH_ID, "external_id": EXTERNAL_ID, "session_tags": {"team": "data"}}
    with catalogue(tmp_path, access_roles=[role], profiles=["developer"]) as live:
        view = read_all(live)
        assert view.problems == ()
        assert names(view) == STANDARD | {"shared"}
    assert EXTERNAL_ID not in repr(live._sources)


@pytest.mark.slow
@pytest.mark.parametrize(
    "role",
    [WITH_ID, {"arn": WITH_ID, "external_id": "wrong"}, f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRNone"],
    ids=["no id", "wrong id", "no such role"],
)
def test_a_role_that_cannot_be_taken_hides_no_other_and_is_said_once(cloud, tmp_path, role):
    with catalogue(tmp_path, access_roles=[role], profiles=["developer"], regions=["us-east-1"]) as live:
        view = read_all(live)
        assert names(view) == STANDARD
        (problem,) = [one.to_json() for one in view.problems]
        assert (problem["code"], problem["kind"], problem["iam_action"]) == ("access-denied", None, "sts:AssumeRole")
        assert problem["access_role"] == (role if isinstance(role, str) else role["arn"])
        assert "sts:AssumeRole" in problem["message"] + problem["fix"]
        assert EXTERNAL_ID not in str(problem)


def test_two_profiles_of_one_account_are_shown_and_described_once(cloud, tmp_path, monkeypatch):
    monkeypatch.setattr(sharing, "HEAD_START_S", 60.0)  # a loaded machine takes seconds to run a process
    told = {"Version": 1, "AccessKeyId": cloud.keys["administrator"].access_key}
    told["SecretAccessKey"] = cloud.keys["administrator"].secret
    slow = f"import time; time.sleep(0.7); print({json.dumps(json.dumps(told))})"
    (cloud.folder / "slow.py").write_text(slow)
    with (cloud.folder / "config").open("a") as file:
        file.write(f"[profile slow]\ncredential_process = {sys.executable} {cloud.folder / 'slow.py'}\n")
    profiles = ["slow", "developer"]
    with catalogue(tmp_path, profiles=profiles, regions=["us-east-1"]) as live:
        view = read_all(live)
        assert sorted(one.name for one in view.items) == sorted(STANDARD)
        assert {one.profile for one in view.items} == {"slow"}
    assert cloud.calls("DescribeCluster") == 4
    assert cloud.calls("GetApplication") == 1
    assert cloud.calls("GetCallerIdentity") == len(profiles)


def test_a_profile_that_may_do_nothing_leaves_the_other_profiles_rows(cloud, tmp_path):
    with catalogue(tmp_path, profiles=["denied", "developer"], regions=["us-east-1"]) as live:
        view = read_all(live)
        assert names(view) == STANDARD
        assert {one.profile for one in view.items} == {"developer"}
        assert {one.profile for one in view.problems} == {"denied"}
        assert {one.kind for one in view.problems} == {"ec2", "eks", "serverless"}


def test_an_access_role_into_the_same_account_in_two_ways_is_one_list(cloud, tmp_path):
    roles = [ACCESS, {"arn": WITH_ID, "external_id": EXTERNAL_ID}]
    with catalogue(tmp_path, access_roles=roles, profiles=["developer"], regions=["us-east-1"]) as live:
        view = read_all(live)
        assert sorted(one.name for one in view.items) == sorted(STANDARD | {"shared"})
        assert next(one.access_role for one in view.items if one.name == "shared") == ACCESS
    assert cloud.calls("AssumeRole") == 2


@pytest.mark.slow
def test_each_account_has_its_own_rates(cloud, tmp_path):
    add_clusters(cloud, 12 * 50, "here", state="STARTING")
    add_clusters(cloud, 12 * 50, "there", state="STARTING", account=OTHER_ACCOUNT)
    with catalogue(
        tmp_path, Source("developer", "us-east-1"), Source("developer", "us-east-1", AccessRole(ACCESS))
    ) as live:
        view = read_all(live)
        assert view.total == len(STANDARD) + 1 + 2 * 600
    assert not [row for row in cloud.world.log.since() if row["status"] >= 400]
