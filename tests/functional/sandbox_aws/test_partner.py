"""The second account, by the three ways over the border of accounts (reference 8.6)."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.sandbox.aws.identity import find_role, session_of
from jupyter_emr_connect.sandbox.aws.policies_partner import EXTERNAL_ID
from jupyter_emr_connect.sandbox.world.world import OTHER_ACCOUNT

from .conftest import ROLES

THERE = f"arn:aws:iam::{OTHER_ACCOUNT}:role"
PARTNER = f"{THERE}/EMRPartner"
BUCKET = "emr-sandbox-partner-data"


def take(front, name="EMRAccess", profile="developer", **params):
    answer = front.client("sts", profile).assume_role(RoleArn=f"{THERE}/{name}", RoleSessionName="me", **params)
    return front.keys(answer)


def session_keys(front, role_arn):
    """Return the keys of a session as the cluster itself has them: nobody else may take a runtime role."""
    key = front.app.context.keys.issue(session_of(find_role(role_arn), "kernel"), 900)
    return {"aws_access_key_id": key.id, "aws_secret_access_key": key.secret, "aws_session_token": key.token}


@pytest.mark.parametrize("profile", ["developer", "administrator"])
def test_1_an_access_role_lists_and_takes_the_partners_role(front, refused, profile):
    keys = take(front, profile=profile)
    client = front.client("emr", **keys)
    assert [row["Name"] for row in client.list_clusters()["Clusters"]] == ["shared"]
    shared = front.ids["shared"]
    found = client.describe_cluster(ClusterId=shared)["Cluster"]
    assert found["ClusterArn"] == f"arn:aws:elasticmapreduce:us-east-1:{OTHER_ACCOUNT}:cluster/{shared}"
    assert client.describe_security_configuration(Name=found["SecurityConfiguration"])
    pair = client.get_cluster_session_credentials(ClusterId=shared, ExecutionRoleArn=PARTNER)["Credentials"]
    assert pair["UsernamePassword"]["Username"].startswith("emrpartner-")
    call = client.get_cluster_session_credentials
    assert refused(call, ClusterId=shared, ExecutionRoleArn=f"{ROLES}/EMRAnalyst")[0] == "AccessDeniedException"
    assert front.client("emr-containers", **keys).list_virtual_clusters()["virtualClusters"] == []
    assert front.client("emr-serverless", **keys).list_applications()["applications"] == []
    who = front.world.log.since()[-1]["principal"]
    assert who == f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/EMRAccess/me"


def test_1_ones_own_account_does_not_see_the_partners_cluster(front, refused):
    client = front.client("emr", "administrator")
    assert "shared" not in [row["Name"] for row in client.list_clusters()["Clusters"]]
    assert refused(client.describe_cluster, ClusterId=front.ids["shared"])[0] == "InvalidRequestException"
    there = front.client("emr", **take(front))
    assert refused(there.describe_cluster, ClusterId=front.ids["analytics"])[0] == "InvalidRequestException"


def test_2_the_partners_bucket_admits_the_analyst_to_read(front, refused):
    engineer = front.client("s3", **session_keys(front, PARTNER))
    engineer.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    client = front.client("s3", **session_keys(front, f"{ROLES}/EMRAnalyst"))
    assert client.get_object(Bucket=BUCKET, Key="a")["Body"].read() == b"1"
    assert client.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    assert refused(client.put_object, Bucket=BUCKET, Key="a", Body=b"2")[0] == "AccessDenied"
    other = front.client("s3", **session_keys(front, f"{ROLES}/EMREngineer"))
    assert refused(other.get_object, Bucket=BUCKET, Key="a")[0] == "AccessDenied"
    assert refused(front.client("s3").get_object, Bucket=BUCKET, Key="a")[0] == "AccessDenied"


def test_3_the_partners_role_is_taken_on_ones_own_cluster(front, refused):
    params = {"ClusterId": front.ids["analytics"], "ExecutionRoleArn": PARTNER}
    assert front.client("emr").get_cluster_session_credentials(**params)["Credentials"]["UsernamePassword"]
    analyst = front.client("emr", "analyst")
    assert refused(analyst.get_cluster_session_credentials, **params)[0] == "AccessDeniedException"


@pytest.mark.parametrize("profile", ["analyst", "denied"])
def test_nobody_else_takes_an_access_role(front, refused, profile):
    client = front.client("sts", profile)
    for name in ("EMRAccess", "EMRPartner"):
        assert refused(client.assume_role, RoleArn=f"{THERE}/{name}", RoleSessionName="me")[0] == "AccessDenied"


def test_the_other_access_role_demands_its_external_id(front, refused):
    client = front.client("sts")
    for params in ({}, {"ExternalId": "wrong"}):
        code, message, status = refused(
            client.assume_role, RoleArn=f"{THERE}/EMRAccessWithId", RoleSessionName="me", **params
        )
        assert (code, status) == ("AccessDenied", 403)
        assert "sts:AssumeRole" in message
    keys = take(front, "EMRAccessWithId", ExternalId=EXTERNAL_ID)
    assert [row["Name"] for row in front.client("emr", **keys).list_clusters()["Clusters"]] == ["shared"]


def test_session_tags_pass_where_the_trust_allows_them(front, refused):
    tags = [{"Key": "team", "Value": "analytics"}]
    assert take(front, "EMRAccessWithId", ExternalId=EXTERNAL_ID, Tags=tags)
    call = front.client("sts").assume_role
    _, message, _ = refused(call, RoleArn=f"{THERE}/EMRAccess", RoleSessionName="me", Tags=tags)
    assert "sts:TagSession" in message


def test_a_session_lasts_as_long_as_the_role_lets_it(front, refused):
    call = front.client("sts").assume_role
    params = {"RoleArn": f"{THERE}/EMRAccess", "RoleSessionName": "me"}
    answer = call(**params, DurationSeconds=43_200)
    assert answer["Credentials"]["Expiration"].timestamp() - front.clock.now > 43_000
    assert refused(call, **params, DurationSeconds=43_201)[0] == "ValidationError"
