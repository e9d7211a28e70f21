"""The rules that say what a cluster can do, each by itself (reference 1.1, 1.3, 1.5, 1.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_emr_connect.aws.emr import Cluster, SecurityConfiguration
from jupyter_emr_connect.services.eligibility import judge, parse_release

STUDIO = {"Spark": "3.5.0", "Livy": "0.7.1", "JupyterEnterpriseGateway": "2.6.0"}
PLAIN = Cluster(
    id="j-1", name="c", arn="", state="WAITING", state_reason=None, created_at=None, release="emr-7.0.0",
    applications=STUDIO,
)  # fmt: skip
ROLES = SecurityConfiguration("sc", runtime_roles=True)


@pytest.mark.parametrize("state", ["RUNNING", "WAITING"])
def test_a_running_cluster_with_a_gateway_is_attachable(state):
    verdict = judge(replace(PLAIN, state=state), None)
    assert verdict.attachable
    assert verdict.reason is None
    assert verdict.transports == ("gateway",)
    assert verdict.auth == "none"


@pytest.mark.parametrize("state", ["STARTING", "BOOTSTRAPPING", "TERMINATING", "TERMINATED"])
def test_any_other_state_is_not_attachable_and_named(state):
    verdict = judge(replace(PLAIN, state=state, state_reason="Because."), None)
    assert not verdict.attachable
    assert verdict.reason == f"It is {state}: Because."


def test_without_the_gateway_application_there_is_no_way_in():
    verdict = judge(replace(PLAIN, applications={"Spark": "2.4", "Livy": "0.7"}), None)
    assert not verdict.attachable
    assert verdict.transports == ()
    assert "Jupyter Enterprise Gateway is not installed" in str(verdict.reason)
    assert "livy" in str(verdict.reason)


def test_roles_are_unsupported_without_a_security_configuration():
    verdict = judge(PLAIN, None)
    assert verdict.runtime_role == "unsupported"
    assert "no security configuration" in str(verdict.role_reason)


def test_roles_are_unsupported_when_not_switched_on():
    verdict = judge(PLAIN, SecurityConfiguration("tls-only", in_transit_encryption=True))
    assert verdict.runtime_role == "unsupported"
    assert "'tls-only'" in str(verdict.role_reason)


def test_roles_are_required_when_switched_on():
    verdict = judge(PLAIN, ROLES)
    assert (verdict.runtime_role, verdict.auth, verdict.role_reason) == ("required", "basic", None)


@pytest.mark.parametrize(
    ("release", "support"),
    [
        ("emr-5.36.0", "unsupported"),
        ("emr-6.7.0", "unsupported"),
        ("emr-6.10.1", "unsupported"),
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


def test_roles_are_unknown_when_the_security_configuration_cannot_be_read():
    verdict = judge(PLAIN, None, security_problem="it cannot be read")
    assert (verdict.runtime_role, verdict.role_reason) == ("unknown", "it cannot be read")


@pytest.mark.parametrize(
    ("cluster", "security", "auth"),
    [
        (replace(PLAIN, kerberos=True), None, "kerberos"),
        (PLAIN, SecurityConfiguration("k", kerberos=True), "kerberos"),
        (PLAIN, SecurityConfiguration("i", identity_center=True), "identity-center"),
        (replace(PLAIN, settings={"livy-conf": {"livy.server.auth.type": "ldap"}}), None, "ldap"),
    ],
)
def test_authentication_that_we_cannot_do_is_named(cluster, security, auth):
    verdict = judge(cluster, security)
    assert verdict.auth == auth
    assert not verdict.attachable
    assert verdict.reason


def test_the_state_is_told_before_all_else():
    verdict = judge(replace(PLAIN, state="TERMINATED", kerberos=True), None)
    assert str(verdict.reason).startswith("It is TERMINATED")


@pytest.mark.parametrize(
    ("label", "parsed"),
    [
        ("emr-7.10.2", ("emr", (7, 10, 2))),
        ("emr-spark-8.0.0", ("emr-spark", (8, 0, 0))),
        ("emr-6.15.0-20240101", ("emr", (6, 15, 0))),
        ("emr-7", None),
        ("", None),
        (None, None),
    ],
)
def test_release_labels(label, parsed):
    assert parse_release(label) == parsed
