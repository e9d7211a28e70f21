"""The three ways across accounts (reference 8.6), as far as AWS goes: who calls what, and who is refused.

What comes with the sandbox is used as it is: account 210987654321 with the access roles EMRAccess and EMRAccessWithId,
the runtime role EMRPartner, the cluster `shared` and the bucket emr-sandbox-partner-data.
"""

from __future__ import annotations

import pytest
from moto.s3.models import s3_backends

from jupyter_emr_connect.aws.emr import describe_cluster
from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import AccessDenied, RoleDenied
from jupyter_emr_connect.models import AccessRole
from jupyter_emr_connect.sandbox.aws.policies_partner import EXTERNAL_ID
from jupyter_emr_connect.sandbox.world.world import ACCOUNT, OTHER_ACCOUNT, REGION
from jupyter_emr_connect.services.compute.lookup import find
from jupyter_emr_connect.services.credentials.aws_sessions import session_of
from jupyter_emr_connect.services.credentials.gateway_secrets import RenewingPairAuth
from jupyter_emr_connect.services.roles import list_roles
from tests.functional.services.accounts import PARTNER, ROLES, add_trust, trusting

BUCKET = "emr-sandbox-partner-data"
ACCESS = f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRAccess"
WITH_ID = f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRAccessWithId"


def pair_for(config, text, role):
    """Return the compute, and the pair that a kernel would use there as this role."""
    compute = find(config, text)
    session = session_of(config, compute)
    return compute, RenewingPairAuth(session, compute, role, renew_before=config.renew_before).obtain()


def answered(cloud, action):
    return [(row["principal"], row["status"]) for row in cloud.world.log.since() if row["action"] == action]


def test_way_1_the_access_role_asks_for_cluster_and_credentials(cloud):
    config = EMRConnect(access_roles=[ACCESS])
    compute, pair = pair_for(config, "shared", PARTNER)
    assert (compute.account, compute.access_role) == (OTHER_ACCOUNT, ACCESS)
    assert cloud.world.pairs._pairs[pair.username].role_arn == PARTNER
    for action in ("DescribeCluster", "GetClusterSessionCredentials"):
        who, status = answered(cloud, action)[-1]
        assert who.startswith(f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/EMRAccess/")
        assert status == 200


def test_way_1_tells_which_roles_the_access_role_may_take(cloud):
    config = EMRConnect(access_roles=[ACCESS], runtime_roles=[PARTNER])
    compute = find(config, "shared")
    (role,) = list_roles(config, compute, session=session_of(config, compute)).items
    assert (role.arn, role.usable) == (PARTNER, True)


def test_way_1_takes_an_external_id_and_session_tags(cloud):
    entry = {"arn": WITH_ID, "external_id": EXTERNAL_ID, "session_tags": {"team": "data"}}
    compute, pair = pair_for(EMRConnect(access_roles=[entry]), "shared", PARTNER)
    assert compute.access_role == WITH_ID
    assert pair.seconds_left() > 0
    with pytest.raises(AccessDenied, match="sts:AssumeRole"):
        describe_cluster(open_session(None, REGION, AccessRole(WITH_ID, external_id="wrong")), compute.id)


def test_way_1_is_closed_to_whom_the_access_role_does_not_trust(cloud):
    with pytest.raises(AccessDenied, match="sts:AssumeRole"):
        describe_cluster(open_session("analyst", REGION, AccessRole(ACCESS)), cloud.id("shared"))
    with pytest.raises(RoleDenied, match="GetClusterSessionCredentials"):
        pair_for(EMRConnect(access_roles=[ACCESS]), "shared", f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRAccess")


def test_way_1_without_an_access_role_the_cluster_is_not_there(cloud):
    assert describe_cluster(open_session(), cloud.id("shared")) is None


def test_way_2_the_runtime_role_reads_the_other_accounts_bucket(cloud):
    s3_backends[OTHER_ACCOUNT]["aws"].put_object(BUCKET, "facts.csv", b"1,2")
    _, pair = pair_for(EMRConnect(), "analytics", f"{ROLES}/EMRAnalyst")
    assert cloud.world.pairs._pairs[pair.username].role_arn == f"{ROLES}/EMRAnalyst"
    assert read_as("EMRAnalyst") == b"1,2"
    with pytest.raises(AccessDenied, match="s3:GetObject"):
        read_as("EMREngineer")  # which the bucket's policy does not admit


def read_as(role):
    """Read the other account's file as a runtime role, which Spark's instances may take and here a user too."""
    add_trust(role, trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:user/administrator"}, "sts:AssumeRole"))
    session = open_session("administrator", REGION, AccessRole(f"{ROLES}/{role}"))
    return session.call("s3", "GetObject", Bucket=BUCKET, Key="facts.csv")["Body"].read()


def test_way_3_the_foreign_role_is_typed_and_taken_here(cloud):
    compute, pair = pair_for(EMRConnect(), "analytics", PARTNER)
    assert compute.account == ACCOUNT
    assert cloud.world.pairs._pairs[pair.username].role_arn == PARTNER
    assert answered(cloud, "GetClusterSessionCredentials")[-1] == (f"arn:aws:iam::{ACCOUNT}:user/developer", 200)


def test_way_3_the_foreign_role_is_offered_and_its_trust_left_open(cloud):
    config = EMRConnect(runtime_roles=[PARTNER])
    compute = find(config, "analytics")
    (role,) = list_roles(config, compute, session=session_of(config, compute)).items
    assert (role.arn, role.usable) == (PARTNER, None)


def test_way_3_is_refused_where_the_policy_does_not_name_the_role(cloud, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "analyst")
    with pytest.raises(RoleDenied, match="GetClusterSessionCredentials"):
        pair_for(EMRConnect(), "analytics", PARTNER)
