"""Which settings a Spark session is created with: the user's before the administrator's, what must be before both."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.livy.settings import SessionSettings
from jupyter_emr_connect.models import Compute
from jupyter_emr_connect.services.attachments.handover import ROLE_CONF, session_settings

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"
DEFAULTS = {"driverMemory": "2g", "conf": {"spark.a": "1", "spark.b": "2"}}


def compute(kind: Any = "ec2") -> Compute:
    return Compute("j-1", kind, "daily", "", "us-east-1", "123456789012", "WAITING")


@pytest.mark.parametrize(
    ("chosen", "body", "theirs"),
    [
        ({}, DEFAULTS, ["driverMemory", "spark.a", "spark.b"]),
        (
            {"driverMemory": "4g", "executorCores": 2},
            {"driverMemory": "4g", "executorCores": 2, "conf": DEFAULTS["conf"]},
            ["spark.a", "spark.b"],
        ),
        (
            {"conf": {"spark.b": "3", "spark.c": "4"}},
            {"driverMemory": "2g", "conf": {"spark.a": "1", "spark.b": "3", "spark.c": "4"}},
            ["driverMemory", "spark.a"],
        ),
        ({"driverMemory": None, "conf": {"spark.a": None, "spark.b": None}}, {}, []),
        ({"conf": None}, DEFAULTS, ["driverMemory", "spark.a", "spark.b"]),
        ({"kind": "sql", "name": "mine"}, DEFAULTS, ["driverMemory", "spark.a", "spark.b"]),
    ],
)
def test_the_users_settings_go_before_the_administrators(chosen: Any, body: Any, theirs: list[str]) -> None:
    settings = SessionSettings(DEFAULTS)
    assert settings.body(chosen) == body
    assert settings.from_administrator(chosen) == theirs


def test_nobody_goes_before_the_role_that_is_attached() -> None:
    settings = SessionSettings({"conf": {ROLE_CONF: "default"}}, {ROLE_CONF: ROLE})
    for chosen in ({}, {"conf": {ROLE_CONF: "other"}}, {"conf": {ROLE_CONF: None}}):
        assert settings.body(chosen) == {"conf": {ROLE_CONF: ROLE}}
        assert settings.from_administrator(chosen) == []


@pytest.mark.parametrize("key", ["daily", "j-1"])
def test_what_is_said_of_one_compute_goes_before_what_is_said_of_all(key: str) -> None:
    config = EMRConnect(
        session_settings={
            key: {"conf": {"spark.b": "9"}},
            "*": DEFAULTS,
            "other": {"driverMemory": "64g"},
        }
    )
    settings = session_settings(config, compute("serverless"), ROLE)
    assert settings.body({}) == {"driverMemory": "2g", "conf": {"spark.a": "1", "spark.b": "9", ROLE_CONF: ROLE}}


def test_without_settings_nothing_is_sent_but_what_must_be() -> None:
    assert session_settings(EMRConnect(), compute(), None).body({}) == {}
