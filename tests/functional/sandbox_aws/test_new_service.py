"""A further service is a ``Service`` with handlers and checks: shown with a REST-JSON one made on the spot."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from jupyter_emr_connect.sandbox.aws.failures import Refusal
from jupyter_emr_connect.sandbox.aws.limits import BucketRate
from jupyter_emr_connect.sandbox.aws.service import Check, Service

MADE = datetime(2026, 1, 1, tzinfo=timezone.utc)
ARN = "arn:aws:emr-serverless:us-east-1:123456789012:/applications/{}"


def list_applications(call):
    shown = {"id": "00f1", "arn": ARN.format("00f1"), "releaseLabel": "emr-7.0.0", "type": "Spark", "state": "STARTED"}
    shown |= {"name": ",".join(call.params.get("states", [])), "createdAt": MADE, "updatedAt": MADE}
    return {"applications": [shown] * int(call.params["maxResults"]), "nextToken": call.params.get("nextToken", "n")}


def get_application(call):
    if call.params["applicationId"] != "00f1":
        raise Refusal(NOT_FOUND, "Application does not exist", status=404)
    found = {"applicationId": "00f1", "arn": ARN.format("00f1"), "releaseLabel": "emr-7.0.0", "type": "Spark"}
    return {"application": {**found, "state": "STARTED", "createdAt": MADE, "updatedAt": MADE}}


NOT_FOUND = "ResourceNotFoundException"


@pytest.fixture
def serverless(front):
    service = Service(
        name="emr-serverless",
        model="emr-serverless",
        prefix="emr-serverless",
        checks=lambda call: [Check(f"emr-serverless:{call.action}", ARN.format(call.params.get("applicationId", "")))],
        handlers={"ListApplications": list_applications, "GetApplication": get_application},
        rates={"GetApplication": BucketRate(3, 1)},
        compute=lambda call: call.params.get("applicationId"),
    )
    front.app.services = {**front.app.services, service.name: service}
    return front


def test_parameters_come_from_path_and_query(serverless):
    client = serverless.client("emr-serverless", "administrator")
    answer = client.list_applications(maxResults=2, states=["STARTED", "CREATED"], nextToken="a b&c")
    assert [each["name"] for each in answer["applications"]] == ["STARTED,CREATED"] * 2
    assert answer["nextToken"] == "a b&c"
    found = client.get_application(applicationId="00f1")["application"]
    assert found["createdAt"] == MADE


def test_refusals_have_the_rest_form(serverless, refused):
    client = serverless.client("emr-serverless", "administrator")
    assert refused(client.get_application, applicationId="00f2") == (
        "ResourceNotFoundException",
        "Application does not exist",
        404,
    )
    code, message, status = refused(serverless.client("emr-serverless", "denied").get_application, applicationId="00f1")
    assert (code, status) == ("AccessDeniedException", 403)
    assert f"emr-serverless:GetApplication on resource: {ARN.format('00f1')}" in message
    refused(client.get_application, applicationId="00f2")
    assert refused(client.get_application, applicationId="00f1") == ("ThrottlingException", "Rate exceeded", 429)
    wrong = serverless.client("emr-serverless", aws_secret_access_key="x")
    assert refused(wrong.get_application, applicationId="00f1")[::2] == ("InvalidSignatureException", 403)


def test_its_faults_are_its_own(serverless, refused):
    serverless.world.faults.set("deny", options={"service": "emr-serverless", "region": "us-east-1"})
    client = serverless.client("emr-serverless", "administrator")
    assert refused(client.list_applications, maxResults=1)[0] == "AccessDeniedException"
    serverless.client("emr").list_clusters()
    serverless.world.faults.clear("deny")
    serverless.world.faults.set("error-500", compute="00f1")
    assert refused(client.get_application, applicationId="00f1")[2] == 500
    client.list_applications(maxResults=1)


def test_what_it_has_not_says_so(serverless, refused):
    client = serverless.client("emr-serverless", "administrator")
    code, message, status = refused(client.stop_application, applicationId="00f1")
    assert (code, status) == ("UnknownOperationException", 501)
    assert "emr-serverless:StopApplication" in message
