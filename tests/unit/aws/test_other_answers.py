"""What EMR on EKS, EMR Serverless and EC2 answer, with parts of it lost."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_emr_connect.aws import ec2, emr_containers, emr_serverless
from jupyter_emr_connect.services.compute.eligibility import judge_application, judge_application_row, judge_endpoint
from tests.unit.aws.answers import damaged
from tests.unit.aws.test_emr_answers import session

MADE = datetime(2026, 11, 24, 9, 0, tzinfo=timezone.utc)
NOBODY: Any = None  # a session that cannot be asked
ENDPOINT = {
    "id": "e1",
    "name": "notebooks",
    "arn": "arn:aws:emr-containers:eu-west-1:1:/virtualclusters/vc1/endpoints/e1",
    "virtualClusterId": "vc1",
    "type": "JUPYTER_ENTERPRISE_GATEWAY",
    "state": "ACTIVE",
    "releaseLabel": "emr-7.0.0-latest",
    "executionRoleArn": "arn:aws:iam::1:role/Own",
    "serverUrl": "https://10.0.0.9:18888",
    "certificateAuthority": {"certificateArn": "a", "certificateData": "LS0t"},
    "subnetIds": ["subnet-1"],
    "stateDetails": "",
    "createdAt": MADE,
    "tags": {"team": "data"},
}
APPLICATION = {
    "applicationId": "00f1",
    "name": "interactive",
    "arn": "arn:aws:emr-serverless:eu-west-1:1:/applications/00f1",
    "releaseLabel": "emr-7.13.0",
    "type": "Spark",
    "state": "STARTED",
    "createdAt": MADE,
    "maximumCapacity": {"cpu": "4vCPU", "memory": "16GB"},
    "autoStartConfiguration": {"enabled": True},
    "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": 15},
    "networkConfiguration": {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]},
    "interactiveConfiguration": {"studioEnabled": True, "livyEndpointEnabled": True, "sessionEnabled": True},
    "identityCenterConfiguration": {"identityCenterInstanceArn": "arn"},
    "tags": {"team": "data"},
}


def lossy(value: object, *kept: str) -> st.SearchStrategy[dict[str, object]]:
    """An answer of which members are lost at any depth."""
    return damaged(value, changed=False, kept=kept)


@given(lossy(ENDPOINT, "id"))
def test_a_lossy_endpoint_is_judged(endpoint):
    found = emr_containers.describe_endpoint(session({"endpoint": endpoint}), "vc1", "e1")
    assert found is not None
    judge_endpoint(found)


@given(lossy({"endpoints": [ENDPOINT, ENDPOINT]}))
def test_lossy_rows_of_endpoints_are_judged(answer):
    for page in emr_containers.list_endpoints(session(answer), "vc1"):
        for one in page:
            judge_endpoint(one)


@given(lossy(APPLICATION))
def test_a_lossy_application_is_judged(application):
    found = emr_serverless.get_application(session({"application": application}), "00f1")
    assert found is not None
    judge_application(found)


@given(lossy({"applications": [{**APPLICATION, "id": "00f1"}]}))
def test_lossy_rows_of_applications_are_judged(answer):
    for page in emr_serverless.list_applications(session(answer)):
        for row in page:
            judge_application_row(row)


@given(lossy({"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1"}, {"SubnetId": "subnet-2", "VpcId": "vpc-2"}]}))
def test_a_lossy_subnet_is_left_out(answer):
    found = ec2.subnet_vpcs(session(answer), ["subnet-1", "subnet-2"])
    assert set(found.items()) <= {("subnet-1", "vpc-1"), ("subnet-2", "vpc-2")}


@pytest.mark.parametrize("wanted", [[], [""]])
def test_no_subnet_is_not_asked_for(wanted):
    assert ec2.subnet_vpcs(NOBODY, wanted) == {}
    assert ec2.vpc_details(NOBODY, wanted) == {}
