"""The ARN of a runtime role that is given by its name."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import AmbiguousRole, RoleNotFound
from jupyter_emr_connect.services.attachments.resolution import open_attachments
from jupyter_emr_connect.services.roles import role_arn
from tests.functional.services.accounts import ASK, PARTNER, ROLES, allow, cluster, make_role, make_user, trusting

ANALYST = f"{ROLES}/EMRAnalyst"
LIST = allow("iam:ListRoles")


def ask(cloud, name, *statements, user="ann", **config):
    session = make_user(cloud, user, *(statements or (*ASK, LIST)))
    return role_arn(EMRConnect(**config), cluster(cloud), name, session=session)


def test_an_arn_is_itself_and_asks_nobody(cloud):
    assert ask(cloud, PARTNER) == PARTNER
    assert cloud.calls("ListRoles") == 0


@pytest.mark.parametrize("known", ["configured", "used"])
def test_a_role_that_is_known_for_the_compute_is_taken_without_asking_iam(cloud, known):
    arn = f"{ROLES}/team/EMRAnalyst"
    if known == "used":
        open_attachments(EMRConnect()).remember_role(cloud.id("analytics"), arn)
    config = {"runtime_roles": [{"arn": arn, "compute": "analytics"}]} if known == "configured" else {}
    assert ask(cloud, "EMRAnalyst", **config) == arn
    assert cloud.calls("ListRoles") == 0


def test_a_role_used_on_another_compute_says_nothing_of_this_one(cloud):
    open_attachments(EMRConnect()).remember_role(cloud.id("open"), "arn:aws:iam::210987654321:role/EMRAnalyst")
    assert ask(cloud, "EMRAnalyst") == ANALYST


def test_else_it_is_the_accounts_role_whatever_its_path(cloud):
    arn = make_role("Deep", trusting("*"), path="/a/b/")
    assert ask(cloud, "Deep") == arn
    assert arn.endswith(":role/a/b/Deep")


def test_several_known_roles_of_a_name_are_refused_and_listed(cloud):
    other = "arn:aws:iam::210987654321:role/EMRAnalyst"
    with pytest.raises(AmbiguousRole, match=f"2 roles are named 'EMRAnalyst': {ANALYST}, {other}"):
        ask(cloud, "EMRAnalyst", runtime_roles=[ANALYST, other])


def test_a_pattern_of_the_configuration_counts(cloud):
    arn = make_role("EMRDeep", trusting("*"), path="/team/")
    assert ask(cloud, "EMRDeep", LIST, runtime_roles=[f"{ROLES}/team/*"]) == arn


@pytest.mark.parametrize("statements", [ASK, [LIST]])
def test_a_name_that_the_account_has_not_is_refused(cloud, statements):
    with pytest.raises(RoleNotFound, match="No role named 'EMRAnalist' is known for 'analytics'") as caught:
        ask(cloud, "EMRAnalist", *statements, runtime_roles=[ANALYST])
    assert "Did you mean 'EMRAnalyst'?" in str(caught.value.fix)


def test_where_iam_may_not_be_asked_it_is_the_role_without_a_path_of_the_computes_account(cloud):
    assert ask(cloud, "EMRAnalyst", *ASK[:1]) == ANALYST
    assert ask(cloud, "Anything", *ASK[:1], user="bob") == f"{ROLES}/Anything"
