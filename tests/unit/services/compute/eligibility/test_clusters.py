"""The rules for EMR on EC2 clusters, each by itself (docs/attachable.md)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_emr_connect.aws.emr import Cluster, ClusterRow, SecurityConfiguration
from jupyter_emr_connect.services.compute.eligibility import (
    NOT_LOOKED_AT,
    NetworkReach,
    judge,
    judge_row,
    offered_transports,
)
from tests.unit.services.compute.eligibility.rules import rule

STUDIO = {"Spark": "3.5.0", "Livy": "0.7.1", "JupyterEnterpriseGateway": "2.6.0"}
PLAIN = Cluster(
    id="j-1", name="c", arn="", state="WAITING", state_reason=None, created_at=None, release="emr-7.0.0",
    applications=STUDIO,
)  # fmt: skip
ROLES = SecurityConfiguration("sc", runtime_roles=True)
TLS = SecurityConfiguration("tls-only", in_transit_encryption=True)
OUT = NetworkReach(False, "It is far away.")


def livy(**properties: str) -> Cluster:
    return replace(PLAIN, settings={"livy-conf": {f"livy.{key}": value for key, value in properties.items()}})


@rule("ec2-state")
@pytest.mark.parametrize("state", ["RUNNING", "WAITING"])
def test_a_running_cluster_with_a_gateway_is_attachable(state):
    verdict = judge(replace(PLAIN, state=state), None)
    assert verdict.attachable
    assert verdict.reason is None


@rule("ec2-state")
@pytest.mark.parametrize("state", ["STARTING", "BOOTSTRAPPING", "TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"])
def test_any_other_state_is_not_attachable_and_named(state):
    verdict = judge(replace(PLAIN, state=state, state_reason="Because."), None)
    assert not verdict.attachable
    assert verdict.reason == f"It is {state}: Because."


@rule("ec2-state-unknown")
def test_a_state_of_later_days_is_named_as_not_known():
    verdict = judge(replace(PLAIN, state="HIBERNATING", state_reason=" "), None)
    assert not verdict.attachable
    assert verdict.reason == "It is in state HIBERNATING, which this version does not know."
    assert judge(replace(PLAIN, state="UNKNOWN"), None).reason == "AWS does not say in which state it is."


@rule("ec2-row")
def test_of_a_row_the_state_alone_is_known():
    row = ClusterRow("j-1", "c", "", "TERMINATED", "Done", None)
    assert judge_row(row).reason == "It is TERMINATED: Done."
    verdict = judge_row(replace(row, state="RUNNING"))
    assert (verdict.attachable, verdict.reason, verdict.runtime_role) == (False, NOT_LOOKED_AT, "unknown")
    assert verdict.transports == verdict.offers == ()


@rule("ec2-gateway", "ec2-applications")
@pytest.mark.parametrize(
    ("applications", "words", "unwanted"),
    [
        ({"Spark": "2.4"}, "Livy is missing too", "Spark is missing"),
        ({"Livy": "0.7"}, "Spark is missing too", "Livy is missing"),
        ({}, "Livy and Spark are missing too", "offers"),
    ],
)
def test_without_the_gateway_and_livy_on_spark_there_is_no_way_in(applications, words, unwanted):
    verdict = judge(replace(PLAIN, applications=applications), None)
    assert not verdict.attachable
    assert verdict.transports == ()
    assert str(verdict.reason).startswith("Jupyter Enterprise Gateway is not installed on it")
    assert words in str(verdict.reason)
    assert unwanted not in str(verdict.reason)


@rule("ec2-applications")
def test_a_gateway_without_livy_still_serves_python_and_says_what_is_missing():
    verdict = judge(replace(PLAIN, applications={"JupyterEnterpriseGateway": "2.6.0"}), None)
    assert verdict.attachable
    assert verdict.details["missing_applications"] == ["Livy", "Spark"]
    assert "missing_applications" not in judge(PLAIN, None).details


@rule("ec2-gateway", "ec2-livy", "ec2-driven")
def test_the_ways_in_are_all_offered_and_only_the_driven_ones_used():
    verdict = judge(replace(PLAIN, session_enabled=True, release="emr-spark-8.0.0"), None)
    assert verdict.offers == ("gateway", "livy", "spark-connect")
    assert verdict.transports == ("gateway", "livy")
    assert judge(replace(PLAIN, applications={"Spark": "2.4", "Livy": "0.7"}), None).transports == ("livy",)
    assert offered_transports(replace(PLAIN, applications={"Spark": "1"})) == ()


@rule("ec2-spark-connect")
def test_spark_connect_takes_sessions_spark_its_release_and_one_primary_node():
    able = replace(PLAIN, session_enabled=True, release="emr-spark-8.0.0")
    assert "spark-connect" in offered_transports(able)
    assert "spark-connect" in offered_transports(replace(able, primary_count=1))
    for lacking in (
        {"session_enabled": False},
        {"applications": {"Livy": "0.8"}},
        {"release": "emr-7.13.0"},
        {"release": "emr-spark-7.9.9"},
        {"primary_count": 3},
    ):
        assert "spark-connect" not in offered_transports(replace(able, **lacking))


@rule("ec2-roles-off")
def test_roles_are_unsupported_without_a_security_configuration_or_when_not_switched_on():
    verdict = judge(PLAIN, None)
    assert verdict.runtime_role == "unsupported"
    assert "no security configuration" in str(verdict.role_reason)
    verdict = judge(PLAIN, TLS)
    assert verdict.runtime_role == "unsupported"
    assert "'tls-only'" in str(verdict.role_reason)


@rule("ec2-roles-on", "ec2-auth-basic")
def test_roles_are_required_when_switched_on_and_take_a_basic_pair():
    verdict = judge(PLAIN, ROLES)
    assert (verdict.runtime_role, verdict.auth, verdict.role_reason) == ("required", "basic", None)
    assert judge(PLAIN, TLS).auth == judge(PLAIN, None).auth == "none"


@rule("ec2-roles-release", "ec2-roles-release-form")
@pytest.mark.parametrize(
    ("release", "support"),
    [
        ("emr-5.36.0", "unsupported"),
        ("emr-6.7.0", "unsupported"),
        ("emr-6.8.1", "unsupported"),
        ("emr-6.10.1", "required"),
        ("emr-6.11.0", "required"),
        ("emr-7.13.0", "required"),
        ("emr-spark-8.0.0", "required"),
        ("emr-spark-9.1.0-latest", "required"),
        ("custom-1", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_release_decides_over_roles(release, support):
    verdict = judge(replace(PLAIN, release=release), ROLES)
    assert verdict.runtime_role == support
    assert (verdict.role_reason is None) == (support == "required")
    assert verdict.attachable


@rule("ec2-roles-release")
def test_a_way_in_that_ignores_roles_is_not_used_with_them():
    assert judge(replace(PLAIN, release="emr-6.10.1"), ROLES).transports == ("livy",)
    assert judge(replace(PLAIN, release="emr-6.11.0"), ROLES).transports == ("gateway", "livy")
    only_gateway = replace(PLAIN, release="emr-6.10.1", applications={"JupyterEnterpriseGateway": "2"})
    assert judge(only_gateway, ROLES).runtime_role == "unsupported"


@rule("ec2-roles-release")
@pytest.mark.parametrize(("release", "support"), [("emr-6.8.1", "unsupported"), ("emr-6.9.0", "required")])
def test_through_livy_alone_roles_count_from_an_earlier_release(release, support):
    verdict = judge(replace(PLAIN, release=release, applications={"Livy": "0.7.1", "Spark": "3"}), ROLES)
    assert verdict.runtime_role == support


@rule("ec2-roles-multi-primary")
def test_roles_are_unsupported_on_several_primary_nodes():
    verdict = judge(replace(PLAIN, primary_count=3), ROLES)
    assert verdict.runtime_role == "unsupported"
    assert "3 primary nodes" in str(verdict.role_reason)
    assert verdict.details["primary_count"] == 3
    assert judge(replace(PLAIN, primary_count=1), ROLES).runtime_role == "required"
    unknown = judge(PLAIN, ROLES)
    assert unknown.runtime_role == "required"
    assert "primary_count" not in unknown.details


@rule("ec2-roles-unreadable")
def test_roles_are_unknown_when_the_security_configuration_cannot_be_read():
    verdict = judge(PLAIN, None, security_problem="it cannot be read")
    assert (verdict.runtime_role, verdict.role_reason) == ("unknown", "it cannot be read")
    assert verdict.attachable


@rule("ec2-auth-identity-center")
@pytest.mark.parametrize(
    ("cluster", "security", "auth", "word"),
    [
        (PLAIN, SecurityConfiguration("i", identity_center=True), "identity-center", "Identity Center"),
    ],
)
def test_authentication_that_we_cannot_do_is_named(cluster, security, auth, word):
    verdict = judge(cluster, security)
    assert verdict.auth == auth
    assert not verdict.attachable
    assert word in str(verdict.reason)


@rule("ec2-auth-kerberos")
@pytest.mark.parametrize(
    ("cluster", "security"), [(replace(PLAIN, kerberos=True), None), (PLAIN, SecurityConfiguration("k", kerberos=True))]
)
def test_kerberos_takes_livy_and_a_package(cluster, security):
    verdict = judge(cluster, security, kerberos_package=True)
    assert (verdict.auth, verdict.attachable, verdict.transports) == ("kerberos", True, ("livy",))
    without = judge(cluster, security)
    assert not without.attachable
    assert "pip install 'jupyter_emr_connect[kerberos]'" in str(without.reason)
    assert "krb5 headers" in str(without.reason)


@rule("ec2-auth-ldap")
@pytest.mark.parametrize(
    ("cluster", "security"),
    [(PLAIN, SecurityConfiguration("l", ldap=True)), (livy(**{"server.auth.type": " LDAP"}), None)],
)
def test_where_ldap_is_asked_for_livy_alone_is_a_way_in(cluster, security):
    verdict = judge(cluster, security)
    assert (verdict.auth, verdict.attachable, verdict.transports) == ("ldap", True, ("livy",))
    without = judge(replace(cluster, applications={"Spark": "3.5.0", "JupyterEnterpriseGateway": "2.6.0"}), security)
    assert (without.attachable, without.transports) == (False, ())
    assert "LDAP user and password" in str(without.reason)
    assert "no Livy" in str(without.reason)


@rule("ec2-livy-port")
@pytest.mark.parametrize(
    ("given", "port"), [(None, 8998), ("9000", 9000), (" 9000 ", 9000), ("0", 8998), ("99999", 8998), ("٩", 8998)]
)
def test_livys_port(given, port):
    cluster = livy(**{"server.port": given}) if given else PLAIN
    assert judge(cluster, None).details["livy_port"] == port


@rule("ec2-livy-tls")
@pytest.mark.parametrize(
    ("release", "security", "problem", "keystore", "tls"),
    [
        ("emr-7.4.0", TLS, None, "", True),
        ("emr-7.3.0", TLS, None, "", None),
        ("emr-7.3.0", None, None, "/etc/livy.jks", True),
        ("emr-7.4.0", ROLES, None, "", False),
        ("emr-7.4.0", None, None, "", False),
        ("emr-7.4.0", None, "denied", "", None),
        ("emr-spark-8.0.0", TLS, None, "", None),
        (None, TLS, None, "", None),
    ],
)
def test_livys_tls(release, security, problem, keystore, tls):
    cluster = replace(livy(keystore=keystore), release=release)
    assert judge(cluster, security, security_problem=problem).details["livy_tls"] is tls


@rule("ec2-livy")
def test_a_cluster_without_livy_has_no_details_of_it():
    assert not {"livy_port", "livy_tls"} & set(judge(replace(PLAIN, applications={}), None).details)


@rule("ec2-studio-subnet")
def test_only_the_subnets_configured_are_attached_in():
    there = replace(PLAIN, network={"subnet": "subnet-1"})
    assert judge(there, None, studio_subnets=["subnet-2", "subnet-1"]).attachable
    assert judge(there, None).attachable
    assert judge(PLAIN, None, studio_subnets=["subnet-2"]).attachable  # where it lies is not known
    verdict = judge(there, None, studio_subnets=["subnet-2"])
    assert not verdict.attachable
    assert "subnet-1" in str(verdict.reason)
    assert "EMRConnect.studio_subnets" in str(verdict.reason)


@rule("ec2-reach")
def test_only_a_compute_that_is_surely_out_of_reach_is_refused():
    assert judge(PLAIN, None, reach=OUT).reason == "It is far away."
    assert not judge(PLAIN, None, reach=OUT).attachable
    for reach in (NetworkReach(True), NetworkReach(None), NetworkReach(None, "perhaps"), None):
        assert judge(PLAIN, None, reach=reach).attachable


@rule("ec2-order")
def test_what_stands_in_the_way_for_longest_is_told_first():
    worst = replace(
        PLAIN, state="TERMINATED", kerberos=True, applications={}, network={"subnet": "subnet-1"}, primary_count=3
    )
    told = []
    for better in ({"state": "RUNNING"}, {"kerberos": False}, {"applications": STUDIO}, {"network": {}}, {}):
        told.append(str(judge(worst, None, reach=OUT, studio_subnets=["subnet-2"]).reason))
        worst = replace(worst, **better)
    first_words = ["It is TERMINATED", "It uses Kerberos", "Jupyter Enterprise", "Its subnet", "It is far"]
    assert [text.startswith(words) for text, words in zip(told, first_words, strict=True)] == [True] * 5, told
