"""Every implemented EMR operation, through boto3 and raw, held against botocore's model."""

from __future__ import annotations

import json

import pytest

from jupyter_emr_connect.sandbox.aws.emr import SERVICE

CLUSTER = {"ClusterId": "j-SANDBOXANALYTICS0"}
RUN = {
    "Name": "made",
    "ReleaseLabel": "emr-7.0.0",
    "Applications": [{"Name": "Spark"}, {"Name": "Livy"}],
    "JobFlowRole": "EMRSandboxInstanceProfile",
    "ServiceRole": "EMRSandboxServiceRole",
    "Tags": [{"Key": "team", "Value": "made"}],
    "Configurations": [{"Classification": "livy-conf", "Properties": {"livy.server.port": "8999"}}],
    "Instances": {
        "KeepJobFlowAliveWhenNoSteps": True,
        "Ec2SubnetId": "subnet-1",
        "InstanceGroups": [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}],
    },
}
CASES = {
    "ListClusters": {},
    "DescribeCluster": CLUSTER,
    "ListInstances": CLUSTER,
    "ListInstanceGroups": CLUSTER,
    "ListInstanceFleets": {"ClusterId": "j-FLEET"},
    "ListBootstrapActions": CLUSTER,
    "ListSteps": CLUSTER,
    "DescribeSecurityConfiguration": {"Name": "kerberos"},
    "ListSecurityConfigurations": {},
    "CreateSecurityConfiguration": {"Name": "made", "SecurityConfiguration": "{}"},
    "DeleteSecurityConfiguration": {"Name": "kerberos"},
    "GetClusterSessionCredentials": {**CLUSTER, "ExecutionRoleArn": "arn:aws:iam::123456789012:role/EMRAnalyst"},
    "RunJobFlow": RUN,
    "TerminateJobFlows": {"JobFlowIds": [CLUSTER["ClusterId"]]},
    "SetTerminationProtection": {"JobFlowIds": [CLUSTER["ClusterId"]], "TerminationProtected": True},
    "AddTags": {"ResourceId": CLUSTER["ClusterId"], "Tags": [{"Key": "a", "Value": "b"}]},
    "RemoveTags": {"ResourceId": CLUSTER["ClusterId"], "TagKeys": ["team"]},
    "GetAutoTerminationPolicy": CLUSTER,
    "PutAutoTerminationPolicy": {**CLUSTER, "AutoTerminationPolicy": {"IdleTimeout": 60}},
    "RemoveAutoTerminationPolicy": CLUSTER,
}
# Real EMR answers an empty KerberosAttributes for clusters without Kerberos, against its own model (reference 1.5).
EMPTY_KERBEROS = {
    "DescribeCluster.Cluster.KerberosAttributes.Realm: required",
    "DescribeCluster.Cluster.KerberosAttributes.KdcAdminPassword: required",
}


def make_fleet(front):
    client = front.client("emr", "administrator")
    fleet = {"InstanceFleetType": "MASTER", "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge"}]}
    made = client.run_job_flow(Name="fleet", ReleaseLabel="emr-7.0.0", Instances={"InstanceFleets": [fleet]})
    spec = front.world.clusters.pop(made["JobFlowId"])
    object.__setattr__(spec, "id", "j-FLEET")
    front.world.clusters["j-FLEET"] = spec


def test_every_operation_has_a_case():
    assert set(CASES) == set(SERVICE.handlers)


@pytest.mark.parametrize("operation", CASES)
def test_answer_fits_the_model(front, misfits, operation):
    make_fleet(front)
    client = front.client("emr", "administrator")
    method = next(name for name, api in client.meta.method_to_api_mapping.items() if api == operation)
    getattr(client, method)(**CASES[operation])

    params = dict(CASES[operation])
    if operation in ("CreateSecurityConfiguration", "DeleteSecurityConfiguration"):
        params["Name"] = "runtime-roles-tls" if operation.startswith("Delete") else "second"
    answer = front.send_signed(
        json.dumps(params).encode(),
        profile="administrator",
        X_Amz_Target=f"ElasticMapReduce.{operation}",
        Content_Type="application/x-amz-json-1.1",
    )
    assert answer.status == 200, answer.body
    assert answer.headers["x-amzn-requestid"]
    raw = json.loads(answer.body) if answer.body else None
    assert set(misfits("emr", operation, raw)) <= EMPTY_KERBEROS


@pytest.mark.parametrize("name", ["analytics", "open", "kerberos", "old", "gone"])
def test_every_standard_cluster_fits_the_model(front, misfits, name):
    answer = front.send_signed(
        json.dumps({"ClusterId": front.ids[name]}).encode(),
        X_Amz_Target="ElasticMapReduce.DescribeCluster",
        Content_Type="application/x-amz-json-1.1",
    )
    found = set(misfits("emr", "DescribeCluster", json.loads(answer.body)))
    assert found == (set() if name == "kerberos" else EMPTY_KERBEROS)


def test_the_checker_itself_finds_misfits(misfits):
    wrong = {"Cluster": {"Id": 7, "Nonsense": 1, "Status": {"State": "SLEEPING", "Timeline": {"ReadyDateTime": "now"}}}}
    found = misfits("emr", "DescribeCluster", wrong)
    assert len(found) == 4, found
