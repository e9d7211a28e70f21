"""EMR's documented rates: so many at once, then one every so many seconds, per account, region and action."""

from __future__ import annotations

import pytest

RATES = {
    "list_clusters": (20, 0.5, {}),
    "describe_cluster": (10, 1, {"ClusterId": "j-SANDBOXOPEN000000"}),
    "describe_security_configuration": (5, 0.5, {"Name": "kerberos"}),
    "get_cluster_session_credentials": (
        5,
        0.5,
        {"ClusterId": "j-SANDBOXANALYTICS0", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/EMRAnalyst"},
    ),
    "list_instances": (10, 0.5, {"ClusterId": "j-SANDBOXOPEN000000"}),
    "list_instance_groups": (10, 1, {"ClusterId": "j-SANDBOXOPEN000000"}),
}


@pytest.mark.parametrize("operation", RATES)
def test_burst_and_refill_are_as_documented(front, refused, operation):
    burst, refill, params = RATES[operation]
    call = getattr(front.client("emr"), operation)
    for _ in range(burst):
        call(**params)
    assert refused(call, **params) == ("ThrottlingException", "Rate exceeded", 400)
    front.clock.forward(0.9 / refill)
    assert refused(call, **params)[0] == "ThrottlingException"
    front.clock.forward(0.2 / refill)
    call(**params)
    assert refused(call, **params)[0] == "ThrottlingException"


def test_the_budget_is_the_accounts_and_the_regions(front, refused):
    for _ in range(20):
        front.client("emr").list_clusters()
    assert refused(front.client("emr", "administrator").list_clusters)[0] == "ThrottlingException"
    front.client("emr", region_name="eu-west-1").list_clusters()
    front.client("emr").describe_cluster(ClusterId=front.ids["open"])


def test_a_wrong_signature_costs_nothing(front, refused):
    for _ in range(25):
        refused(front.client("emr", aws_secret_access_key="x").list_clusters)
    front.client("emr").list_clusters()


def test_all_calls_together_have_a_ceiling(front, refused):
    client = front.client("emr")
    for _ in range(200):
        client.list_steps(ClusterId=front.ids["open"])
    assert refused(client.list_steps, ClusterId=front.ids["open"])[0] == "ThrottlingException"
    assert refused(client.list_clusters)[0] == "ThrottlingException"
