"""sts:AssumeRole asks both sides: the caller's policies and the role's trust."""

from __future__ import annotations

import json

import pytest

ACCOUNT = "arn:aws:iam::123456789012"
LISTING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "elasticmapreduce:*", "Resource": "*"}}


def role(front, principal, *, condition=None, action="sts:AssumeRole", name="Access", **options):
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action}
    if condition:
        statement["Condition"] = condition
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = front.client("iam", "administrator")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **options)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(LISTING))
    return f"{ACCOUNT}:role/{name}"


def allow(front, user, arn, action="sts:AssumeRole"):
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": arn}}
    iam = front.client("iam", "administrator")
    iam.put_user_policy(UserName=user, PolicyName="take", PolicyDocument=json.dumps(policy))


def take(front, profile, arn, **params):
    return front.client("sts", profile).assume_role(RoleArn=arn, RoleSessionName="me", **params)


def test_a_trust_that_names_the_caller_is_enough(front):
    arn = role(front, f"{ACCOUNT}:user/denied")
    answer = take(front, "denied", arn)
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/Access/me"
    who = front.client("sts", **front.keys(answer)).get_caller_identity()
    assert who["Arn"] == "arn:aws:sts::123456789012:assumed-role/Access/me"
    assert who["UserId"].endswith(":me")
    assert front.client("emr", **front.keys(answer)).list_clusters()["Clusters"]


def test_a_trust_that_names_the_account_needs_the_callers_policy_too(front, refused):
    arn = role(front, f"{ACCOUNT}:root")
    client = front.client("sts", "denied")
    code, message, status = refused(client.assume_role, RoleArn=arn, RoleSessionName="me")
    assert (code, status) == ("AccessDenied", 403)
    assert message == (f"User: {ACCOUNT}:user/denied is not authorized to perform: sts:AssumeRole on resource: {arn}")
    allow(front, "denied", arn)
    assert take(front, "denied", arn)["Credentials"]


@pytest.mark.parametrize("principal", [f"{ACCOUNT}:user/analyst", "210987654321"])
def test_a_trust_for_others_refuses_even_the_administrator(front, refused, principal):
    client = front.client("sts", "administrator")
    arn = role(front, principal)
    assert refused(client.assume_role, RoleArn=arn, RoleSessionName="me")[0] == "AccessDenied"


def test_a_role_that_is_not_there_looks_like_one_that_refuses(front, refused):
    client = front.client("sts", "administrator")
    assert refused(client.assume_role, RoleArn=f"{ACCOUNT}:role/None", RoleSessionName="me")[0] == "AccessDenied"


def test_the_external_id_must_be_the_right_one(front, refused):
    arn = role(front, f"{ACCOUNT}:user/developer", condition={"StringEquals": {"sts:ExternalId": "right"}})
    client = front.client("sts")
    for params in ({}, {"ExternalId": "wrong"}):
        assert refused(client.assume_role, RoleArn=arn, RoleSessionName="me", **params)[0] == "AccessDenied"
    assert take(front, "developer", arn, ExternalId="right")["Credentials"]


def test_session_tags_need_the_right_to_tag(front, refused):
    arn = role(front, f"{ACCOUNT}:user/developer")
    tags = [{"Key": "team", "Value": "data"}]
    _, message, _ = refused(front.client("sts").assume_role, RoleArn=arn, RoleSessionName="me", Tags=tags)
    assert "sts:TagSession" in message
    both = role(front, f"{ACCOUNT}:user/developer", action=["sts:AssumeRole", "sts:TagSession"], name="Tagged")
    assert take(front, "developer", both, Tags=tags)["Credentials"]


def test_a_session_policy_only_takes_away(front, refused):
    arn = role(front, f"{ACCOUNT}:user/developer")
    policy = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'
    session = front.keys(take(front, "developer", arn, Policy=policy))
    _, message, _ = refused(front.client("emr", **session).list_clusters)
    assert message.endswith("because no session policy allows the elasticmapreduce:ListClusters action")
    _, message, _ = refused(front.client("s3", **session).list_buckets)
    assert message.endswith("because no identity-based policy allows the s3:ListAllMyBuckets action")


def test_sessions_expire_when_they_said(front, refused):
    arn = role(front, f"{ACCOUNT}:user/developer")
    answer = take(front, "developer", arn, DurationSeconds=900)
    assert abs(answer["Credentials"]["Expiration"].timestamp() - front.clock.now - 900) < 2
    client = front.client("emr", **front.keys(answer))
    client.list_clusters()
    front.clock.forward(250)
    client.list_clusters()
    front.app.context.keys._clock = lambda: front.clock.now + 651
    assert refused(client.list_clusters)[0] == "ExpiredTokenException"


def test_durations_have_their_limits(front, refused):
    arn = role(front, f"{ACCOUNT}:user/developer", MaxSessionDuration=7200)
    client = front.client("sts")
    assert client.assume_role(RoleArn=arn, RoleSessionName="me", DurationSeconds=7200)["Credentials"]
    code, message, _ = refused(client.assume_role, RoleArn=arn, RoleSessionName="me", DurationSeconds=7201)
    assert code == "ValidationError"
    assert "MaxSessionDuration" in message


def test_chained_sessions_last_an_hour_at_most(front, refused):
    first = role(front, f"{ACCOUNT}:user/developer", name="First")
    second = role(front, first, name="Second", MaxSessionDuration=7200)
    chained = front.client("sts", **front.keys(take(front, "developer", first)))
    assert chained.assume_role(RoleArn=second, RoleSessionName="me", DurationSeconds=3600)["Credentials"]
    _, message, _ = refused(chained.assume_role, RoleArn=second, RoleSessionName="me", DurationSeconds=3601)
    assert "role chaining" in message


@pytest.mark.parametrize("name", ["a b", "with/slash", "x" * 65, "ü" * 5])
def test_bad_session_names_are_refused(front, refused, name):
    arn = role(front, f"{ACCOUNT}:user/developer")
    assert refused(front.client("sts").assume_role, RoleArn=arn, RoleSessionName=name)[0] == "ValidationError"


def test_transitive_tags_come_along_a_chain(front, refused):
    both = ["sts:AssumeRole", "sts:TagSession"]
    wanted = {"StringEquals": {"aws:PrincipalTag/team": "analytics"}}
    first = role(front, f"{ACCOUNT}:user/developer", name="First", action=both)
    second = role(front, first, name="Second", action=both)
    third = role(front, second, name="Third", condition=wanted)
    tags = [{"Key": "team", "Value": "analytics"}]

    def chain(**options):
        session = take(front, "developer", first, Tags=tags, **options)
        return front.client("sts", **front.keys(session)).assume_role(RoleArn=second, RoleSessionName="me")

    last = front.client("sts", **front.keys(chain(TransitiveTagKeys=["team"])))
    assert last.assume_role(RoleArn=third, RoleSessionName="me")["Credentials"]
    dropped = front.client("sts", **front.keys(chain()))
    assert refused(dropped.assume_role, RoleArn=third, RoleSessionName="me")[0] == "AccessDenied"
    code, _, _ = refused(last.assume_role, RoleArn=third, RoleSessionName="me", TransitiveTagKeys=["other"])
    assert code == "ValidationError"
    session = front.keys(take(front, "developer", first, Tags=tags, TransitiveTagKeys=["team"]))
    again = front.client("sts", **session).assume_role
    assert refused(again, RoleArn=second, RoleSessionName="me", Tags=tags)[0] == "InvalidParameterValue"
