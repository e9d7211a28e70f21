"""The network of the sandbox's computes, as EC2 tells it: one VPC for each account and region."""

from __future__ import annotations

import itertools
from urllib.parse import urlencode

import botocore.session
import pytest
from botocore.parsers import create_parser

from jupyter_emr_connect.aws.session import forget, open_session
from jupyter_emr_connect.sandbox.aws.ec2 import SERVICE
from jupyter_emr_connect.sandbox.world.world import OTHER_ACCOUNT

RESULTS = {"DescribeVpcs": "Vpcs", "DescribeSubnets": "Subnets", "DescribeSecurityGroups": "SecurityGroups"}


def network(front, name="analytics", profile="administrator"):
    cluster = front.client("emr", profile).describe_cluster(ClusterId=front.ids[name])["Cluster"]
    return cluster["Ec2InstanceAttributes"]


def test_every_operation_is_tried_here():
    assert set(RESULTS) == set(SERVICE.handlers)


@pytest.mark.parametrize("operation", RESULTS)
def test_the_raw_answer_fits_the_model(front, misfits, operation):
    body = urlencode({"Action": operation, "Version": "2016-11-15"}).encode()
    answer = front.send_signed(body, service="ec2", Content_Type="application/x-www-form-urlencoded; charset=utf-8")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/xml")
    shape = botocore.session.get_session().get_service_model("ec2").operation_model(operation).output_shape
    parsed = create_parser("ec2").parse({"status_code": 200, "body": answer.body, "headers": answer.headers}, shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == answer.headers["x-amzn-requestid"]
    assert parsed[RESULTS[operation]]
    assert misfits("ec2", operation, parsed) == []
    assert answer.body.count(b"<item>") >= len(parsed[RESULTS[operation]])


def test_a_clusters_subnet_and_groups_lie_in_the_accounts_vpc(front):
    client, place = front.client("ec2"), network(front, profile="developer")
    (vpc,) = client.describe_vpcs()["Vpcs"]
    (subnet,) = client.describe_subnets(SubnetIds=[place["Ec2SubnetId"]])["Subnets"]
    assert (subnet["VpcId"], subnet["AvailabilityZone"]) == (vpc["VpcId"], place["Ec2AvailabilityZone"])
    wanted = {place["EmrManagedMasterSecurityGroup"]: "ElasticMapReduce-master"}
    wanted[place["EmrManagedSlaveSecurityGroup"]] = "ElasticMapReduce-slave"
    groups = client.describe_security_groups(GroupIds=list(wanted))["SecurityGroups"]
    assert {group["GroupId"]: group["GroupName"] for group in groups} == wanted
    assert {group["VpcId"] for group in groups} == {vpc["VpcId"]}


def test_each_account_and_region_has_a_vpc_of_its_own(front):
    access = front.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRAccess", RoleSessionName="me"
    )
    found = [
        client.describe_vpcs()["Vpcs"][0]["VpcId"]
        for client in (
            front.client("ec2"),
            front.client("ec2", region_name="eu-west-1"),
            front.client("ec2", **front.keys(access)),
        )
    ]
    assert len(set(found)) == 3
    theirs = network(front, "analytics")["Ec2SubnetId"]
    elsewhere = front.client("ec2", region_name="eu-west-1").describe_subnets()["Subnets"]
    assert theirs not in [one["SubnetId"] for one in elsewhere]


def test_what_a_cluster_was_made_with_is_there_too(front):
    front.client("emr", "administrator").run_job_flow(
        Name="made",
        ReleaseLabel="emr-7.0.0",
        Instances={"Ec2SubnetIds": ["subnet-1", "subnet-2"], "AdditionalMasterSecurityGroups": ["sg-1"]},
    )
    client = front.client("ec2")
    assert len(client.describe_subnets(SubnetIds=["subnet-1", "subnet-2"])["Subnets"]) == 2
    assert client.describe_security_groups(GroupIds=["sg-1"])["SecurityGroups"][0]["GroupName"] == "sg-1"


def test_filters_and_pages(front):
    for number in range(4):
        front.client("emr", "administrator").run_job_flow(
            Name="made", ReleaseLabel="emr-7.0.0", Instances={"Ec2SubnetId": f"subnet-{number}"}
        )
    client = front.client("ec2")
    (vpc,) = client.describe_vpcs(Filters=[{"Name": "state", "Values": ["available"]}])["Vpcs"]
    all_of_them = client.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    assert len(all_of_them) == 7
    pages = list(client.get_paginator("describe_subnets").paginate(PaginationConfig={"PageSize": 5}))
    assert [len(page["Subnets"]) for page in pages] == [5, 2]
    assert list(itertools.chain(*(page["Subnets"] for page in pages))) == all_of_them
    assert client.describe_subnets(Filters=[{"Name": "vpc-id", "Values": ["vpc-0"]}])["Subnets"] == []


@pytest.mark.parametrize(
    ("method", "words", "code"),
    [
        ("describe_subnets", {"SubnetIds": ["subnet-0"]}, "InvalidSubnetID.NotFound"),
        ("describe_vpcs", {"VpcIds": ["vpc-0"]}, "InvalidVpcID.NotFound"),
        ("describe_security_groups", {"GroupIds": ["sg-0"]}, "InvalidGroup.NotFound"),
        ("describe_subnets", {"MaxResults": 1001}, "InvalidParameterValue"),
        ("describe_subnets", {"MaxResults": 5, "NextToken": "x"}, "InvalidParameterValue"),
        ("describe_subnets", {"Filters": [{"Name": "colour", "Values": ["red"]}]}, "InvalidParameterValue"),
        ("describe_vpcs", {"DryRun": True}, "DryRunOperation"),
        ("describe_instances", {}, "InvalidAction"),
    ],
)
def test_what_it_refuses(front, refused, method, words, code):
    assert refused(getattr(front.client("ec2", "administrator"), method), **words)[0] == code


@pytest.mark.parametrize("operation", RESULTS)
def test_iam_is_asked_for_each_action(front, refused, operation):
    client = front.client("ec2", "denied")
    method = next(name for name, api in client.meta.method_to_api_mapping.items() if api == operation)
    code, message, status = refused(getattr(client, method))
    assert (code, status) == ("UnauthorizedOperation", 403)
    assert f"not authorized to perform: ec2:{operation}" in message


def test_faults_and_keys_are_refused_with_ec2s_own_codes(front, refused):
    assert refused(front.client("ec2", aws_secret_access_key="x").describe_vpcs)[::2] == ("AuthFailure", 401)
    front.world.faults.set("throttle", options={"service": "ec2"})
    assert refused(front.client("ec2").describe_vpcs)[::2] == ("RequestLimitExceeded", 503)


def test_the_details_of_a_cluster_name_its_vpc(cloud, emr):
    forget()
    shown = emr("show", "analytics")
    (vpc,) = open_session().call("ec2", "DescribeVpcs")["Vpcs"]
    assert f"vpc                     {vpc['VpcId']}" in shown.out, shown.out + shown.err
