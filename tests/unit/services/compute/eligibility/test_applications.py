"""The rules for EMR Serverless applications, each by itself (docs/attachable.md)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_emr_connect.aws.emr_serverless import Application, ApplicationRow
from jupyter_emr_connect.services.compute.eligibility import NOT_LOOKED_AT, judge_application, judge_application_row
from tests.unit.services.compute.eligibility.rules import rule

ROW = ApplicationRow("00f1", "a", "", "STARTED", None, "emr-7.13.0", "Spark", None)
BOTH = Application(
    id="00f1", name="a", arn="", state="STARTED", state_reason=None, release="emr-7.13.0", type="Spark",
    created_at=None, livy_endpoint_enabled=True, session_enabled=True,
)  # fmt: skip


@rule("serverless-transport", "serverless-role", "serverless-livy", "serverless-spark-connect")
def test_an_interactive_application_is_attached_to_by_livy():
    verdict = judge_application(BOTH)
    assert (verdict.attachable, verdict.reason, verdict.transports) == (True, None, ("livy",))
    assert verdict.offers == ("livy", "spark-connect")
    assert (verdict.auth, verdict.runtime_role) == ("iam", "required")


@rule("serverless-transport")
def test_an_application_with_spark_connect_alone_is_told_what_to_switch_on():
    verdict = judge_application(replace(BOTH, livy_endpoint_enabled=False))
    assert (verdict.attachable, verdict.transports) == (False, ())
    assert "It offers spark-connect, which this version cannot use: switch livyEndpointEnabled on" in str(
        verdict.reason
    )


@rule("serverless-state", "serverless-start")
@pytest.mark.parametrize("state", ["CREATED", "STARTING", "STARTED", "STOPPED"])
def test_an_application_that_runs_or_can_be_started_is_no_obstacle(state):
    for auto_start in (True, False):
        verdict = judge_application(replace(BOTH, state=state, auto_start=auto_start))
        assert verdict.attachable
        assert ("start" in verdict.details) == (state in ("CREATED", "STOPPED"))
        assert verdict.details["auto_start"] is auto_start


@rule("serverless-start")
def test_what_starts_a_stopped_application_is_told():
    stopped = replace(BOTH, state="STOPPED")
    assert "Spark Connect starts it" in judge_application(stopped).details["start"]
    for lacking in ({"auto_start": False}, {"session_enabled": False}):
        assert "Spark Connect" not in judge_application(replace(stopped, **lacking)).details["start"]


@rule("serverless-state")
@pytest.mark.parametrize("state", ["CREATING", "STOPPING", "TERMINATED"])
def test_any_other_state_is_told_first(state):
    bad = replace(BOTH, state=state, state_reason="Because.", type="Hive", livy_endpoint_enabled=False)
    assert judge_application(bad).reason == f"It is {state}: Because."
    assert judge_application_row(replace(ROW, state=state)).reason == f"It is {state}."


@rule("serverless-state-unknown")
def test_a_state_of_later_days_is_named_as_not_known():
    reason = judge_application(replace(BOTH, state="FROZEN")).reason
    assert reason == "It is in state FROZEN, which this version does not know."


@rule("serverless-type")
def test_only_spark_is_interactive():
    verdict = judge_application(replace(BOTH, type="Hive"))
    assert verdict.reason == "It is of type Hive, and only applications of type Spark are interactive."
    assert "does not name" in str(judge_application(replace(BOTH, type="")).reason)
    assert judge_application(replace(BOTH, type="SPARK")).attachable


@rule("serverless-release")
def test_interactive_use_begins_with_a_release():
    verdict = judge_application(replace(BOTH, release="emr-6.13.0"))
    assert verdict.reason == "Interactive use needs emr-6.14.0, and it runs emr-6.13.0."
    assert verdict.offers == ()
    for release in ("emr-6.14.0", "emr-spark-8.0.0", "nightly", None):
        assert "livy" in judge_application(replace(BOTH, release=release)).offers


@rule("serverless-flags")
@pytest.mark.parametrize(
    ("release", "flags"),
    [("emr-7.13.0", "switch livyEndpointEnabled or sessionEnabled on"), ("emr-7.1.0", "switch livyEndpointEnabled on")],
)
def test_an_application_without_a_way_in_is_told_which_flag_to_switch_on(release, flags):
    verdict = judge_application(replace(BOTH, release=release, livy_endpoint_enabled=False, session_enabled=False))
    assert flags in str(verdict.reason)
    assert "UpdateApplication" in str(verdict.reason)


@rule("serverless-livy", "serverless-spark-connect")
def test_each_way_in_takes_its_flag_and_its_release():
    old = replace(BOTH, release="emr-7.12.0")
    assert judge_application(old).offers == ("livy",)
    assert judge_application(replace(old, livy_endpoint_enabled=False)).offers == ()
    assert judge_application(replace(BOTH, livy_endpoint_enabled=False)).offers == ("spark-connect",)
    verdict = judge_application(replace(old, livy_endpoint_enabled=False))
    assert "Its spark-connect needs emr-7.13.0, and it runs emr-7.12.0" in str(verdict.reason)
    assert "switch livyEndpointEnabled on instead" in str(verdict.reason)


@rule("serverless-identity-center")
def test_identity_center_is_named():
    verdict = judge_application(replace(BOTH, identity_center=True))
    assert verdict.auth == "identity-center"
    assert "Identity Center" in str(verdict.reason)


@rule("serverless-row")
def test_of_a_row_state_type_and_release_are_known():
    verdict = judge_application_row(ROW)
    assert (verdict.attachable, verdict.reason) == (False, NOT_LOOKED_AT)
    assert (verdict.auth, verdict.runtime_role, verdict.offers) == ("iam", "required", ())
    assert "type Hive" in str(judge_application_row(replace(ROW, type="Hive")).reason)
    assert "emr-6.14.0" in str(judge_application_row(replace(ROW, release="emr-6.1.0")).reason)
