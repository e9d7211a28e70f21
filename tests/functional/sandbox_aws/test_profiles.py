"""What each profile of the sandbox may do."""

from __future__ import annotations

import re

import pytest

from jupyter_emr_connect.sandbox.aws.app import make_app
from jupyter_emr_connect.sandbox.aws.seed import profiles, role_arns, seed
from jupyter_emr_connect.sandbox.world.world import World

ACTIONS = {
    "list": ("emr", "list_clusters", {}),
    "describe analytics": ("emr", "describe_cluster", {"ClusterId": "j-SANDBOXANALYTICS0"}),
    "describe open": ("emr", "describe_cluster", {"ClusterId": "j-SANDBOXOPEN000000"}),
    "security": ("emr", "describe_security_configuration", {"Name": "kerberos"}),
    "terminate": ("emr", "terminate_job_flows", {"JobFlowIds": ["j-SANDBOXOPEN000000"]}),
    "who am I": ("sts", "get_caller_identity", {}),
    "list roles": ("iam", "list_roles", {}),
    "save": ("s3", "put_object", {"Bucket": "emr-sandbox-notebooks", "Key": "x", "Body": b"1"}),
    "write data": ("s3", "put_object", {"Bucket": "emr-sandbox-data", "Key": "x", "Body": b"1"}),
}
READ = {"list", "security", "who am I", "save", "describe analytics"}
MAY = {
    "developer": READ | {"describe open"},
    "analyst": READ,
    "administrator": set(ACTIONS),
    "denied": {"who am I"},
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("profile", MAY)
def test_a_profile_may_do_this_and_no_more(front, refused, profile, action):
    service, operation, params = ACTIONS[action]
    call = getattr(front.client(service, profile), operation)
    if action in MAY[profile]:
        call(**params)
    else:
        code, message, _ = refused(call, **params)
        assert code in ("AccessDeniedException", "AccessDenied")
        assert f"user/{profile} is not authorized to perform: " in message
        assert "because no identity-based policy allows the " in message


@pytest.mark.parametrize("profile", MAY)
def test_the_caller_is_the_profiles_user(front, profile):
    who = front.client("sts", profile).get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::123456789012:user/{profile}" == front.profiles[profile].arn
    assert who["Account"] == "123456789012"


def test_a_denial_names_action_and_resource(front, refused):
    code, message, status = refused(front.client("emr", "denied").list_clusters)
    assert (code, status) == ("AccessDeniedException", 400)
    assert message == (
        "User: arn:aws:iam::123456789012:user/denied is not authorized to perform: elasticmapreduce:ListClusters "
        "on resource: * because no identity-based policy allows the elasticmapreduce:ListClusters action"
    )


def test_an_administrator_changes_what_others_may(front, refused):
    iam = front.client("iam", "administrator")
    iam.put_user_policy(
        UserName="denied",
        PolicyName="now",
        PolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Allow", '
        '"Action": "elasticmapreduce:List*", "Resource": "*"}}',
    )
    assert front.client("emr", "denied").list_clusters()["Clusters"]
    iam.create_group(GroupName="stopped")
    iam.put_group_policy(
        GroupName="stopped",
        PolicyName="stop",
        PolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Deny", '
        '"Action": "elasticmapreduce:ListClusters", "Resource": "*"}}',
    )
    iam.add_user_to_group(GroupName="stopped", UserName="denied")
    _, message, _ = refused(front.client("emr", "denied").list_clusters)
    assert message.endswith("with an explicit deny in an identity-based policy")


def test_a_new_user_of_the_administrator_can_call(front, refused):
    iam = front.client("iam", "administrator")
    iam.create_user(UserName="newcomer")
    key = iam.create_access_key(UserName="newcomer")["AccessKey"]
    secrets = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    assert front.client("sts", **secrets).get_caller_identity()["Arn"].endswith(":user/newcomer")
    assert refused(front.client("emr", **secrets).list_clusters)[0] == "AccessDeniedException"


def test_secrets_are_new_with_each_start_unless_given():
    make_app(World())
    first = seed(World())
    make_app(World())
    second = seed(World(), keys={"developer": ("AKIAAAAAAAAAAAAAAAAA", "given")})
    assert first["analyst"].secret != second["analyst"].secret
    assert first["analyst"].access_key != second["analyst"].access_key
    assert (second["developer"].access_key, second["developer"].secret) == ("AKIAAAAAAAAAAAAAAAAA", "given")
    assert "given" not in repr(second)


def test_profiles_and_roles_are_told(front):
    assert profiles(front.world) == front.profiles
    assert [arn.rpartition("/")[2] for arn in role_arns(front.world)] == ["EMRAnalyst", "EMREngineer", "EMRForbidden"]
    listed = front.client("iam", "administrator").list_roles()["Roles"]
    assert set(role_arns(front.world)) <= {role["Arn"] for role in listed}


def test_unique_ids_have_the_prefix_of_their_kind(front):
    assert re.fullmatch("AIDA[A-Z0-9]{17}", front.client("sts").get_caller_identity()["UserId"])
    iam = front.client("iam", "administrator")
    user = iam.create_user(UserName="new")["User"]["UserId"]
    assert re.fullmatch("AIDA[A-Z0-9]{17}", user)
    assert iam.get_user(UserName="new")["User"]["UserId"] == user
    assert re.fullmatch("AGPA[A-Z0-9]{17}", iam.create_group(GroupName="new")["Group"]["GroupId"])
    made = iam.create_instance_profile(InstanceProfileName="new")["InstanceProfile"]
    assert re.fullmatch("AIPA[A-Z0-9]{17}", made["InstanceProfileId"])
    assert all(each["RoleId"].startswith("AROA") for each in iam.list_roles()["Roles"])
    profiles = iam.list_instance_profiles()["InstanceProfiles"]
    assert all(each["InstanceProfileId"].startswith("AIPA") for each in profiles)
