"""Virtual clusters and managed endpoints: listed, described, made and removed."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from jupyter_emr_connect.sandbox.world.world import OTHER_ACCOUNT

from .conftest import NOTEBOOKS, ROLES, TEAM

ENDPOINT = {"id": NOTEBOOKS, "virtualClusterId": TEAM}
MAKE = {
    "name": "made",
    "virtualClusterId": TEAM,
    "type": "JUPYTER_ENTERPRISE_GATEWAY",
    "releaseLabel": "emr-7.0.0-latest",
    "executionRoleArn": f"{ROLES}/EMRAnalyst",
}


def add_endpoints(front, number, **fields):
    model = front.world.endpoints[NOTEBOOKS]
    start = datetime.now(timezone.utc) - timedelta(days=2)
    for index in range(number):
        spec = replace(model, id=f"many{index:021d}", created_at=start + timedelta(seconds=index), **fields)
        front.world.endpoints[spec.id] = spec


def state(client, **ids):
    return client.describe_managed_endpoint(**(ids or ENDPOINT))["endpoint"]["state"]


def test_an_endpoint_says_where_it_is_and_whom_to_trust(front):
    client = front.client("emr-containers")
    assert [row["name"] for row in client.list_virtual_clusters()["virtualClusters"]] == ["team"]
    listed = client.list_managed_endpoints(virtualClusterId=TEAM)["endpoints"]
    assert listed == [client.describe_managed_endpoint(**ENDPOINT)["endpoint"]]
    assert listed[0]["serverUrl"] == "https://127.0.42.8:18888"
    assert listed[0]["arn"].endswith(f":123456789012:/virtualclusters/{TEAM}/endpoints/{NOTEBOOKS}")
    data = listed[0]["certificateAuthority"]["certificateData"]
    assert base64.b64decode(data, validate=True).startswith(b"-----BEGIN CERTIFICATE-----")


def test_pages_hold_what_was_asked_for_and_end(front):
    add_endpoints(front, 24)
    client = front.client("emr-containers")
    pages = client.get_paginator("list_managed_endpoints").paginate(
        virtualClusterId=TEAM, PaginationConfig={"PageSize": 10}
    )
    ids = [[row["id"] for row in page["endpoints"]] for page in pages]
    assert [len(page) for page in ids] == [10, 10, 5]
    assert len({each for page in ids for each in page}) == 25
    assert ids[0][0] == NOTEBOOKS
    assert "nextToken" not in client.list_managed_endpoints(virtualClusterId=TEAM, maxResults=25)


def test_a_page_has_100_rows_at_most(front):
    add_endpoints(front, 150)
    client = front.client("emr-containers")
    for params in ({}, {"maxResults": 1000}):
        assert len(client.list_managed_endpoints(virtualClusterId=TEAM, **params)["endpoints"]) == 100


@pytest.mark.parametrize("token", ["x", "!!!", "TGlzdE1hbmFnZWRFbmRwb2ludHM6LTE=", "é", "a" * 1000, "a" * 2000, " "])
def test_a_token_of_no_list_is_refused(front, refused, token):
    call = front.client("emr-containers").list_managed_endpoints
    code, _, status = refused(call, virtualClusterId=TEAM, nextToken=token)
    assert (code, status) == ("ValidationException", 400)


def test_a_token_of_another_list_is_refused(front, refused):
    add_endpoints(front, 2)
    client = front.client("emr-containers")
    token = client.list_managed_endpoints(virtualClusterId=TEAM, maxResults=1)["nextToken"]
    assert refused(client.list_virtual_clusters, nextToken=token)[0] == "ValidationException"


def test_lists_are_filtered(front):
    add_endpoints(front, 3, state="TERMINATED", type="SPARK_CONNECT")
    client = front.client("emr-containers")

    def listed(**filters):
        return len(client.list_managed_endpoints(virtualClusterId=TEAM, **filters)["endpoints"])

    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    assert listed() == 4
    assert listed(states=["ACTIVE"]) == listed(types=["JUPYTER_ENTERPRISE_GATEWAY"]) == 1
    assert listed(states=["TERMINATED", "ACTIVE"], types=["SPARK_CONNECT"]) == 3
    assert (listed(createdAfter=yesterday), listed(createdBefore=yesterday)) == (1, 3)
    clusters = client.list_virtual_clusters
    assert clusters(states=["TERMINATED"])["virtualClusters"] == []
    assert clusters(containerProviderId="elsewhere")["virtualClusters"] == []
    assert len(clusters(containerProviderId="eks-sandbox", createdAfter=yesterday)["virtualClusters"]) == 1


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("describe_virtual_cluster", {"id": "none"}, "ResourceNotFoundException"),
        ("describe_managed_endpoint", {"id": "none", "virtualClusterId": TEAM}, "ResourceNotFoundException"),
        ("describe_managed_endpoint", {"id": NOTEBOOKS, "virtualClusterId": "none"}, "ResourceNotFoundException"),
        ("list_managed_endpoints", {"virtualClusterId": "none"}, "ValidationException"),
        ("delete_managed_endpoint", {"id": "none", "virtualClusterId": TEAM}, "ValidationException"),
        ("delete_virtual_cluster", {"id": "none"}, "ValidationException"),
        ("delete_virtual_cluster", {"id": TEAM}, "ValidationException"),
        ("create_managed_endpoint", {**MAKE, "virtualClusterId": "none"}, "ResourceNotFoundException"),
        ("create_managed_endpoint", {**MAKE, "executionRoleArn": f"{ROLES}/NoSuchRole"}, "ValidationException"),
        ("create_managed_endpoint", {**MAKE, "executionRoleArn": "x" * 30}, "ValidationException"),
        ("create_managed_endpoint", {**MAKE, "name": "with space"}, "ValidationException"),
        ("create_managed_endpoint", {**MAKE, "name": "n" * 10_000}, "ValidationException"),
        ("create_managed_endpoint", {**MAKE, "tags": {f"k{n}": "v" for n in range(51)}}, "ValidationException"),
        ("describe_virtual_cluster", {"id": "j-ABC"}, "ValidationException"),
        ("describe_virtual_cluster", {"id": "../../etc"}, "ValidationException"),
        ("list_virtual_clusters", {"states": ["SLEEPING"]}, "ValidationException"),
        ("list_virtual_clusters", {"states": ["RUNNING"] * 11}, "ValidationException"),
        ("list_virtual_clusters", {"maxResults": 0}, "ValidationException"),
    ],
)
def test_what_cannot_be_is_refused_with_400(front, refused, operation, params, code):
    found = refused(getattr(front.client("emr-containers", "administrator"), operation), **params)
    assert found[::2] == (code, 400)
    assert found[1]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/virtualclusters?maxResults=many", b"", 400),
        ("/virtualclusters?createdAfter=someday", b"", 400),
        ("/virtualclusters/%2e%2e/endpoints", b"", 400),
        ("/virtualclusters/team/nonsense", b"", 400),
        ("/nonsense", b"", 400),
        ("/", b"", 400),
    ],
)
def test_malformed_requests_are_answered_in_json(front, path, body, status):
    answer = front.send_signed(body, "administrator", "emr-containers", path, method="GET")
    assert answer.status == status
    assert b"message" in answer.body
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b'{"name": 7}', b'{"name": "x", "tags": []}'])
def test_malformed_bodies_are_refused(front, body):
    answer = front.send_signed(body, "administrator", "emr-containers", f"/virtualclusters/{TEAM}/endpoints")
    assert answer.status == 400
    assert answer.code in ("SerializationException", "ValidationException")


def test_an_endpoint_is_made_and_becomes_active_with_time(front):
    client = front.client("emr-containers", "administrator")
    made = client.create_managed_endpoint(**MAKE, clientToken="once", tags={"a": "b"})
    again = client.create_managed_endpoint(**MAKE, clientToken="once")
    assert made["id"] == again["id"]
    ids = {"id": made["id"], "virtualClusterId": TEAM}
    assert state(client, **ids) == "CREATING"
    front.clock.forward(3)
    found = client.describe_managed_endpoint(**ids)["endpoint"]
    assert (found["state"], found["tags"]) == ("ACTIVE", {"a": "b"})
    assert "serverUrl" not in found


def test_a_deleted_endpoint_ends_with_time_and_its_tokens_at_once(front):
    client = front.client("emr-containers", "administrator")
    token = front.world.tokens.issue(NOTEBOOKS, f"{ROLES}/EMRAnalyst", "me")
    assert client.delete_managed_endpoint(**ENDPOINT)["id"] == NOTEBOOKS
    assert state(client) == "TERMINATING"
    assert front.world.tokens.expired(NOTEBOOKS, token.value)
    front.clock.forward(3)
    assert state(client) == "TERMINATED"
    client.delete_managed_endpoint(**ENDPOINT)
    assert state(client) == "TERMINATED"
    client.delete_virtual_cluster(id=TEAM)
    front.clock.forward(3)
    assert client.describe_virtual_cluster(id=TEAM)["virtualCluster"]["state"] == "TERMINATED"


def test_one_namespace_has_one_virtual_cluster(front, refused):
    client = front.client("emr-containers", "administrator")
    provider = {"type": "EKS", "id": "eks", "info": {"eksInfo": {"namespace": "n"}}}
    made = client.create_virtual_cluster(name="a", containerProvider=provider, clientToken="once")
    assert client.create_virtual_cluster(name="a", containerProvider=provider, clientToken="once")["id"] == made["id"]
    call = client.create_virtual_cluster
    code, message, _ = refused(call, name="b", containerProvider=provider, clientToken="twice")
    assert (code, "already exists" in message) == ("ValidationException", True)


def test_another_account_and_another_region_see_nothing(front, refused):
    cluster = replace(front.world.virtual_clusters[TEAM], id="foreign", account=OTHER_ACCOUNT)
    front.world.virtual_clusters["foreign"] = cluster
    front.world.endpoints["theirs"] = replace(
        front.world.endpoints[NOTEBOOKS], id="theirs", virtual_cluster=cluster, tags={"a": "b"}
    )
    client = front.client("emr-containers", "administrator")
    assert [row["name"] for row in client.list_virtual_clusters()["virtualClusters"]] == ["team"]
    call = client.describe_managed_endpoint
    assert refused(call, id="theirs", virtualClusterId="foreign")[0] == "ResourceNotFoundException"
    assert refused(call, id="theirs", virtualClusterId=TEAM)[0] == "ResourceNotFoundException"
    elsewhere = front.client("emr-containers", "administrator", region_name="eu-west-1")
    assert elsewhere.list_virtual_clusters()["virtualClusters"] == []
    assert refused(elsewhere.describe_virtual_cluster, id=TEAM)[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("operation", "params", "resource"),
    [
        ("list_virtual_clusters", {}, "*"),
        ("describe_virtual_cluster", {"id": TEAM}, f"/virtualclusters/{TEAM}"),
        ("list_managed_endpoints", {"virtualClusterId": TEAM}, f"/virtualclusters/{TEAM}"),
        ("describe_managed_endpoint", ENDPOINT, f"/virtualclusters/{TEAM}/endpoints/{NOTEBOOKS}"),
        ("delete_managed_endpoint", ENDPOINT, f"/virtualclusters/{TEAM}/endpoints/{NOTEBOOKS}"),
        ("create_managed_endpoint", MAKE, f"/virtualclusters/{TEAM}"),
    ],
)
def test_a_denial_names_action_and_resource(front, refused, operation, params, resource):
    code, message, status = refused(getattr(front.client("emr-containers", "denied"), operation), **params)
    action = "".join(word.capitalize() for word in operation.split("_"))
    arn = resource if resource == "*" else f"arn:aws:emr-containers:us-east-1:123456789012:{resource}"
    assert (code, status) == ("AccessDeniedException", 403)
    assert f"is not authorized to perform: emr-containers:{action} on resource: {arn} because" in message
    last = front.world.log.since()[-1]
    assert (last["service"], last["action"], last["region"]) == ("emr-containers", action, "us-east-1")
    assert last["principal"].endswith("user/denied")


def test_tags_of_resources_are_condition_keys(front, refused):
    front.client("iam", "administrator").put_user_policy(
        UserName="denied",
        PolicyName="by-tag",
        PolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "emr-containers:*", '
        '"Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "team"}}}}',
    )
    client = front.client("emr-containers", "denied")
    assert client.describe_virtual_cluster(id=TEAM)
    assert client.describe_managed_endpoint(**ENDPOINT)
    front.world.endpoints[NOTEBOOKS] = replace(front.world.endpoints[NOTEBOOKS], tags={"team": "other"})
    assert refused(client.describe_managed_endpoint, **ENDPOINT)[0] == "AccessDeniedException"
