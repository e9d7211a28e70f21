"""EMR Serverless: applications listed, described, made, started, stopped, changed and deleted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from jupyter_emr_connect.sandbox.world.world import OTHER_ACCOUNT

from .conftest import INTERACTIVE

MAKE = {"name": "made", "releaseLabel": "emr-7.1.0", "type": "Spark", "clientToken": "once"}


def add(front, key, **fields):
    front.world.applications[key] = replace(front.world.applications[INTERACTIVE], id=key, **fields)
    return key


def test_the_standard_application_has_every_way_in(front):
    client = front.client("emr-serverless")
    row = client.list_applications()["applications"][0]
    assert (row["id"], row["name"], row["state"]) == (INTERACTIVE, "interactive", "STARTED")
    found = client.get_application(applicationId=INTERACTIVE)["application"]
    assert found["interactiveConfiguration"] == {
        "studioEnabled": True,
        "livyEndpointEnabled": True,
        "sessionEnabled": True,
    }
    assert found["arn"] == f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{INTERACTIVE}" == row["arn"]
    assert (found["releaseLabel"], found["type"], found["tags"]["owner"]) == ("emr-7.13.0", "Spark", "sandbox")
    assert found["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 15}


def test_pages_of_50(front):
    made = front.world.applications[INTERACTIVE].created_at
    for number in range(120):
        add(front, f"00f{number:013d}", created_at=made - timedelta(minutes=number + 1))
    client = front.client("emr-serverless")
    pages = [page["applications"] for page in client.get_paginator("list_applications").paginate()]
    assert [len(page) for page in pages] == [50, 50, 21]
    assert len({row["id"] for page in pages for row in page}) == 121
    assert pages[0][0]["id"] == INTERACTIVE
    assert len(client.list_applications(maxResults=7)["applications"]) == 7


@pytest.mark.parametrize(
    "query",
    [
        "maxResults=51",
        "maxResults=0",
        "states=SLEEPING",
        "&".join(["states=STARTED"] * 8),
        "nextToken=%21%21%21",
        "nextToken=abcd",
        "nextToken=" + "a" * 2000,
    ],
)
def test_bad_lists_are_refused(front, query):
    answer = front.send_signed(b"", service="emr-serverless", path=f"/applications?{query}", method="GET")
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert json.loads(answer.body)["message"]


def test_states_filter(front):
    add(front, "00fstopped000000", state="STOPPED")
    client = front.client("emr-serverless")
    assert [row["id"] for row in client.list_applications(states=["STOPPED"])["applications"]] == ["00fstopped000000"]
    assert len(client.list_applications(states=["STOPPED", "STARTED"])["applications"]) == 2


def test_another_account_and_another_region_see_nothing(front, refused):
    add(front, "00fforeign000000", account=OTHER_ACCOUNT)
    client = front.client("emr-serverless", "administrator")
    assert [row["id"] for row in client.list_applications()["applications"]] == [INTERACTIVE]
    for key in ("00fforeign000000", "00fnone"):
        assert refused(client.get_application, applicationId=key)[::2] == ("ResourceNotFoundException", 404)
    elsewhere = front.client("emr-serverless", "administrator", region_name="eu-west-1")
    assert elsewhere.list_applications()["applications"] == []
    assert refused(elsewhere.get_application, applicationId=INTERACTIVE)[0] == "ResourceNotFoundException"


def test_an_application_lives(front, refused):
    client = front.client("emr-serverless", "administrator")
    flags = {"livyEndpointEnabled": True}
    stop = {"enabled": False}
    made = client.create_application(
        **MAKE, interactiveConfiguration=flags, autoStopConfiguration=stop, tags={"a": "b"}
    )
    key = made["applicationId"]
    assert client.create_application(**MAKE)["applicationId"] == key

    def found():
        return client.get_application(applicationId=key)["application"]

    assert found()["state"] == "CREATING"
    assert refused(client.start_application, applicationId=key)[::2] == ("ValidationException", 400)
    front.clock.forward(3)
    assert found()["state"] == "CREATED"
    assert found()["interactiveConfiguration"]["livyEndpointEnabled"] is True
    assert found()["autoStopConfiguration"] == {"enabled": False}
    front.world.faults.set("quota", compute=key)
    assert refused(client.start_application, applicationId=key)[::2] == ("ServiceQuotaExceededException", 402)
    front.world.faults.clear("quota")
    client.start_application(applicationId=key)
    assert found()["state"] == "STARTING"
    front.clock.forward(3)
    assert found()["state"] == "STARTED"
    assert found()["updatedAt"] > found()["createdAt"]
    client.start_application(applicationId=key)
    for call in (client.delete_application, client.update_application):
        code, message, _ = refused(call, applicationId=key)
        assert (code, "in state STARTED" in message) == ("ValidationException", True)
    client.stop_application(applicationId=key)
    assert found()["state"] == "STOPPING"
    front.clock.forward(3)
    changed = client.update_application(applicationId=key, interactiveConfiguration={"sessionEnabled": True})
    assert changed["application"]["interactiveConfiguration"]["sessionEnabled"] is True
    assert changed["application"]["state"] == "STOPPED"
    client.delete_application(applicationId=key)
    assert found()["state"] == "TERMINATED"
    assert refused(client.start_application, applicationId=key)[0] == "ValidationException"


@pytest.mark.parametrize(
    "params",
    [{"type": "Flink"}, {"releaseLabel": "emr-seven"}, {"name": "with space"}, {"name": "n" * 10_000}],
)
def test_what_cannot_be_made_is_refused(front, refused, params):
    call = front.client("emr-serverless", "administrator").create_application
    assert refused(call, **{**MAKE, **params})[::2] == ("ValidationException", 400)


@pytest.mark.parametrize("path", ["/applications/J-1", "/applications/..%2f..%2fetc", "/applications/" + "a" * 65])
def test_malformed_ids_are_refused(front, path):
    answer = front.send_signed(b"", "administrator", "emr-serverless", path, method="GET")
    assert (answer.status, answer.code) == (400, "ValidationException")


@pytest.mark.parametrize("profile", ["developer", "analyst"])
def test_users_read_and_start_and_change_nothing(front, refused, profile):
    client = front.client("emr-serverless", profile)
    assert client.list_applications()["applications"]
    assert client.get_application(applicationId=INTERACTIVE)
    assert client.start_application(applicationId=INTERACTIVE)  # what each connection begins with
    for call in (client.stop_application, client.delete_application):
        assert refused(call, applicationId=INTERACTIVE)[::2] == ("AccessDeniedException", 403)
    assert refused(client.create_application, **MAKE)[0] == "AccessDeniedException"


def test_denied_is_denied(front, refused):
    client = front.client("emr-serverless", "denied")
    _, message, _ = refused(client.list_applications)
    assert "emr-serverless:ListApplications on resource: * because" in message
    arn = f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{INTERACTIVE}"
    _, message, _ = refused(client.get_application, applicationId=INTERACTIVE)
    assert f"emr-serverless:GetApplication on resource: {arn} because" in message
    rows = [(row["service"], row["action"], row["region"]) for row in front.world.log.since()]
    assert rows == [("emr-serverless", name, "us-east-1") for name in ("ListApplications", "GetApplication")]


def test_tags_of_an_application_are_a_condition_key(front, refused):
    front.client("iam", "administrator").put_user_policy(
        UserName="denied",
        PolicyName="by-tag",
        PolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "emr-serverless:*", '
        '"Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "interactive"}}}}',
    )
    client = front.client("emr-serverless", "denied")
    assert client.get_application(applicationId=INTERACTIVE)
    other = add(front, "00fother00000000", tags={"team": "other"})
    assert refused(client.get_application, applicationId=other)[0] == "AccessDeniedException"
