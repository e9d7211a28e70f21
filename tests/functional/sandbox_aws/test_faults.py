"""Each fault of the AWS front, made at will and gone when it is switched off."""

from __future__ import annotations

import time

import pytest

FAULTS = {
    "throttle": ("ThrottlingException", 400),
    "deny": ("AccessDeniedException", 400),
    "expire-credentials": ("ExpiredTokenException", 400),
    "error-500": ("InternalFailure", 500),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_strikes_until_it_is_cleared(front, refused, name):
    client = front.client("emr", "administrator")
    front.world.faults.set(name)
    code, _, status = refused(client.list_clusters)
    assert (code, status) == FAULTS[name]
    front.world.faults.clear(name)
    assert client.list_clusters()["Clusters"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("throttle", "SlowDown"), ("deny", "AccessDenied"), ("expire-credentials", "ExpiredToken")],
)
def test_s3_speaks_its_own_language(front, refused, name, code):
    front.world.faults.set(name)
    assert refused(front.client("s3", "administrator").list_buckets)[0] == code


@pytest.mark.parametrize("argument", ["ListClusters", "elasticmapreduce:ListClusters", "listclusters"])
def test_deny_of_one_action_leaves_the_others(front, refused, argument):
    front.world.faults.set(f"deny:{argument}")
    client = front.client("emr", "administrator")
    _, message, _ = refused(client.list_clusters)
    assert message == (
        "User: arn:aws:iam::123456789012:user/administrator is not authorized to perform: "
        "elasticmapreduce:ListClusters on resource: * with an explicit deny in an identity-based policy"
    )
    assert client.describe_cluster(ClusterId=front.ids["open"])


def test_nobody_can_be_denied_to_ask_who_he_is(front):
    front.world.faults.set("deny")
    assert front.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_slow_delays_by_milliseconds(front):
    client = front.client("emr")
    front.world.faults.set("slow:300")
    start = time.monotonic()
    client.list_clusters()
    assert 0.3 <= time.monotonic() - start < 3


def test_a_fault_may_be_meant_for_one_compute(front, refused):
    front.world.faults.set("deny", compute=front.ids["open"])
    client = front.client("emr")
    assert refused(client.describe_cluster, ClusterId=front.ids["open"])[0] == "AccessDeniedException"
    assert client.describe_cluster(ClusterId=front.ids["analytics"])
    assert client.list_clusters()


@pytest.mark.parametrize(
    ("options", "struck"),
    [
        ({"service": "elasticmapreduce"}, True),
        ({"service": "s3"}, False),
        ({"region": "us-east-1"}, True),
        ({"region": "eu-west-1"}, False),
        ({"service": "elasticmapreduce", "region": "eu-west-1"}, False),
        ({"action": "ListClusters"}, True),
        ({"action": "DescribeCluster"}, False),
    ],
)
def test_a_fault_may_be_meant_for_a_service_region_or_action(front, refused, options, struck):
    front.world.faults.set("throttle", options=options)
    client = front.client("emr")
    if struck:
        assert refused(client.list_clusters)[0] == "ThrottlingException"
    else:
        client.list_clusters()


def test_the_log_says_what_was_answered_and_no_secret(front, refused):
    front.client("emr").list_clusters()
    refused(front.client("emr", "denied").list_clusters)
    refused(front.client("emr", aws_secret_access_key="wrong").list_clusters)
    pair = front.client("emr").get_cluster_session_credentials(
        ClusterId=front.ids["analytics"], ExecutionRoleArn="arn:aws:iam::123456789012:role/EMRAnalyst"
    )["Credentials"]["UsernamePassword"]
    rows = front.world.log.since()
    assert [(row["service"], row["action"], row["status"]) for row in rows] == [
        ("elasticmapreduce", "ListClusters", 200),
        ("elasticmapreduce", "ListClusters", 400),
        ("elasticmapreduce", "ListClusters", 400),
        ("elasticmapreduce", "GetClusterSessionCredentials", 200),
    ]
    assert rows[0]["principal"] == "arn:aws:iam::123456789012:user/developer"
    assert rows[2]["principal"] == "-"
    assert rows[0]["bytes"] > 100
    assert rows[0]["region"] == "us-east-1"
    secrets = [pair["Password"], *(profile.secret for profile in front.profiles.values())]
    assert not [secret for secret in secrets if secret in str(rows)]
