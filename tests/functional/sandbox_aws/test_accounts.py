"""Callers and resources of different accounts, and what bounds a caller."""

from __future__ import annotations

import json

import pytest

from jupyter_emr_connect.sandbox.aws.identity import iam_backend

HERE, THERE = "123456789012", "210987654321"


def document(effect="Allow", **elements):
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": effect, "Resource": "*", **elements}})


def trust(principal):
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@pytest.fixture
def foreign_role(front):
    """An access role of the other account that trusts this account."""
    role = iam_backend(THERE).create_role("Access", trust(HERE), "/", None, "", [], "3600")
    role.put_policy("p", document(Action=["elasticmapreduce:*", "s3:*", "iam:*"]))
    return role.arn


def test_a_foreign_role_needs_both_sides(front, refused, foreign_role):
    assert refused(front.client("sts").assume_role, RoleArn=foreign_role, RoleSessionName="me")[0] == "AccessDenied"
    answer = front.client("sts", "administrator").assume_role(RoleArn=foreign_role, RoleSessionName="me")
    session = front.keys(answer)
    who = front.client("sts", **session).get_caller_identity()
    assert who["Account"] == THERE
    assert [row["Name"] for row in front.client("emr", **session).list_clusters()["Clusters"]] == ["shared"]
    assert refused(front.client("emr", **session).describe_cluster, ClusterId=front.ids["open"])[0] == (
        "InvalidRequestException"
    )
    assert front.client("iam", **session).list_users()["Users"] == []


def test_buckets_of_another_account_need_its_policy(front, refused, foreign_role):
    answer = front.client("sts", "administrator").assume_role(RoleArn=foreign_role, RoleSessionName="me")
    client = front.client("s3", **front.keys(answer))
    _, message, _ = refused(client.list_objects_v2, Bucket="emr-sandbox-data")
    assert message.endswith("because no resource-based policy allows the s3:ListBucket action")
    statement = {"Effect": "Allow", "Principal": {"AWS": foreign_role}, "Action": "s3:*", "Resource": "*"}
    front.client("s3", "administrator").put_bucket_policy(
        Bucket="emr-sandbox-data", Policy=json.dumps({"Version": "2012-10-17", "Statement": statement})
    )
    client.put_object(Bucket="emr-sandbox-data", Key="x", Body=b"1")
    assert client.list_objects_v2(Bucket="emr-sandbox-data")["KeyCount"] == 1


def test_a_public_object_may_be_read_by_anyone(front):
    admin = front.client("s3", "administrator")
    admin.put_object(Bucket="emr-sandbox-data", Key="public", Body=b"hello")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
    admin.put_bucket_policy(
        Bucket="emr-sandbox-data", Policy=json.dumps({"Version": "2012-10-17", "Statement": statement})
    )
    assert front.send("GET", "/emr-sandbox-data/public").body == b"hello"
    assert front.send("PUT", "/emr-sandbox-data/public", b"no").status == 403


def test_a_permissions_boundary_only_takes_away(front, refused):
    iam = front.client("iam", "administrator")
    boundary = iam.create_policy(PolicyName="b", PolicyDocument=document(Action="s3:*"))["Policy"]["Arn"]
    iam.create_role(
        RoleName="Bounded",
        AssumeRolePolicyDocument=trust(f"arn:aws:iam::{HERE}:user/developer"),
        PermissionsBoundary=boundary,
    )
    iam.put_role_policy(RoleName="Bounded", PolicyName="p", PolicyDocument=document(Action="*"))
    answer = front.client("sts").assume_role(RoleArn=f"arn:aws:iam::{HERE}:role/Bounded", RoleSessionName="me")
    assert front.client("s3", **front.keys(answer)).list_buckets()["Buckets"]
    _, message, _ = refused(front.client("emr", **front.keys(answer)).list_clusters)
    assert message.endswith("because no permissions boundary allows the elasticmapreduce:ListClusters action")


def test_a_new_version_of_a_managed_policy_counts_at_once(front, refused):
    iam = front.client("iam", "administrator")
    arn = f"arn:aws:iam::{HERE}:policy/EMRSandbox-developer"
    front.client("emr").list_clusters()
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(Action="s3:*"), SetAsDefault=True)
    assert refused(front.client("emr").list_clusters)[0] == "AccessDeniedException"


def test_rights_on_iam_end_at_the_named_user(front, refused):
    statement = {"Action": "iam:GetUser", "Resource": f"arn:aws:iam::{HERE}:user/${{aws:username}}"}
    front.client("iam", "administrator").put_user_policy(
        UserName="developer", PolicyName="self", PolicyDocument=document(**statement)
    )
    client = front.client("iam")
    assert client.get_user()["User"]["UserName"] == "developer"
    assert client.get_user(UserName="developer")["User"]["Arn"].endswith("user/developer")
    _, message, _ = refused(client.get_user, UserName="analyst")
    assert f"iam:GetUser on resource: arn:aws:iam::{HERE}:user/analyst" in message


def test_old_versions_of_objects_have_rights_of_their_own(front, refused):
    client = front.client("s3")
    version = client.put_object(Bucket="emr-sandbox-notebooks", Key="n", Body=b"1")["VersionId"]
    _, message, _ = refused(client.delete_object, Bucket="emr-sandbox-notebooks", Key="n", VersionId=version)
    assert "s3:DeleteObjectVersion" in message


def test_session_tokens_are_a_users_only(front, refused):
    session = front.keys(front.client("sts").get_session_token())
    assert front.client("sts", **session).get_caller_identity()["Arn"].endswith("user/developer")
    assert refused(front.client("sts", **session).get_access_key_info, AccessKeyId="AKIAX" * 4)[0] == "AccessDenied"
    admin = front.client("sts", "administrator")
    assert admin.get_access_key_info(AccessKeyId=session["aws_access_key_id"])["Account"] == HERE
