"""The runtime roles offered for a compute: where they come from, which can be used, what the others lack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_emr_connect.aws.emr import cluster_session_credentials
from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import AWSError
from jupyter_emr_connect.models import AccessRole
from jupyter_emr_connect.sandbox.aws.identity import iam_backend
from jupyter_emr_connect.sandbox.world.world import ACCOUNT, OTHER_ACCOUNT, REGION
from jupyter_emr_connect.services.attachments.resolution import open_attachments
from jupyter_emr_connect.services.roles import forget_checks, list_roles
from tests.functional.services.accounts import (
    ASK,
    INSTANCE_PROFILE,
    PARTNER,
    ROLES,
    add_trust,
    allow,
    cluster,
    document,
    give,
    make_role,
    make_user,
    offered,
    one,
    trusting,
)

ANALYST, ENGINEER = f"{ROLES}/EMRAnalyst", f"{ROLES}/EMREngineer"
TAKE = allow("elasticmapreduce:GetClusterSessionCredentials")
IAM = ("SimulatePrincipalPolicy", "GetRole", "GetInstanceProfile", "ListRoles")


def calls(cloud):
    return sum(cloud.calls(action) for action in IAM)


def test_a_role_that_all_sides_admit_is_usable(cloud):
    role = one(make_user(cloud, "ann", *ASK, TAKE), cluster(cloud), ANALYST)
    assert (role.usable, role.missing, role.statement, role.where) == (True, None, None, None)
    assert cluster_session_credentials(open_session("ann"), cloud.id("analytics"), ANALYST)


def test_the_statement_given_is_the_one_that_lacks_and_no_more(cloud):
    session = make_user(cloud, "ann", *ASK)
    role = one(session, cluster(cloud), ANALYST)
    assert role.usable is False
    assert role.missing == "Your policy does not allow elasticmapreduce:GetClusterSessionCredentials with this role."
    assert role.where == "the policy of user ann"
    with pytest.raises(AWSError, match="GetClusterSessionCredentials"):
        cluster_session_credentials(session, cloud.id("analytics"), ANALYST)
    give("ann", *ASK, role.statement)
    forget_checks()
    assert one(session, cluster(cloud), ANALYST).usable is True
    assert cluster_session_credentials(session, cloud.id("analytics"), ANALYST)
    assert one(session, cluster(cloud), ENGINEER).usable is False
    with pytest.raises(AWSError, match="GetClusterSessionCredentials"):
        cluster_session_credentials(session, cloud.id("analytics"), ENGINEER)


def test_the_trust_statement_given_lets_the_cluster_in(cloud):
    session = make_user(cloud, "ann", *ASK, TAKE)
    arn = make_role("Late", trusting({"AWS": f"{ROLES}/{INSTANCE_PROFILE}"}, "sts:AssumeRole"))
    role = one(session, cluster(cloud), arn)
    assert role.usable is False
    assert role.where == "the trust policy of role Late"
    assert f"let the cluster's instance profile role {INSTANCE_PROFILE} do sts:TagSession" in role.missing
    with pytest.raises(AWSError, match="TagSession"):
        cluster_session_credentials(session, cloud.id("analytics"), arn)
    add_trust("Late", role.statement)
    forget_checks()
    assert one(session, cluster(cloud), arn).usable is True
    assert cluster_session_credentials(session, cloud.id("analytics"), arn)


def test_an_explicit_deny_names_its_policy_and_nothing_to_add(cloud):
    arn = f"{ROLES}/EMRForbidden"
    role = one(open_session("administrator"), cluster(cloud), arn)
    assert role.usable is False
    assert "EMRSandbox-administrator" in role.missing
    assert "explicitly" in role.missing
    assert role.statement is None


def test_conditions_on_the_clusters_tags_count(cloud):
    only = {"StringEquals": {"elasticmapreduce:ResourceTag/team": "analytics"}}
    session = make_user(cloud, "ann", *ASK, allow("elasticmapreduce:GetClusterSessionCredentials", **only))
    assert one(session, cluster(cloud), ANALYST).usable is True
    assert one(session, cluster(cloud, "open"), ANALYST).usable is False


def test_what_only_a_real_request_has_leaves_it_open(cloud):
    near = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    session = make_user(cloud, "ann", *ASK, allow("elasticmapreduce:GetClusterSessionCredentials", **near))
    assert one(session, cluster(cloud), ANALYST).usable is None


def test_a_role_that_is_not_there(cloud):
    role = one(make_user(cloud, "ann", *ASK, TAKE), cluster(cloud), f"{ROLES}/Nobody")
    assert (role.usable, role.missing) == (False, f"There is no role Nobody in account {ACCOUNT}.")


def test_of_another_accounts_role_only_the_callers_side_is_known(cloud):
    session = make_user(cloud, "ann", *ASK)
    assert one(session, cluster(cloud), PARTNER).usable is False
    give("ann", *ASK, TAKE)
    forget_checks()
    assert one(session, cluster(cloud), PARTNER).usable is None


def test_who_may_not_ask_iam_gets_the_roles_without_errors(cloud):
    listed = offered(make_user(cloud, "ann", TAKE), cluster(cloud), ANALYST, ENGINEER)
    assert [(role.arn, role.usable) for role in listed.items] == [(ANALYST, None), (ENGINEER, None)]
    assert listed.errors == []
    assert cloud.calls("SimulatePrincipalPolicy") == 1


def test_the_order_is_configured_used_found_and_failing_last(cloud):
    session = make_user(cloud, "ann", *ASK, TAKE, allow("iam:ListRoles"))
    open_attachments(EMRConnect()).remember_role(cloud.id("analytics"), ANALYST)
    listed = offered(session, cluster(cloud), f"{ROLES}/EMRForbidden", PARTNER)
    assert [(role.name, role.source, role.usable) for role in listed.items] == [
        ("EMRPartner", "configuration", None),
        ("EMRAnalyst", "used before", True),
        ("EMREngineer", "IAM", True),
        ("EMRForbidden", "configuration", False),
    ]
    assert listed.errors == []


def test_the_administrator_can_switch_discovery_off(cloud):
    session = make_user(cloud, "ann", *ASK, TAKE, allow("iam:ListRoles"))
    assert offered(session, cluster(cloud), discover_roles=False).items == []
    assert cloud.calls("ListRoles") == 0


def test_patterns_are_expanded_where_roles_can_be_listed(cloud):
    session = make_user(cloud, "ann", *ASK, TAKE, allow("iam:ListRoles"))
    make_role("Other", trusting({"AWS": f"{ROLES}/{INSTANCE_PROFILE}"}))
    listed = offered(session, cluster(cloud), f"{ROLES}/EMR[AE]n*", discover_roles=False)
    assert [role.name for role in listed.items] == ["EMRAnalyst", "EMREngineer"]


def test_a_pattern_that_cannot_be_expanded_is_an_error_and_hides_nothing(cloud):
    listed = offered(make_user(cloud, "ann", *ASK, TAKE), cluster(cloud), f"{ROLES}/EMR*", ANALYST)
    assert [role.arn for role in listed.items] == [ANALYST]
    (error,) = listed.errors
    assert error.iam_action == "iam:ListRoles"
    assert f"{ROLES}/EMR*" in error.message


def test_a_pattern_for_another_account_says_why_it_is_left_out(cloud):
    session = make_user(cloud, "ann", allow("iam:ListRoles"))
    (error,) = offered(session, cluster(cloud), f"arn:aws:iam::{OTHER_ACCOUNT}:role/*", discover_roles=False).errors
    assert f"account {OTHER_ACCOUNT} cannot be listed from account {ACCOUNT}" in error.message


def test_rules_choose_by_compute_and_kind(cloud):
    rules = [
        {"arn": ANALYST, "compute": "ana*"},
        {"arn": ENGINEER, "compute": "other*"},
        {"arn": PARTNER, "kind": "serverless"},
    ]
    assert [role.arn for role in list_roles(EMRConnect(runtime_roles=rules), cluster(cloud)).items] == [ANALYST]
    assert len(list_roles(EMRConnect(runtime_roles=rules)).items) == 3


def test_a_wrong_rule_is_an_error_and_hides_nothing(cloud):
    rules = ["nonsense", {"arn": ANALYST, "colour": "red"}, {"kind": "ec2"}, {"arn": ANALYST, "kind": "x"}, ENGINEER]
    listed = list_roles(EMRConnect(runtime_roles=rules), cluster(cloud))
    assert [role.arn for role in listed.items] == [ENGINEER]
    said = " ".join(error.message for error in listed.errors)
    assert len(listed.errors) == 4
    assert all(word in said for word in ("'nonsense'", "'colour'", "no 'arn'", "'x'"))


def test_a_damaged_state_file_hides_no_configured_role(cloud, tmp_path):
    (tmp_path / "broken.sqlite").write_bytes(b"no database at all" * 100)
    listed = list_roles(EMRConnect(runtime_roles=[ANALYST], state_file=str(tmp_path / "broken.sqlite")), cluster(cloud))
    assert [role.arn for role in listed.items] == [ANALYST]
    assert [error.code for error in listed.errors] == ["store-damaged"]


def test_iam_that_fails_is_told_once_and_hides_nothing(cloud, monkeypatch):
    monkeypatch.setattr("jupyter_emr_connect.aws.session.ATTEMPTS", 1)
    session = make_user(cloud, "ann", *ASK, TAKE)
    cloud.world.faults.set("throttle", options={"action": "SimulatePrincipalPolicy"})
    listed = offered(session, cluster(cloud), ANALYST, ENGINEER)
    assert [role.usable for role in listed.items] == [None, None]
    assert [error.code for error in listed.errors] == ["throttled"]
    assert cloud.calls("SimulatePrincipalPolicy") == 1


@pytest.mark.slow
@pytest.mark.parametrize("most", [0, 1, 5, 25])
def test_iam_is_never_called_more_often_than_allowed(cloud, most):
    session = make_user(cloud, "ann", *ASK, TAKE, allow("iam:ListRoles"))
    many = [make_role(f"Many{number}", trusting({"AWS": f"{ROLES}/{INSTANCE_PROFILE}"})) for number in range(40)]
    listed = offered(session, cluster(cloud), *many, most_role_checks=most)
    assert calls(cloud) <= most
    assert len(listed.items) >= 40
    assert listed.errors == []
    assert sum(role.usable is True for role in listed.items) == {0: 0, 1: 0, 5: 3, 25: 23}[most]


def test_what_iam_answered_is_remembered(cloud):
    session = make_user(cloud, "ann", *ASK, TAKE, allow("iam:ListRoles"))
    first = offered(session, cluster(cloud), ANALYST)
    made = calls(cloud)
    assert offered(session, cluster(cloud), ANALYST).items == first.items
    assert calls(cloud) == made > 0
    assert offered(open_session("administrator"), cluster(cloud), ANALYST).items
    assert calls(cloud) > made


def test_a_sessions_role_is_found_in_spite_of_its_path(cloud):
    path = "/aws-reserved/sso.amazonaws.com/"
    me = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"}
    own = f"{ROLES}{path}Sso"
    may = [allow("iam:SimulatePrincipalPolicy", own), allow(["iam:GetRole", "iam:GetInstanceProfile"]), TAKE]
    make_user(cloud, "ann")
    assert make_role("Sso", trusting(me, "sts:AssumeRole"), path=path, permissions=document(*may)) == own
    session = open_session("ann", REGION, AccessRole(own))
    assert one(session, cluster(cloud), ANALYST).usable is True
    iam_backend(ACCOUNT).get_role("Sso").put_policy("inline", document(*may[:2]))
    forget_checks()
    assert one(session, cluster(cloud), ANALYST).where == "the policy of role Sso"


def test_a_permissions_boundary_is_named(cloud):
    me = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"}
    ask = [allow(["iam:SimulatePrincipalPolicy", "iam:GetRole", "iam:GetInstanceProfile"])]
    make_user(cloud, "ann")
    own = make_role("Bounded", trusting(me, "sts:AssumeRole"), permissions=document(*ask, TAKE))
    iam = iam_backend(ACCOUNT)
    boundary = iam.create_policy("", "/", document(*ask), "limits", [])
    iam.get_role("Bounded").permissions_boundary_arn = boundary.arn
    role = one(open_session("ann", REGION, AccessRole(own)), cluster(cloud), ANALYST)
    assert role.usable is False
    assert role.where == "the permissions boundary of role Bounded"
    assert role.statement["Action"] == "elasticmapreduce:GetClusterSessionCredentials"


def test_in_another_account_the_access_role_is_asked_about(cloud):
    access = make_role(
        "Reach",
        trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"}, "sts:AssumeRole"),
        account=OTHER_ACCOUNT,
        permissions=document(allow(["iam:SimulatePrincipalPolicy", "iam:GetRole", "iam:GetInstanceProfile"]), TAKE),
    )
    make_user(cloud, "ann", allow("sts:AssumeRole", access))
    session = open_session("ann", REGION, AccessRole(access))
    assert one(session, cluster(cloud, "shared"), PARTNER).usable is True
    assert cluster_session_credentials(session, cloud.id("shared"), PARTNER)


def test_a_compute_without_runtime_roles_has_none(cloud):
    compute = replace(cluster(cloud, "open"), runtime_role="unsupported")
    assert offered(open_session("administrator"), compute, ANALYST).items == []
    assert calls(cloud) == 0
