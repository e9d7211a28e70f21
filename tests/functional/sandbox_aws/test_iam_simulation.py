"""SimulatePrincipalPolicy answers as the front itself decides, in AWS's form."""

from __future__ import annotations

import json

import pytest

ACCOUNT = "arn:aws:iam::123456789012"
TAKE = "elasticmapreduce:GetClusterSessionCredentials"
CLUSTER = "arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/j-SANDBOXANALYTICS0"


def ask(front, source="user/developer", actions=(TAKE,), resources=(CLUSTER,), **context):
    entries = [
        {"ContextKeyName": key.replace("__", ":"), "ContextKeyValues": [value], "ContextKeyType": "string"}
        for key, value in context.items()
    ]
    return front.client("iam", "administrator").simulate_principal_policy(
        PolicySourceArn=f"{ACCOUNT}:{source}",
        ActionNames=list(actions),
        ResourceArns=list(resources),
        ContextEntries=entries,
    )["EvaluationResults"]


def as_role(name):
    return {"elasticmapreduce__ExecutionRoleArn": f"{ACCOUNT}:role/{name}"}


@pytest.mark.parametrize(
    ("source", "role", "decision"),
    [
        ("user/developer", "EMRAnalyst", "allowed"),
        ("user/developer", "EMRForbidden", "implicitDeny"),
        ("user/administrator", "EMRForbidden", "explicitDeny"),
        ("user/denied", "EMRAnalyst", "implicitDeny"),
    ],
)
def test_decisions_are_those_of_the_policies(front, source, role, decision):
    (result,) = ask(front, source, **as_role(role))
    assert (result["EvalActionName"], result["EvalDecision"]) == (TAKE, decision)
    (single,) = result["ResourceSpecificResults"]
    assert (single["EvalResourceName"], single["EvalResourceDecision"]) == (CLUSTER, decision)
    assert bool(single["MatchedStatements"]) == (decision != "implicitDeny")


def test_each_resource_is_decided_by_itself(front):
    (result,) = ask(
        front, resources=(CLUSTER, CLUSTER.replace("123456789012", "210987654321")), **as_role("EMRAnalyst")
    )
    assert [one["EvalResourceDecision"] for one in result["ResourceSpecificResults"]] == ["allowed", "implicitDeny"]
    assert result["EvalDecision"] == "implicitDeny"


def test_keys_that_were_not_given_are_named(front):
    (result,) = ask(front)
    assert result["MissingContextValues"] == ["elasticmapreduce:executionrolearn"]
    assert ask(front, **as_role("EMRAnalyst"))[0]["MissingContextValues"] == []


def test_a_roles_policies_and_its_boundary_count(front):
    iam = front.client("iam", "administrator")
    wide = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    narrow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    boundary = iam.create_policy(PolicyName="narrow", PolicyDocument=json.dumps(narrow))["Policy"]["Arn"]
    iam.create_role(RoleName="Own", AssumeRolePolicyDocument=json.dumps(wide))
    iam.put_role_policy(RoleName="Own", PolicyName="wide", PolicyDocument=json.dumps(wide))
    assert ask(front, "role/Own")[0]["EvalDecision"] == "allowed"
    iam.put_role_permissions_boundary(RoleName="Own", PermissionsBoundary=boundary)
    (result,) = ask(front, "role/Own")
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_pages_follow_each_other(front):
    pages = front.client("iam", "administrator").get_paginator("simulate_principal_policy")
    names = [f"s3:Get{number}" for number in range(7)]
    answers = list(
        pages.paginate(PolicySourceArn=f"{ACCOUNT}:user/developer", ActionNames=names, PaginationConfig={"PageSize": 3})
    )
    assert [len(page["EvaluationResults"]) for page in answers] == [3, 3, 1]
    assert [one["EvalActionName"] for page in answers for one in page["EvaluationResults"]] == names


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("arn:aws:sts::123456789012:assumed-role/EMRAnalyst/me", "InvalidInput"),
        ("arn:aws:iam::123456789012:root", "InvalidInput"),
        (f"{ACCOUNT}:user/nobody-here", "NoSuchEntity"),
        (f"{ACCOUNT}:role/path/EMRAnalyst", "NoSuchEntity"),
        ("arn:aws:iam::210987654321:role/EMRAccess", "NoSuchEntity"),
    ],
)
def test_what_is_no_principal_of_the_account_is_refused(front, refused, source, code):
    call = front.client("iam", "administrator").simulate_principal_policy
    assert refused(call, PolicySourceArn=source, ActionNames=[TAKE])[0] == code


def test_bad_actions_and_markers_are_refused(front, refused):
    call = front.client("iam", "administrator").simulate_principal_policy
    me = f"{ACCOUNT}:user/developer"
    assert refused(call, PolicySourceArn=me, ActionNames=["nothing"])[0] == "InvalidInput"
    assert refused(call, PolicySourceArn=me, ActionNames=[TAKE], Marker="x")[0] == "InvalidInput"


def test_asking_needs_the_permission(front, refused):
    call = front.client("iam", "denied").simulate_principal_policy
    code, message, _ = refused(call, PolicySourceArn=f"{ACCOUNT}:user/denied", ActionNames=[TAKE])
    assert code == "AccessDenied"
    assert "iam:SimulatePrincipalPolicy" in message
