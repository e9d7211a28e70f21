"""Every implemented operation of EMR on EKS and EMR Serverless, through boto3 and raw, against botocore's models."""

from __future__ import annotations

import json
from dataclasses import replace

import botocore.session
import pytest
from botocore.serialize import create_serializer

from jupyter_emr_connect.sandbox.aws import emr_containers, emr_serverless

from .conftest import INTERACTIVE, NOTEBOOKS, ROLES, TEAM

ENDPOINT = {"id": NOTEBOOKS, "virtualClusterId": TEAM}
OVERRIDES = {"applicationConfiguration": [{"classification": "jeg-config", "properties": {"a": "b"}}]}
APPLICATION = {"applicationId": INTERACTIVE}
CASES = {
    "emr-containers": {
        "ListVirtualClusters": {"states": ["RUNNING"], "maxResults": 1},
        "DescribeVirtualCluster": {"id": TEAM},
        "CreateVirtualCluster": {
            "name": "made",
            "containerProvider": {"type": "EKS", "id": "eks", "info": {"eksInfo": {"namespace": "n"}}},
            "clientToken": "t",
            "tags": {"a": "b"},
        },
        "DeleteVirtualCluster": {"id": "empty00000000000000000000"},
        "ListManagedEndpoints": {
            "virtualClusterId": TEAM,
            "states": ["ACTIVE"],
            "types": ["JUPYTER_ENTERPRISE_GATEWAY"],
        },
        "DescribeManagedEndpoint": ENDPOINT,
        "CreateManagedEndpoint": {
            "name": "made",
            "virtualClusterId": TEAM,
            "type": "JUPYTER_ENTERPRISE_GATEWAY",
            "releaseLabel": "emr-7.0.0-latest",
            "executionRoleArn": f"{ROLES}/EMRAnalyst",
            "configurationOverrides": OVERRIDES,
            "clientToken": "t",
        },
        "DeleteManagedEndpoint": ENDPOINT,
        "GetManagedEndpointSessionCredentials": {
            "endpointIdentifier": NOTEBOOKS,
            "virtualClusterIdentifier": TEAM,
            "executionRoleArn": f"{ROLES}/EMRAnalyst",
            "credentialType": "TOKEN",
            "clientToken": "t",
        },
    },
    "emr-serverless": {
        "ListApplications": {"maxResults": 50, "states": ["STARTED"]},
        "GetApplication": APPLICATION,
        "CreateApplication": {
            "name": "made",
            "releaseLabel": "emr-7.1.0",
            "type": "SPARK",
            "clientToken": "t",
            "maximumCapacity": {"cpu": "4 vCPU", "memory": "16 GB"},
            "networkConfiguration": {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]},
            "tags": {"a": "b"},
        },
        "UpdateApplication": {"applicationId": "00fstopped000000", "clientToken": "t", "architecture": "ARM64"},
        "StartApplication": {"applicationId": "00fstopped000000"},
        "StopApplication": APPLICATION,
        "DeleteApplication": {"applicationId": "00fstopped000000"},
    },
}
SERVICES = {"emr-containers": emr_containers.SERVICE, "emr-serverless": emr_serverless.SERVICE}
ALL = [(service, operation) for service, operations in CASES.items() for operation in operations]


@pytest.fixture
def filled(front):
    """A front where every case has something to work on."""
    cluster = front.world.virtual_clusters[TEAM]
    front.world.virtual_clusters["empty00000000000000000000"] = replace(
        cluster, id="empty00000000000000000000", namespace="other"
    )
    application = front.world.applications[INTERACTIVE]
    front.world.applications["00fstopped000000"] = replace(application, id="00fstopped000000", state="STOPPED")
    return front


@pytest.mark.parametrize("service", CASES)
def test_every_operation_has_a_case(service):
    assert set(CASES[service]) == set(SERVICES[service].handlers)


@pytest.mark.parametrize(("service", "operation"), ALL)
def test_boto3_understands_the_answer(filled, service, operation):
    client = filled.client(service, "administrator")
    method = next(name for name, api in client.meta.method_to_api_mapping.items() if api == operation)
    answer = getattr(client, method)(**CASES[service][operation])
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize(("service", "operation"), ALL)
def test_the_raw_answer_fits_the_model(filled, misfits, service, operation):
    model = botocore.session.get_session().get_service_model(service)
    serialized = create_serializer(model.protocol).serialize_to_request(
        CASES[service][operation], model.operation_model(operation)
    )
    query = "&".join(
        f"{name}={value}"
        for name, values in serialized["query_string"].items()
        for value in (values if isinstance(values, list) else [values])
    )
    answer = filled.send_signed(
        serialized["body"] or b"",
        profile="administrator",
        service=service,
        path=serialized["url_path"] + (f"?{query}" if query else ""),
        method=serialized["method"],
        Content_Type="application/json",
    )
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert misfits(service, operation, json.loads(answer.body)) == []
