"""Whatever facts there are, a rule answers and never fails."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jupyter_emr_connect.aws.emr import Cluster, SecurityConfiguration
from jupyter_emr_connect.aws.emr_containers import Endpoint
from jupyter_emr_connect.aws.emr_serverless import Application
from jupyter_emr_connect.services.compute.eligibility import (
    SUPPORTED_TRANSPORTS,
    Eligibility,
    NetworkReach,
    judge,
    judge_application,
    judge_endpoint,
)
from tests.unit.services.compute.eligibility.rules import rule

TEXT = st.text(max_size=12)
LABEL = st.one_of(
    st.none(), TEXT, st.sampled_from(["emr-6.9.0", "emr-7.13.0", "emr-spark-8.0.0", "emr-5.0.0-x", "emr-7.14.0-latest"])
)
STATE = st.one_of(TEXT, st.sampled_from(["RUNNING", "WAITING", "ACTIVE", "STARTED", "STOPPED", "TERMINATED"]))
REACH = st.builds(NetworkReach, st.sampled_from([True, False, None]), st.none() | TEXT)
APPLICATIONS = st.dictionaries(st.sampled_from(["Spark", "Livy", "JupyterEnterpriseGateway", "Hive"]), TEXT)
SETTINGS = st.dictionaries(
    st.sampled_from(["livy-conf", "spark"]),
    st.dictionaries(st.sampled_from(["livy.server.port", "livy.server.auth.type", "livy.keystore"]), TEXT),
)
CLUSTERS = st.builds(
    Cluster,
    state=STATE,
    release=LABEL,
    applications=APPLICATIONS,
    settings=SETTINGS,
    network=st.dictionaries(st.just("subnet"), TEXT),
    primary_count=st.none() | st.integers(),
)
ENDPOINTS = st.builds(
    Endpoint,
    state=STATE,
    release=LABEL,
    type=st.one_of(TEXT, st.sampled_from(["JUPYTER_ENTERPRISE_GATEWAY", "SPARK_CONNECT"])),
    url=st.none() | TEXT,
)
SPARK = st.builds(Application, state=STATE, release=LABEL, type=st.one_of(TEXT, st.just("Spark")))


def check(verdict: Eligibility) -> None:
    assert verdict.attachable == (verdict.reason is None)
    assert verdict.attachable <= bool(verdict.transports)
    assert set(verdict.transports) <= set(verdict.offers) & set(SUPPORTED_TRANSPORTS)
    assert verdict.runtime_role in ("required", "optional", "unsupported", "unknown")
    assert verdict.auth in ("none", "basic", "ldap", "kerberos", "identity-center", "iam")
    if verdict.reason is not None:
        assert verdict.reason.strip()


@rule("odd-facts")
@given(CLUSTERS, st.none() | st.builds(SecurityConfiguration), st.none() | TEXT, REACH, st.lists(TEXT))
def test_any_cluster_gets_a_verdict(cluster, security, problem, reach, subnets):
    check(judge(cluster, security, security_problem=problem, reach=reach, studio_subnets=subnets))


@rule("odd-facts")
@given(ENDPOINTS, st.none() | STATE, REACH)
def test_any_endpoint_gets_a_verdict(endpoint, virtual_cluster_state, reach):
    check(judge_endpoint(endpoint, virtual_cluster_state=virtual_cluster_state, reach=reach))


@rule("odd-facts")
@given(SPARK, REACH)
def test_any_application_gets_a_verdict(application, reach):
    check(judge_application(application, reach=reach))
