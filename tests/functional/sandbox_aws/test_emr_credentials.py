"""GetClusterSessionCredentials: which role, on which cluster, for whom."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

ROLES = "arn:aws:iam::123456789012:role"


def test_the_pair_is_good_on_this_cluster_only(front):
    client, cluster = front.client("emr"), front.ids["analytics"]
    answer = client.get_cluster_session_credentials(ClusterId=cluster, ExecutionRoleArn=f"{ROLES}/EMREngineer")
    given = answer["Credentials"]["UsernamePassword"]
    front.world.pairs.propagation = 0
    time.sleep(0.6)  # the time a new pair takes to be honoured, on the real clock
    pair = front.world.pairs.check(cluster, given["Username"], given["Password"])
    assert pair is not None
    assert pair.user == "emrengineer"
    assert pair.caller_arn == "arn:aws:iam::123456789012:user/developer"
    assert abs(pair.expires_at - answer["ExpiresAt"].timestamp()) < 0.01
    assert front.world.pairs.check(front.ids["open"], given["Username"], given["Password"]) is None


def test_each_call_makes_another_pair(front):
    client, cluster = front.client("emr"), front.ids["analytics"]
    users = {
        client.get_cluster_session_credentials(ClusterId=cluster, ExecutionRoleArn=f"{ROLES}/EMRAnalyst")[
            "Credentials"
        ]["UsernamePassword"]["Username"]
        for _ in range(3)
    }
    assert len(users) == 3


@pytest.mark.parametrize(
    ("profile", "role", "allowed"),
    [
        ("developer", "EMRAnalyst", True),
        ("developer", "EMREngineer", True),
        ("developer", "EMRForbidden", False),
        ("analyst", "EMRAnalyst", True),
        ("analyst", "EMREngineer", False),
        ("administrator", "EMREngineer", True),
        ("administrator", "EMRForbidden", False),
        ("denied", "EMRAnalyst", False),
    ],
)
def test_iam_decides_by_the_role(front, refused, profile, role, allowed):
    call = front.client("emr", profile).get_cluster_session_credentials
    params = {"ClusterId": front.ids["analytics"], "ExecutionRoleArn": f"{ROLES}/{role}"}
    if allowed:
        assert call(**params)["Credentials"]["UsernamePassword"]["Password"]
        return
    code, message, status = refused(call, **params)
    action = "elasticmapreduce:GetClusterSessionCredentials"
    reason = (
        "with an explicit deny in an identity-based policy"
        if profile == "administrator"
        else f"because no identity-based policy allows the {action} action"
    )
    assert (code, status) == ("AccessDeniedException", 400)
    assert message == (
        f"User: arn:aws:iam::123456789012:user/{profile} is not authorized to perform: {action} on resource: "
        f"arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/{front.ids['analytics']} {reason}"
    )


def test_without_a_role_the_condition_is_not_met(front, refused):
    call = front.client("emr").get_cluster_session_credentials
    assert refused(call, ClusterId=front.ids["analytics"])[0] == "AccessDeniedException"
    code, message, _ = refused(
        front.client("emr", "administrator").get_cluster_session_credentials, ClusterId=front.ids["analytics"]
    )
    assert code == "InvalidRequestException"
    assert "ExecutionRoleArn" in message


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        ("open", "not enabled"),
        ("kerberos", "not enabled"),
        ("old", "emr-5.30.0 does not support runtime roles"),
        ("gone", "in state TERMINATED"),
    ],
)
def test_a_cluster_that_cannot_honour_it_refuses(front, refused, cluster, words):
    call = front.client("emr").get_cluster_session_credentials
    code, message, status = refused(call, ClusterId=front.ids[cluster], ExecutionRoleArn=f"{ROLES}/EMRAnalyst")
    assert (code, status) == ("InvalidRequestException", 400)
    assert words in message


def test_a_role_that_is_not_there_is_refused(front, refused):
    call = front.client("emr", "administrator").get_cluster_session_credentials
    code, message, _ = refused(call, ClusterId=front.ids["analytics"], ExecutionRoleArn=f"{ROLES}/NoSuchRole")
    assert code == "InvalidRequestException"
    assert message == f"The execution role {ROLES}/NoSuchRole does not exist."


@pytest.mark.parametrize("arn", ["EMRAnalyst", "arn:aws:iam::12:role/A" + "x" * 20, "arn:aws:iam::123456789012:user/x"])
def test_a_malformed_role_is_refused(front, refused, arn):
    call = front.client("emr", "administrator").get_cluster_session_credentials
    assert refused(call, ClusterId=front.ids["analytics"], ExecutionRoleArn=arn.ljust(20, "_"))[0] == (
        "ValidationException"
    )


def test_the_role_must_trust_the_instance_profile(front, refused):
    iam = front.client("iam", "administrator")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"{ROLES}/EMRSandboxInstanceProfile"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam.create_role(RoleName="Untagged", AssumeRolePolicyDocument=json.dumps(trust))
    call = front.client("emr", "administrator").get_cluster_session_credentials
    params = {"ClusterId": front.ids["analytics"], "ExecutionRoleArn": f"{ROLES}/Untagged"}
    code, message, _ = refused(call, **params)
    assert code == "InvalidRequestException"
    assert "EMRSandboxInstanceProfile perform sts:TagSession" in message
    trust["Statement"][0]["Action"] = ["sts:AssumeRole", "sts:TagSession"]
    iam.update_assume_role_policy(RoleName="Untagged", PolicyDocument=json.dumps(trust))
    assert call(**params)["ExpiresAt"]


def test_an_external_id_of_the_security_configuration_counts(front, refused):
    emr, iam = front.client("emr", "administrator"), front.client("iam", "administrator")
    document = {
        "AuthorizationConfiguration": {
            "IAMConfiguration": {
                "EnableApplicationScopedIAMRole": True,
                "ApplicationScopedIAMRoleConfiguration": {"ExternalId": "secret-7"},
            }
        }
    }
    emr.create_security_configuration(Name="external", SecurityConfiguration=json.dumps(document))
    cluster = front.ids["analytics"]
    front.world.clusters[cluster] = replace(front.world.clusters[cluster], security_configuration="external")

    def trust(external_id):
        return json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"{ROLES}/EMRSandboxInstanceProfile"},
                    "Action": ["sts:AssumeRole", "sts:TagSession"],
                    "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
                },
            }
        )

    iam.create_role(RoleName="Right", AssumeRolePolicyDocument=trust("secret-7"))
    iam.create_role(RoleName="Wrong", AssumeRolePolicyDocument=trust("other"))
    assert emr.get_cluster_session_credentials(ClusterId=cluster, ExecutionRoleArn=f"{ROLES}/Right")["ExpiresAt"]
    call = emr.get_cluster_session_credentials
    assert refused(call, ClusterId=cluster, ExecutionRoleArn=f"{ROLES}/Wrong")[0] == "InvalidRequestException"
