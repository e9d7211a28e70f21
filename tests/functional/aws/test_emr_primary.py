"""What instance groups and fleets say of a cluster's primary nodes, asked of the AWS front."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_emr_connect.aws.emr import Cluster, describe_cluster, look_at_primary, try_look_at_primary
from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.errors import AccessDenied
from jupyter_emr_connect.services.compute.eligibility import judge

LIVY = [{"Classification": "livy-conf", "Properties": {"livy.server.port": "9000"}}]
GROUPS = [
    {"InstanceGroupType": "CORE", "RequestedInstanceCount": 5},
    {"InstanceGroupType": "MASTER", "RequestedInstanceCount": 3, "Configurations": LIVY},
]
FLEETS = [
    {
        "InstanceFleetType": "MASTER",
        "TargetOnDemandCapacity": 3,
        "InstanceTypeSpecifications": [{"InstanceType": "m5.xlarge", "Configurations": LIVY}],
    }
]


def described(cloud, name: str, **fields) -> Cluster:
    identifier = cloud.id(name)
    cloud.world.clusters[identifier] = replace(cloud.world.clusters[identifier], **fields)
    found = describe_cluster(open_session(), identifier)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ({"described": {"InstanceGroups": GROUPS}}, "ListInstanceGroups"),
        ({"described": {"InstanceFleets": FLEETS}, "fleets": True}, "ListInstanceFleets"),
    ],
)
def test_one_call_tells_livys_port_and_the_number_of_primary_nodes(cloud, fields, action):
    cluster = described(cloud, "open", **fields)
    assert judge(cluster, None).details["livy_port"] == 8998
    found = look_at_primary(open_session(), cluster)
    assert found.primary_count == 3
    assert judge(found, None).details["livy_port"] == 9000
    assert cloud.calls("ListInstanceGroups") + cloud.calls("ListInstanceFleets") == cloud.calls(action) == 1


def test_a_plain_cluster_has_one_primary_node(cloud):
    assert look_at_primary(open_session(), described(cloud, "open")).primary_count == 1


def test_who_may_not_look_is_told_the_action(cloud):
    cluster = described(cloud, "open")
    with pytest.raises(AccessDenied) as caught:
        look_at_primary(open_session("denied"), cluster)
    assert caught.value.iam_action == "elasticmapreduce:ListInstanceGroups"
    note = "not known: elasticmapreduce:ListInstanceGroups is denied"
    assert try_look_at_primary(open_session("denied"), cluster) == (cluster, note)


def test_a_cluster_that_is_looked_at_without_trouble_has_no_note(cloud):
    found, note = try_look_at_primary(open_session(), described(cloud, "open"))
    assert (found.primary_count, note) == (1, None)
