"""What EMR Serverless and EMR on EKS need for a runtime role, and what is said to lack."""

from __future__ import annotations

from jupyter_emr_connect.sandbox.world.world import ACCOUNT, OTHER_ACCOUNT, REGION
from jupyter_emr_connect.services.roles import forget_checks
from tests.functional.services.accounts import (
    ASK,
    INSTANCE_PROFILE,
    ROLES,
    allow,
    application,
    endpoint,
    give,
    make_role,
    make_user,
    offered,
    one,
    trusting,
)

ANALYST, ENGINEER = f"{ROLES}/EMRAnalyst", f"{ROLES}/EMREngineer"


def test_serverless_needs_the_role_passed_and_the_application_open(cloud):
    compute = application(cloud)
    session = make_user(cloud, "ann", *ASK)
    role = one(session, compute, ANALYST)
    assert role.missing == "Your policy does not allow iam:PassRole on this role."
    assert role.statement["Condition"] == {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}
    give("ann", *ASK, role.statement)
    forget_checks()
    second = one(session, compute, ANALYST)
    assert second.missing == "Your policy does not allow emr-serverless:AccessLivyEndpoints on this application."
    give("ann", *ASK, role.statement, second.statement)
    forget_checks()
    assert one(session, compute, ANALYST).usable is True
    assert one(session, compute, ENGINEER).usable is False


def test_serverless_roles_are_asked_about_together(cloud):
    session = make_user(cloud, "ann", *ASK, allow("iam:PassRole"), allow("emr-serverless:AccessLivyEndpoints"))
    listed = offered(session, application(cloud), ANALYST, ENGINEER, f"{ROLES}/EMRForbidden")
    assert [role.usable for role in listed.items] == [True, True, False]
    assert cloud.calls("SimulatePrincipalPolicy") == 2


def test_a_serverless_role_must_trust_the_service(cloud):
    session = make_user(cloud, "ann", *ASK, allow("iam:PassRole"), allow("emr-serverless:AccessLivyEndpoints"))
    service = {"Service": "emr-serverless.amazonaws.com"}
    here = {"ArnLike": {"aws:SourceArn": f"arn:aws:emr-serverless:{REGION}:{ACCOUNT}:/applications/*"}}
    there = {"StringEquals": {"aws:SourceAccount": OTHER_ACCOUNT}}
    compute = application(cloud)
    assert one(session, compute, make_role("Here", trusting(service, "sts:AssumeRole", **here))).usable is True
    elsewhere = one(session, compute, make_role("There", trusting(service, "sts:AssumeRole", **there)))
    assert elsewhere.statement == {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}


def test_an_endpoints_own_role_is_offered(cloud):
    take = allow("emr-containers:GetManagedEndpointSessionCredentials")
    session = make_user(cloud, "ann", *ASK, take)
    listed = offered(session, endpoint(cloud))
    assert [(role.arn, role.source) for role in listed.items] == [(ANALYST, "endpoint's execution role")]
    give("ann", *ASK)
    forget_checks()
    (role,) = offered(session, endpoint(cloud)).items
    assert role.statement == {
        "Effect": "Allow",
        "Action": "emr-containers:GetManagedEndpointSessionCredentials",
        "Resource": endpoint(cloud).arn,
        "Condition": {"ArnLike": {"emr-containers:ExecutionRoleArn": ANALYST}},
    }


def test_what_pods_of_eks_take_is_told_only_where_it_is_clear(cloud):
    session = make_user(cloud, "ann", *ASK, allow("emr-containers:GetManagedEndpointSessionCredentials"))
    compute = endpoint(cloud)
    pods = make_role("Pods", trusting({"Service": "pods.eks.amazonaws.com"}))
    provider = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/0"}
    web = make_role("Web", trusting(provider, "sts:AssumeRoleWithWebIdentity"))
    usable = {
        role.name: role.usable for role in offered(session, compute, pods, web, f"{ROLES}/{INSTANCE_PROFILE}").items
    }
    assert usable["Pods"] is True
    assert usable["Web"] is None
    assert usable[INSTANCE_PROFILE] is False
