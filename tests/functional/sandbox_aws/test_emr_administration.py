"""An administrator makes clusters, changes and ends them."""

from __future__ import annotations

from dataclasses import replace

import pytest

INSTANCES = {
    "KeepJobFlowAliveWhenNoSteps": True,
    "Ec2SubnetIds": ["subnet-1", "subnet-2"],
    "InstanceGroups": [
        {
            "InstanceRole": "MASTER",
            "InstanceType": "m5.2xlarge",
            "InstanceCount": 1,
            "Configurations": [{"Classification": "livy-conf", "Properties": {"livy.server.port": "8999"}}],
        },
        {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 3},
    ],
}


def run(front, **params):
    given = {"Name": "made", "ReleaseLabel": "emr-7.0.0", "Instances": INSTANCES, **params}
    return front.client("emr", "administrator").run_job_flow(**given)


def state(front, cluster):
    return front.client("emr").describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"]


def test_a_cluster_starts_runs_and_ends(front):
    made = run(front)
    cluster = made["JobFlowId"]
    assert made["ClusterArn"].endswith(f":cluster/{cluster}")
    assert state(front, cluster) == "STARTING"
    front.clock.forward(2.5)
    assert state(front, cluster) == "BOOTSTRAPPING"
    front.clock.forward(2)
    assert state(front, cluster) == "WAITING"
    front.client("emr", "administrator").terminate_job_flows(JobFlowIds=[cluster])
    assert state(front, cluster) == "TERMINATING"
    front.clock.forward(2.5)
    described = front.client("emr").describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
    assert described["State"] == "TERMINATED"
    times = described["Timeline"]
    assert times["CreationDateTime"] < times["ReadyDateTime"] < times["EndDateTime"]


def test_a_new_cluster_says_what_it_was_told(front):
    cluster = run(
        front,
        Applications=[{"Name": "Spark"}, {"Name": "Livy"}],
        Tags=[{"Key": "team", "Value": "new"}],
        LogUri="s3://logs/",
        JobFlowRole="EMRSandboxInstanceProfile",
        ServiceRole="EMRSandboxServiceRole",
        SecurityConfiguration="runtime-roles-tls",
        Configurations=[{"Classification": "spark", "Properties": {"maximizeResourceAllocation": "true"}}],
    )["JobFlowId"]
    client = front.client("emr")
    found = client.describe_cluster(ClusterId=cluster)["Cluster"]
    assert [each["Name"] for each in found["Applications"]] == ["Spark", "Livy"]
    assert found["Tags"] == [{"Key": "team", "Value": "new"}]
    assert found["LogUri"] == "s3://logs/"
    assert found["Configurations"][0]["Classification"] == "spark"
    assert found["Ec2InstanceAttributes"]["Ec2SubnetId"] == "subnet-1"
    assert found["Ec2InstanceAttributes"]["RequestedEc2SubnetIds"] == ["subnet-1", "subnet-2"]
    groups = client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    assert groups[0]["Configurations"][0]["Properties"] == {"livy.server.port": "8999"}
    assert groups[1]["RequestedInstanceCount"] == 3


def test_the_supervisor_may_give_it_an_address(front):
    front.world.place = lambda spec: replace(spec, address="127.0.42.99", engines=True)
    cluster = run(front)["JobFlowId"]
    front.clock.forward(10)
    assert front.client("emr").describe_cluster(ClusterId=cluster)["Cluster"]["MasterPublicDnsName"] == "127.0.42.99"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"ReleaseLabel": "7.0"}, "release label is invalid"),
        ({"JobFlowRole": "none"}, "Invalid InstanceProfile"),
        ({"ServiceRole": "none"}, "ServiceRole none is not valid"),
        ({"SecurityConfiguration": "none"}, "does not exist"),
    ],
)
def test_names_of_nothing_are_refused(front, refused, params, words):
    given = {"Name": "made", "ReleaseLabel": "emr-7.0.0", "Instances": INSTANCES, **params}
    code, message, status = refused(front.client("emr", "administrator").run_job_flow, **given)
    assert code in ("ValidationException", "InvalidRequestException")
    assert status == 400
    assert words in message


def test_running_a_cluster_needs_the_right_to_pass_its_roles(front, refused):
    front.client("iam", "administrator").put_user_policy(
        UserName="developer",
        PolicyName="run",
        PolicyDocument='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"elasticmapreduce:*",'
        '"Resource":"*"}}',
    )
    client = front.client("emr")
    given = {"Name": "made", "ReleaseLabel": "emr-7.0.0", "Instances": INSTANCES}
    client.run_job_flow(**given)
    code, message, _ = refused(client.run_job_flow, **given, JobFlowRole="EMRSandboxInstanceProfile")
    assert code == "AccessDeniedException"
    assert "iam:PassRole on resource: arn:aws:iam::123456789012:role/EMRSandboxInstanceProfile" in message


def test_protected_clusters_do_not_end(front, refused):
    client, cluster = front.client("emr", "administrator"), front.ids["open"]
    client.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=True)
    both = [front.ids["analytics"], cluster]
    assert refused(client.terminate_job_flows, JobFlowIds=both)[0] == "ValidationException"
    assert state(front, front.ids["analytics"]) == "WAITING"
    client.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=False)
    client.terminate_job_flows(JobFlowIds=both)
    assert state(front, cluster) == "TERMINATING"


def test_ending_a_cluster_kills_its_pairs(front):
    cluster = front.ids["analytics"]
    pair = front.world.pairs.issue(cluster, "arn:aws:iam::123456789012:role/EMRAnalyst", "me")
    front.client("emr", "administrator").terminate_job_flows(JobFlowIds=[cluster])
    assert front.world.pairs.check(cluster, pair.username, pair.password) is None
    assert front.world.pairs.expire(cluster) == 0


def test_tags_change_and_count_in_policies(front, refused):
    admin, cluster = front.client("emr", "administrator"), front.ids["open"]
    analyst = front.client("emr", "analyst")
    assert refused(analyst.describe_cluster, ClusterId=cluster)[0] == "AccessDeniedException"
    admin.add_tags(ResourceId=cluster, Tags=[{"Key": "team", "Value": "analytics"}, {"Key": "new", "Value": ""}])
    tags = analyst.describe_cluster(ClusterId=cluster)["Cluster"]["Tags"]
    assert {"Key": "team", "Value": "analytics"} in tags
    admin.remove_tags(ResourceId=cluster, TagKeys=["team"])
    assert refused(analyst.describe_cluster, ClusterId=cluster)[0] == "AccessDeniedException"


def test_a_51st_tag_is_refused(front, refused):
    admin, cluster = front.client("emr", "administrator"), front.ids["open"]
    many = [{"Key": f"k{number}", "Value": "v"} for number in range(49)]
    assert refused(admin.add_tags, ResourceId=cluster, Tags=many)[0] == "InvalidRequestException"


def test_security_configurations_come_and_go(front, refused):
    client = front.client("emr", "administrator")
    client.create_security_configuration(Name="mine", SecurityConfiguration='{"a": 1}')
    names = [each["Name"] for each in client.list_security_configurations()["SecurityConfigurations"]]
    assert names == ["kerberos", "ldap-tls", "mine", "runtime-roles-tls"]
    call = client.create_security_configuration
    assert "already exists" in refused(call, Name="mine", SecurityConfiguration="{}")[1]
    assert "not a JSON object" in refused(call, Name="bad", SecurityConfiguration="{")[1]
    client.delete_security_configuration(Name="mine")
    assert refused(client.delete_security_configuration, Name="mine")[0] == "InvalidRequestException"


def test_a_fleets_configurations_stand_with_its_instance_types(front):
    client = front.client("emr", "administrator")
    settings = [{"Classification": "livy-conf", "Properties": {"livy.server.port": "8999"}}]
    fleets = [
        {
            "InstanceFleetType": kind,
            "TargetOnDemandCapacity": 1,
            "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge", "WeightedCapacity": 2, "Configurations": settings}],
        }
        for kind in ("MASTER", "CORE")
    ]
    made = client.run_job_flow(Name="fleets", ReleaseLabel="emr-7.0.0", Instances={"InstanceFleets": fleets})
    assert client.describe_cluster(ClusterId=made["JobFlowId"])["Cluster"]["InstanceCollectionType"] == "INSTANCE_FLEET"
    rows = client.list_instance_fleets(ClusterId=made["JobFlowId"])["InstanceFleets"]
    assert [row["InstanceFleetType"] for row in rows] == ["MASTER", "CORE"]
    for row in rows:
        specification = row["InstanceTypeSpecifications"][0]
        assert specification["Configurations"] == settings
        assert (specification["InstanceType"], specification["WeightedCapacity"]) == ("m5.xlarge", 2)


def test_a_cluster_ends_after_idling_by_a_policy(front):
    cluster = run(front, AutoTerminationPolicy={"IdleTimeout": 7200})["JobFlowId"]
    reader, client = front.client("emr"), front.client("emr", "administrator")

    def policy():
        return reader.get_auto_termination_policy(ClusterId=cluster).get("AutoTerminationPolicy")

    assert policy() == {"IdleTimeout": 7200}
    client.remove_auto_termination_policy(ClusterId=cluster)
    assert policy() is None
    client.put_auto_termination_policy(ClusterId=cluster, AutoTerminationPolicy={"IdleTimeout": 60})
    assert policy() == {"IdleTimeout": 60}
    assert "AutoTerminationPolicy" not in reader.describe_cluster(ClusterId=cluster)["Cluster"]
