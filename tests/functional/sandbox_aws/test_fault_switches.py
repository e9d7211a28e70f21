"""What `jupyter emr sandbox fault` asks of the supervisor, on a world without doors."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_emr_connect.errors import ConfigurationError
from jupyter_emr_connect.sandbox.supervisor.fault_switches import FaultSwitches

from .conftest import INTERACTIVE, NOTEBOOKS, TEAM


@pytest.fixture
def command(front):
    faults = FaultSwitches(front.world, {})

    def run(**body):
        return asyncio.run(faults.command(body))

    return run


def test_a_fault_is_narrowed_to_service_region_and_action(front, refused, command):
    options = {"service": "emr-serverless", "region": "us-east-1", "action": "ListApplications"}
    found = command(fault="throttle", options=options)
    assert found["active"] == [
        {"name": "throttle", "rate": 1.0, "compute": None, "until": None, "options": options},
    ]
    client = front.client("emr-serverless")
    assert refused(client.list_applications)[0] == "ThrottlingException"
    assert client.get_application(applicationId=INTERACTIVE)
    assert front.client("emr").list_clusters()
    assert len(command(fault="throttle", off=True, options={"region": "eu-west-1"})["active"]) == 1
    assert command(fault="throttle", off=True, options={"region": "us-east-1"})["active"] == []
    assert client.list_applications()


@pytest.mark.parametrize(
    "fault", ["down", "slow:20", "error-500", "deny:emr-containers:ListManagedEndpoints", "throttle"]
)
def test_every_fault_of_aws_can_be_switched(command, fault):
    assert [row["name"] for row in command(fault=fault)["active"]] == [fault]
    assert command(off=True)["active"] == []


@pytest.mark.parametrize(
    ("text", "compute"),
    [
        (f"{TEAM}/{NOTEBOOKS}", f"{TEAM}/{NOTEBOOKS}"),
        (NOTEBOOKS, f"{TEAM}/{NOTEBOOKS}"),
        ("notebooks", f"{TEAM}/{NOTEBOOKS}"),
        ("interactive", INTERACTIVE),
        (INTERACTIVE, INTERACTIVE),
        ("analytics", "j-SANDBOXANALYTICS0"),
    ],
)
def test_a_compute_of_any_kind_goes_by_id_or_name(command, text, compute):
    assert command(fault="deny", compute=text)["active"][0]["compute"] == compute


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"fault": "nonsense"}, "no fault 'nonsense'"),
        ({"fault": "deny", "compute": "nobody"}, "no compute 'nobody'"),
        ({"fault": "throttle", "options": {"service": "dynamodb"}}, "'dynamodb'"),
        ({"fault": "throttle", "options": {"colour": "red"}}, "colour"),
        ({"fault": "html", "options": {"region": "us-east-1"}}, "no region can narrow it"),
        ({"fault": "slow:fast"}, "'fast' is not a number"),
    ],
)
def test_what_cannot_be_is_named_and_changes_nothing(front, command, body, words):
    with pytest.raises(ConfigurationError) as caught:
        command(**body)
    assert words in caught.value.message
    assert front.world.faults.active() == []
