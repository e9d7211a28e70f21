"""GetManagedEndpointSessionCredentials: which role, on which endpoint, for whom, for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_emr_connect.sandbox.world.world import OTHER_ACCOUNT

from .conftest import NOTEBOOKS, ROLES, TEAM

ARN = f"arn:aws:emr-containers:us-east-1:123456789012:/virtualclusters/{TEAM}"
ASK = {
    "endpointIdentifier": NOTEBOOKS,
    "virtualClusterIdentifier": TEAM,
    "executionRoleArn": f"{ROLES}/EMRAnalyst",
    "credentialType": "TOKEN",
}


def call(front, profile="developer"):
    return front.client("emr-containers", profile).get_managed_endpoint_session_credentials


@pytest.mark.parametrize(
    ("endpoint", "cluster"),
    [
        (NOTEBOOKS, TEAM),
        (f"{ARN}/endpoints/{NOTEBOOKS}", ARN),
        (f"{ARN}/endpoints/{NOTEBOOKS}", TEAM),
        (NOTEBOOKS, ARN),
    ],
)
def test_ids_and_arns_name_the_endpoint(front, endpoint, cluster):
    answer = call(front)(**{**ASK, "endpointIdentifier": endpoint, "virtualClusterIdentifier": cluster})
    token = front.world.tokens.check(NOTEBOOKS, answer["credentials"]["token"])
    assert token is not None
    assert (token.id, token.role_arn) == (answer["id"], f"{ROLES}/EMRAnalyst")
    assert token.caller_arn == "arn:aws:iam::123456789012:user/developer"
    assert abs(answer["expiresAt"].timestamp() - token.expires_at) < 1


@pytest.mark.parametrize(("asked", "seconds"), [(None, 900), (60, 60), (3600, 3600), (43_200, 43_200)])
def test_a_token_lives_as_long_as_asked_for(front, asked, seconds):
    answer = call(front)(**ASK, **({"durationInSeconds": asked} if asked else {}))
    left = front.world.tokens.check(NOTEBOOKS, answer["credentials"]["token"]).expires_at - front.clock.now
    assert seconds - 5 < left < seconds + 60


@pytest.mark.parametrize(
    "params",
    [
        {"durationInSeconds": 43_201},
        {"durationInSeconds": 0},
        {"durationInSeconds": -1},
        {"credentialType": "PASSWORD"},
        {"credentialType": " "},
        {"executionRoleArn": "arn:aws:iam::123456789012:user/developer"},
        {"executionRoleArn": "arn:aws:iam::12:role/EMRAnalyst"},
        {"executionRoleArn": f"{ROLES}/NoSuchRole"},
        {"executionRoleArn": f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRPartner"},
        {"logContext": "UPPER"},
        {"endpointIdentifier": "not an id"},
        {"endpointIdentifier": f"{ARN}/nonsense"},
        {"virtualClusterIdentifier": f"{ARN}/endpoints"},
        {"endpointIdentifier": "e" * 2049},
    ],
)
def test_what_cannot_be_is_refused(front, refused, params):
    code, message, status = refused(call(front, "administrator"), **{**ASK, **params})
    assert (code, status) == ("ValidationException", 400)
    assert message


@pytest.mark.parametrize(
    "params",
    [
        {"endpointIdentifier": "none"},
        {"virtualClusterIdentifier": "none"},
        {"endpointIdentifier": f"{ARN.replace('us-east-1', 'eu-west-1')}/endpoints/{NOTEBOOKS}"},
    ],
)
def test_an_endpoint_that_is_not_there_is_a_400_too(front, refused, params):
    found = refused(call(front, "administrator"), **{**ASK, **params})
    assert found[::2] == ("ResourceNotFoundException", 400)


@pytest.mark.parametrize("state", ["CREATING", "TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"])
def test_only_an_active_endpoint_gives_tokens(front, refused, state):
    front.world.endpoints[NOTEBOOKS] = replace(front.world.endpoints[NOTEBOOKS], state=state)
    code, message, _ = refused(call(front), **ASK)
    assert (code, f"in state {state}" in message) == ("ValidationException", True)


@pytest.mark.parametrize(
    ("profile", "role", "allowed"),
    [
        ("developer", "EMRAnalyst", True),
        ("developer", "EMREngineer", True),
        ("developer", "EMRForbidden", False),
        ("analyst", "EMRAnalyst", True),
        ("analyst", "EMREngineer", False),
        ("administrator", "EMREngineer", True),
        ("administrator", "EMRForbidden", False),
        ("denied", "EMRAnalyst", False),
    ],
)
def test_iam_decides_by_the_role(front, refused, profile, role, allowed):
    params = {**ASK, "executionRoleArn": f"{ROLES}/{role}"}
    if allowed:
        assert call(front, profile)(**params)["credentials"]["token"]
        return
    code, message, status = refused(call(front, profile), **params)
    assert (code, status) == ("AccessDeniedException", 403)
    action = "emr-containers:GetManagedEndpointSessionCredentials"
    assert f"not authorized to perform: {action} on resource: {ARN}/endpoints/{NOTEBOOKS}" in message


def test_an_arn_of_another_account_is_denied(front, refused):
    foreign = ARN.replace("123456789012", OTHER_ACCOUNT)
    params = {"endpointIdentifier": f"{foreign}/endpoints/{NOTEBOOKS}", "virtualClusterIdentifier": foreign}
    code, message, _ = refused(call(front, "administrator"), **{**ASK, **params})
    assert code == "AccessDeniedException"
    assert "because no resource-based policy allows" in message


def test_no_secret_is_logged(front):
    value = call(front)(**ASK)["credentials"]["token"]
    row = front.world.log.since()[-1]
    assert row["action"] == "GetManagedEndpointSessionCredentials"
    assert value not in str(front.world.log.since())
    assert value not in repr(front.world.tokens.check(NOTEBOOKS, value))
