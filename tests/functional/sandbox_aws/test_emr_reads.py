"""Clusters as ListClusters, DescribeCluster and their neighbours show them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from jupyter_emr_connect.sandbox.world.world import ClusterSpec


def add_clusters(front, number, **fields):
    start = datetime.now(timezone.utc) - timedelta(days=2)
    for index in range(number):
        spec = ClusterSpec(
            id=f"j-MANY{index:09}",
            name=f"many-{index}",
            address="10.0.0.9",
            engines=False,
            created_at=start + timedelta(seconds=index),
            **fields,
        )
        front.world.clusters[spec.id] = spec


def test_list_has_the_contract_clusters(front):
    rows = front.client("emr").list_clusters()["Clusters"]
    assert [row["Name"] for row in rows] == ["analytics", "open", "kerberos", "old", "gone"]
    assert rows[0]["Status"]["State"] == "WAITING"
    assert rows[4]["Status"]["State"] == "TERMINATED"
    assert rows[4]["Status"]["StateChangeReason"] == {"Code": "USER_REQUEST", "Message": "Terminated by user request"}
    assert rows[0]["ClusterArn"] == f"arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/{front.ids['analytics']}"


def test_120_clusters_come_in_pages_of_50(front):
    front.world.clusters.clear()
    add_clusters(front, 120)
    client = front.client("emr")
    sizes, names = [], []
    for answer in client.get_paginator("list_clusters").paginate():
        sizes.append(len(answer["Clusters"]))
        names += [row["Name"] for row in answer["Clusters"]]
    assert sizes == [50, 50, 20]
    assert len(set(names)) == 120
    assert names[0] == "many-119"


def test_exactly_50_clusters_have_no_marker(front):
    front.world.clusters.clear()
    add_clusters(front, 50)
    assert "Marker" not in front.client("emr").list_clusters()


@pytest.mark.parametrize("marker", ["x", "!!!", "YXQ6LTE=", "é", "a" * 5000])
def test_bad_marker_is_refused(front, refused, marker):
    code, message, status = refused(front.client("emr").list_clusters, Marker=marker)
    assert (code, status) == ("InvalidRequestException", 400)
    assert "Marker" in message


def test_list_filters_by_state_and_time(front):
    client = front.client("emr")
    assert [row["Name"] for row in client.list_clusters(ClusterStates=["TERMINATED"])["Clusters"]] == ["gone"]
    border = datetime.now(timezone.utc) - timedelta(minutes=3, seconds=30)
    young = {row["Name"] for row in client.list_clusters(CreatedAfter=border)["Clusters"]}
    old = {row["Name"] for row in client.list_clusters(CreatedBefore=border)["Clusters"]}
    assert young == {"analytics", "open"}
    assert old == {"kerberos", "old", "gone"}


def test_unknown_state_is_refused(front, refused):
    code, message, _ = refused(front.client("emr").list_clusters, ClusterStates=["SLEEPING"])
    assert code == "ValidationException"
    assert "clusterStates" in message


def test_other_regions_have_no_clusters(front):
    assert front.client("emr", region_name="eu-west-1").list_clusters()["Clusters"] == []


def test_describe_says_what_the_catalogue_needs(front):
    cluster = front.client("emr").describe_cluster(ClusterId=front.ids["analytics"])["Cluster"]
    assert cluster["MasterPublicDnsName"] == "127.0.42.2"
    assert cluster["ReleaseLabel"] == "emr-7.0.0"
    assert {"Name": "JupyterEnterpriseGateway", "Version": "2.6.0"} in cluster["Applications"]
    assert cluster["SecurityConfiguration"] == "runtime-roles-tls"
    assert cluster["InstanceCollectionType"] == "INSTANCE_GROUP"
    assert cluster["Ec2InstanceAttributes"]["IamInstanceProfile"] == "EMRSandboxInstanceProfile"
    assert {"Key": "team", "Value": "analytics"} in cluster["Tags"]
    assert cluster["KerberosAttributes"] == {}


def test_kerberos_cluster_tells_its_passwords_as_real_emr_does(front):
    attributes = front.client("emr").describe_cluster(ClusterId=front.ids["kerberos"])["Cluster"]["KerberosAttributes"]
    assert attributes["Realm"] == "EC2.INTERNAL"
    assert attributes["KdcAdminPassword"]
    assert attributes["CrossRealmTrustPrincipalPassword"]
    assert attributes["ADDomainJoinPassword"]


def test_unknown_cluster_is_an_invalid_request(front, refused):
    for operation in ("describe_cluster", "list_instances", "list_instance_groups", "list_steps"):
        code, message, status = refused(getattr(front.client("emr"), operation), ClusterId="j-NOSUCH")
        assert (code, status) == ("InvalidRequestException", 400)
        assert message == "Cluster id 'j-NOSUCH' is not valid."


def test_an_unknown_cluster_has_an_error_code_of_its_own(front):
    client = front.client("emr")
    with pytest.raises(client.exceptions.InvalidRequestException) as caught:
        client.describe_cluster(ClusterId="j-NOSUCH")
    assert caught.value.response["ErrorCode"] == "NoSuchCluster"


def test_primary_node_is_found_by_group_type(front):
    client, cluster = front.client("emr"), front.ids["analytics"]
    nodes = client.list_instances(ClusterId=cluster, InstanceGroupTypes=["MASTER"], InstanceStates=["RUNNING"])
    assert [node["PrivateIpAddress"] for node in nodes["Instances"]] == ["127.0.42.2"]
    assert client.list_instances(ClusterId=cluster, InstanceFleetType="MASTER")["Instances"] == []
    assert len(client.list_instances(ClusterId=cluster)["Instances"]) == 2
    assert client.list_instances(ClusterId=front.ids["gone"], InstanceStates=["RUNNING"])["Instances"] == []


def test_fleets_and_groups_exclude_each_other(front, refused):
    add_clusters(front, 1, fleets=True)
    client = front.client("emr")
    _, message, _ = refused(client.list_instance_groups, ClusterId="j-MANY000000000")
    assert "Use the ListInstanceFleets request" in message
    fleets = client.list_instance_fleets(ClusterId="j-MANY000000000")["InstanceFleets"]
    assert [fleet["InstanceFleetType"] for fleet in fleets] == ["MASTER", "CORE"]
    _, message, _ = refused(client.list_instance_fleets, ClusterId=front.ids["open"])
    assert "Use the ListInstanceGroups request" in message


def test_security_configuration_is_json_in_json(front, refused):
    client = front.client("emr")
    found = client.describe_security_configuration(Name="runtime-roles-tls")
    document = json.loads(found["SecurityConfiguration"])
    assert document["AuthorizationConfiguration"]["IAMConfiguration"]["EnableApplicationScopedIAMRole"] is True
    assert document["EncryptionConfiguration"]["EnableInTransitEncryption"] is True
    kerberos = json.loads(client.describe_security_configuration(Name="kerberos")["SecurityConfiguration"])
    assert kerberos["AuthenticationConfiguration"]["KerberosConfiguration"]["Provider"] == "ClusterDedicatedKdc"
    code, message, _ = refused(client.describe_security_configuration, Name="none")
    assert code == "InvalidRequestException"
    assert "'none'" in message
