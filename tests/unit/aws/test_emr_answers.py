"""What EMR answers about clusters: read whole, and read with parts of it lost, changed or new."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_emr_connect.aws import emr
from jupyter_emr_connect.errors import AWSError, EMRConnectError
from jupyter_emr_connect.services.compute.eligibility import judge, judge_row
from tests.unit.aws.answers import damaged

MADE = datetime(2026, 11, 24, 9, 0, tzinfo=timezone.utc)
STATUS = {
    "State": "WAITING",
    "StateChangeReason": {"Code": "USER_REQUEST", "Message": "Cluster ready"},
    "Timeline": {"CreationDateTime": MADE, "ReadyDateTime": MADE},
}
ROW = {
    "Id": "j-1",
    "Name": "analytics",
    "ClusterArn": "arn:aws:elasticmapreduce:eu-west-1:1:cluster/j-1",
    "Status": STATUS,
}
LIVY = {"Classification": "livy-conf", "Properties": {"livy.server.port": "9000"}}
CLUSTER = {
    **ROW,
    "ReleaseLabel": "emr-7.0.0",
    "Applications": [{"Name": "Livy", "Version": "0.8.0"}, {"Name": "Spark", "Version": "3.5.0", "Args": ["-x"]}],
    "Tags": [{"Key": "team", "Value": "data"}],
    "MasterPublicDnsName": "ip-10-0-0-9.eu-west-1.compute.internal",
    "SecurityConfiguration": "sc",
    "KerberosAttributes": {"Realm": "R", "KdcAdminPassword": "hush-1", "CrossRealmTrustPrincipalPassword": "hush-2"},
    "SessionEnabled": True,
    "InstanceCollectionType": "INSTANCE_GROUP",
    "Configurations": [{"Classification": "spark", "Properties": {}, "Configurations": [LIVY]}],
    "Ec2InstanceAttributes": {"Ec2SubnetId": "subnet-1", "IamInstanceProfile": "Profile"},
    "LogUri": "s3://logs/",
    "ServiceRole": "Service",
}
GROUPS = [
    {"InstanceGroupType": "CORE", "RequestedInstanceCount": 5, "Configurations": [{**LIVY, "Properties": {"a": "b"}}]},
    {"InstanceGroupType": "MASTER", "RequestedInstanceCount": 3, "Configurations": [LIVY]},
]
FLEETS = [
    {
        "InstanceFleetType": "MASTER",
        "TargetOnDemandCapacity": 0,
        "TargetSpotCapacity": 1,
        "InstanceTypeSpecifications": [{"InstanceType": "m5.xlarge"}, {"Configurations": [LIVY]}],
    },
    {"InstanceFleetType": "CORE", "TargetOnDemandCapacity": 8},
]
SECURITY = {
    "EncryptionConfiguration": {"EnableInTransitEncryption": True},
    "AuthorizationConfiguration": {"IAMConfiguration": {"EnableApplicationScopedIAMRole": True}},
    "AuthenticationConfiguration": {
        "KerberosConfiguration": {"Provider": "ClusterDedicatedKdc"},
        "IdentityCenterConfiguration": {"EnableIdentityCenter": True},
        "LDAPConfiguration": {"EnableLDAPAuthentication": True},
    },
}


class Answers:
    """A session that has these answers, one for each call."""

    region = "eu-west-1"

    def __init__(self, *pages: Any) -> None:
        self._pages = pages

    def pages(self, service: str, operation: str, /, **parameters: Any) -> Any:
        return iter(self._pages)

    def call(self, service: str, operation: str, /, **parameters: Any) -> Any:
        return self._pages[0]


def session(*pages: Any) -> Any:
    return Answers(*pages)


def plain() -> emr.Cluster:
    return emr.Cluster("j-1", "c", "", "WAITING", None, None)


def test_a_whole_answer():
    found = emr.parse_cluster({"Cluster": CLUSTER}, "j-1")
    assert found.applications == {"Livy": "0.8.0", "Spark": "3.5.0"}
    assert (found.state, found.state_reason, found.created_at) == (
        "WAITING",
        "Cluster ready",
        "2026-11-24T09:00:00+00:00",
    )
    assert found.tags == {"team": "data"}
    assert found.livy == {"livy.server.port": "9000"}
    assert found.network == {"subnet": "subnet-1", "instance_profile": "Profile"}
    assert (found.kerberos, found.session_enabled, found.primary_count) == (True, True, None)
    assert "hush" not in repr(found)


@pytest.mark.parametrize("answer", [{}, {"Cluster": None}, {"Cluster": []}])
def test_an_answer_without_a_cluster_is_an_error_of_ours(answer):
    with pytest.raises(AWSError, match="'j-1'") as caught:
        emr.parse_cluster(answer, "j-1")
    assert caught.value.iam_action == "elasticmapreduce:DescribeCluster"
    assert caught.value.fix


def test_a_cluster_of_which_nothing_is_said_is_shown_by_its_id():
    found = emr.parse_cluster({"Cluster": {}}, "j-1")
    assert (found.id, found.state, found.release, found.applications) == ("j-1", "UNKNOWN", None, {})


@given(damaged(CLUSTER))
def test_a_damaged_cluster_is_read_and_judged_or_refused(cluster):
    try:
        found = emr.parse_cluster({"Cluster": cluster}, "j-1")
    except EMRConnectError:
        assert not isinstance(cluster, dict)
        return
    assert found.id
    assert "hush" not in repr(found)
    judge(found, None)


@given(st.lists(damaged(ROW), max_size=4))
def test_damaged_rows_are_shown_if_they_name_a_cluster(rows):
    found = list(emr.list_clusters(session({"Clusters": rows}, {"Clusters": []})))
    assert len(found) == sum(isinstance(row, dict) and row.get("Id") in ("j-1", "SOMETHING_NEW") for row in rows)
    for row in found:
        judge_row(row)


@pytest.mark.parametrize("page", [{}, {"Clusters": None}, {"message": "<html>"}])
def test_what_a_proxy_answers_is_no_empty_list(page):
    with pytest.raises(AWSError, match="no list of clusters") as caught:
        list(emr.list_clusters(session({"Clusters": [ROW]}, page)))
    assert "proxy" in caught.value.fix


def test_the_primary_groups_port_and_count():
    found = emr.with_primary(plain(), GROUPS)
    assert found.livy == {"livy.server.port": "9000"}
    assert found.primary_count == 3


def test_the_primary_fleets_port_and_count():
    found = emr.with_primary(plain(), FLEETS)
    assert found.livy == {"livy.server.port": "9000"}
    assert found.primary_count == 1


def test_the_clusters_own_livy_settings_come_first():
    own = emr.parse_cluster({"Cluster": CLUSTER}, "j-1")
    other = [{**GROUPS[1], "Configurations": [{**LIVY, "Properties": {"livy.server.port": "1"}}]}]
    assert emr.with_primary(own, other).livy == {"livy.server.port": "9000"}


@pytest.mark.parametrize("rows", [[], GROUPS[:1], [{"InstanceGroupType": "MASTER"}]])
def test_a_count_that_nobody_says_is_not_known(rows):
    assert emr.with_primary(plain(), rows).primary_count is None


@given(damaged(GROUPS + FLEETS))
def test_damaged_groups_are_read(rows):
    pages = {"InstanceGroups": rows}
    found = emr.look_at_primary(session(pages), plain())
    assert found.primary_count is None or found.primary_count != 0
    judge(found, None)


@given(damaged(SECURITY))
def test_a_damaged_security_configuration_is_read(body):
    found = emr.parse_security_configuration("sc", json.dumps(body))
    assert found.name == "sc"


@pytest.mark.parametrize("answer", [{}, {"SecurityConfiguration": None}, {"SecurityConfiguration": "[" * 100_000}])
def test_a_security_configuration_that_is_no_json_is_an_error_of_ours(answer):
    with pytest.raises(AWSError, match="not JSON"):
        emr.security_configuration(session(answer), "sc")


def test_ldap_is_read():
    body = {"AuthenticationConfiguration": {"LDAPConfiguration": {"EnableLDAPAuthentication": True}}}
    assert emr.parse_security_configuration("sc", json.dumps(body)) == emr.SecurityConfiguration("sc", ldap=True)
    body["AuthenticationConfiguration"]["LDAPConfiguration"]["EnableLDAPAuthentication"] = False
    assert not emr.parse_security_configuration("sc", json.dumps(body)).ldap


@given(st.lists(damaged({"PrivateDnsName": "ip-10-0-0-9", "PrivateIpAddress": "10.0.0.9"}), max_size=3))
def test_damaged_instances_are_left_out(rows):
    assert all(isinstance(host, str) and host for host in emr.primary_hosts(session({"Instances": rows}), plain()))


PAIR = {"Credentials": {"UsernamePassword": {"Username": "u", "Password": "hush"}}, "ExpiresAt": MADE}


@given(damaged(PAIR))
def test_a_pair_is_whole_or_refused(answer):
    try:
        pair = emr.cluster_session_credentials(session(answer if isinstance(answer, dict) else {}), "j-1", None)
    except AWSError:
        return
    assert all(isinstance(one, str) and one for one in (pair.username, pair.password))
    assert pair.expires_at.tzinfo


def test_a_refused_pair_shows_no_password():
    with pytest.raises(AWSError, match="no user name and password") as caught:
        emr.cluster_session_credentials(session({**PAIR, "ExpiresAt": None}), "j-1", None)
    assert "hush" not in repr(caught.value)
