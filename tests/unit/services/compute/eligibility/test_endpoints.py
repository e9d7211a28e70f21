"""The rules for EMR on EKS managed endpoints, each by itself (docs/attachable.md)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_emr_connect.aws.emr_containers import Endpoint
from jupyter_emr_connect.services.compute.eligibility import NetworkReach, judge_endpoint
from tests.unit.services.compute.eligibility.rules import rule

ROLE = "arn:aws:iam::123456789012:role/Own"
READY = Endpoint(
    id="e1", name="notebooks", arn="", virtual_cluster="vc1", type="JUPYTER_ENTERPRISE_GATEWAY", state="ACTIVE",
    release="emr-7.0.0-latest", execution_role=ROLE, url="https://10.0.0.9:18888",
)  # fmt: skip


@rule("eks-state", "eks-type-gateway", "eks-auth", "eks-role")
def test_an_active_endpoint_with_a_gateway_is_attachable():
    verdict = judge_endpoint(READY)
    assert (verdict.attachable, verdict.reason) == (True, None)
    assert verdict.transports == verdict.offers == ("gateway",)
    assert (verdict.auth, verdict.runtime_role) == ("iam", "optional")
    assert ROLE in verdict.details["runtime_role_default"]


@rule("eks-state")
@pytest.mark.parametrize("state", ["CREATING", "TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"])
def test_any_other_state_is_told_with_awss_reasons(state):
    bad = replace(READY, state=state, failure_reason="USER_ERROR", state_reason="No such security group.")
    assert judge_endpoint(bad).reason == f"It is {state}: USER_ERROR: No such security group."
    assert judge_endpoint(replace(READY, state=state)).reason == f"It is {state}."


@rule("eks-state-unknown")
def test_a_state_of_later_days_is_named_as_not_known():
    verdict = judge_endpoint(replace(READY, state="PAUSED"))
    assert verdict.reason == "It is in state PAUSED, which this version does not know."
    assert not verdict.attachable
    assert judge_endpoint(replace(READY, state="")).reason == "AWS does not say in which state it is."


@rule("eks-virtual-cluster")
def test_the_virtual_cluster_has_to_run():
    assert judge_endpoint(READY, virtual_cluster_state="RUNNING").attachable
    verdict = judge_endpoint(READY, virtual_cluster_state="ARRESTED")
    assert verdict.reason == "Its virtual cluster vc1 is ARRESTED."
    assert not verdict.attachable


@rule("eks-type-spark-connect")
def test_a_spark_connect_endpoint_is_offered_and_not_driven():
    verdict = judge_endpoint(replace(READY, type="SPARK_CONNECT"))
    assert (verdict.attachable, verdict.transports, verdict.offers) == (False, (), ("spark-connect",))
    assert verdict.reason == "It offers spark-connect, which this version cannot use."


@rule("eks-type-livy")
def test_an_endpoint_with_livy_is_reached_by_livy():
    verdict = judge_endpoint(replace(READY, type="LIVY"))
    assert (verdict.attachable, verdict.transports, verdict.auth) == (True, ("livy",), "iam")


@rule("eks-type-unknown")
def test_another_type_is_shown_and_not_attachable():
    verdict = judge_endpoint(replace(READY, type="TRINO"))
    assert (verdict.attachable, verdict.offers) == (False, ())
    assert verdict.reason == "Its type TRINO is not known to this version."
    assert judge_endpoint(replace(READY, type="")).reason == "AWS does not say of which type it is."


@rule("eks-release")
@pytest.mark.parametrize(
    ("release", "good"),
    [("emr-6.6.0-latest", False), ("emr-5.34.0-latest", False), ("emr-6.7.0-latest", True), (None, True), ("x", True)],
)
def test_gateways_exist_from_one_release_on(release, good):
    verdict = judge_endpoint(replace(READY, release=release))
    assert verdict.attachable == good
    assert good or "emr-6.7.0" in str(verdict.reason)


@rule("eks-address")
def test_without_an_address_there_is_nothing_to_reach():
    verdict = judge_endpoint(replace(READY, url=None))
    assert not verdict.attachable
    assert "serverUrl" in str(verdict.reason)


@rule("eks-role")
def test_a_role_has_to_be_chosen_where_the_endpoint_names_none():
    verdict = judge_endpoint(replace(READY, execution_role=None))
    assert verdict.runtime_role == "required"
    assert "runtime_role_default" not in verdict.details


@rule("eks-reach")
def test_only_an_endpoint_that_is_surely_out_of_reach_is_refused():
    assert judge_endpoint(READY, reach=NetworkReach(False, "It is far away.")).reason == "It is far away."
    assert judge_endpoint(READY, reach=NetworkReach(None)).attachable


@rule("eks-order")
def test_what_stands_in_the_way_for_longest_is_told_first():
    worst = replace(READY, state="TERMINATED", type="TRINO", release="emr-5.30.0", url=None)
    told = []
    for better in ({"state": "ACTIVE"}, {"type": READY.type}, {"release": READY.release}, {"url": READY.url}, {}):
        told.append(str(judge_endpoint(worst, reach=NetworkReach(False, "It is far away.")).reason))
        worst = replace(worst, **better)
    first_words = ["It is TERM", "Its type", "Endpoints", "AWS does not name its address", "It is far"]
    assert [text.startswith(words) for text, words in zip(told, first_words, strict=True)] == [True] * 5, told
