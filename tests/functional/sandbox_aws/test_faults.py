"""Each fault of the AWS front, made at will and gone when it is switched off."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ConnectionClosedError

from .conftest import INTERACTIVE, NOTEBOOKS, TEAM

LISTS = {
    "elasticmapreduce": ("emr", "list_clusters", "elasticmapreduce:ListClusters"),
    "emr-containers": ("emr-containers", "list_virtual_clusters", "emr-containers:ListVirtualClusters"),
    "emr-serverless": ("emr-serverless", "list_applications", "emr-serverless:ListApplications"),
}
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
    assert 0.3 <= time.monotonic() - start < 30


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


def outcome(client, operation):
    """Return what a call comes to: ``ok``, an error code, or ``closed``."""
    try:
        getattr(client, operation)()
    except ConnectionClosedError:
        return "closed"
    except client.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "ok"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("throttle", "ThrottlingException"),
        ("deny", "AccessDeniedException"),
        ("error-500", "InternalFailure"),
        ("down", "closed"),
        ("expire-credentials", "ExpiredTokenException"),
        ("clock-skew", "InvalidSignatureException"),
    ],
)
@pytest.mark.parametrize("service", LISTS)
def test_a_fault_of_one_service_in_one_region_leaves_the_others(front, refused, fault, code, service):
    front.world.faults.set(fault, options={"service": service, "region": "eu-west-1"})
    found = {
        (name, region): outcome(front.client(model, "administrator", region_name=region), operation)
        for name, (model, operation, _) in LISTS.items()
        for region in ("us-east-1", "eu-west-1")
    }
    assert found.pop((service, "eu-west-1")) == code
    assert set(found.values()) == {"ok"}


@pytest.mark.parametrize("service", LISTS)
def test_deny_takes_the_action_as_iam_writes_it(front, refused, service):
    model, operation, action = LISTS[service]
    client = front.client(model, "administrator")
    front.world.faults.set(f"deny:{action}")
    assert f"perform: {action} on resource" in refused(getattr(client, operation))[1]
    others = [name for name in LISTS if name != service]
    assert {outcome(front.client(LISTS[name][0]), LISTS[name][1]) for name in others} == {"ok"}


def test_taking_a_role_can_be_denied(front, refused):
    front.world.faults.set("deny:sts:AssumeRole")
    role = "arn:aws:iam::210987654321:role/EMRAccess"
    code, message, _ = refused(front.client("sts").assume_role, RoleArn=role, RoleSessionName="me")
    assert (code, f"perform: sts:AssumeRole on resource: {role} with an explicit deny" in message) == (
        "AccessDenied",
        True,
    )


def test_deny_of_an_action_with_its_service_leaves_other_services(front, refused):
    front.world.faults.set("deny:emr-serverless:ListClusters")
    assert front.client("emr").list_clusters()["Clusters"]


def test_throttled_rest_services_answer_429(front, refused):
    front.world.faults.set("throttle")
    assert refused(front.client("emr-serverless").list_applications)[2] == 429
    assert refused(front.client("emr-containers").list_virtual_clusters)[2] == 429


def test_down_closes_the_connection_and_is_logged(front):
    client = front.client("emr-serverless")
    assert client.list_applications()["applications"]
    front.world.faults.set("down", options={"service": "emr-serverless"})
    for _ in range(2):
        with pytest.raises(ConnectionClosedError):
            client.list_applications()
    assert front.client("emr").list_clusters()["Clusters"]
    front.world.faults.clear("down")
    assert client.list_applications()["applications"]
    rows = [(row["service"], row["action"], row["status"]) for row in front.world.log.since()]
    assert rows.count(("emr-serverless", "ListApplications", 0)) == 2


def test_the_same_fault_may_be_on_in_two_regions(front, refused):
    for region in ("us-east-1", "eu-west-1"):
        front.world.faults.set("throttle", options={"region": region})
    here, there = front.client("emr"), front.client("emr", region_name="eu-west-1")
    assert refused(here.list_clusters)[0] == refused(there.list_clusters)[0] == "ThrottlingException"
    front.world.faults.clear("throttle", options={"region": "us-east-1"})
    assert here.list_clusters()
    assert refused(there.list_clusters)[0] == "ThrottlingException"
    front.world.faults.clear("throttle")
    assert there.list_clusters()


def test_an_endpoint_and_an_application_can_be_struck_alone(front, refused):
    front.world.faults.set("deny", compute=f"{TEAM}/{NOTEBOOKS}")
    front.world.faults.set("deny", compute=INTERACTIVE)
    eks, serverless = front.client("emr-containers"), front.client("emr-serverless")
    call = eks.describe_managed_endpoint
    assert refused(call, id=NOTEBOOKS, virtualClusterId=TEAM)[0] == "AccessDeniedException"
    assert refused(serverless.get_application, applicationId=INTERACTIVE)[0] == "AccessDeniedException"
    assert eks.list_managed_endpoints(virtualClusterId=TEAM)["endpoints"]
    assert serverless.list_applications()["applications"]


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
