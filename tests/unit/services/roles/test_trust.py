"""Trust policies: who is admitted, who is not, and what cannot be told."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.services.roles.trust import Visitor, admits

ROLE = "arn:aws:iam::123456789012:role/Instances"
VISITOR = Visitor(
    "AWS", frozenset({ROLE, "123456789012", "arn:aws:iam::123456789012:root"}), {"aws:principalarn": ROLE}
)


def statement(effect="Allow", principal=None, action="sts:AssumeRole", **more):
    return {"Effect": effect, "Principal": principal or {"AWS": ROLE}, "Action": action, **more}


def verdict(*statements):
    return admits({"Statement": list(statements)}, VISITOR, "sts:AssumeRole")


@pytest.mark.parametrize(
    "principal", [{"AWS": ROLE}, {"AWS": ["other", ROLE]}, {"AWS": "123456789012"}, {"AWS": "*"}, "*"]
)
def test_the_visitor_goes_by_several_names(principal):
    assert verdict(statement(principal=principal)) is True


@pytest.mark.parametrize(
    "principal", [{"AWS": f"{ROLE}2"}, {"Service": ROLE}, {"AWS": []}, "nobody", {"AWS": "arn:aws:iam::1*:role/Inst*"}]
)
def test_others_are_not_admitted(principal):
    assert verdict(statement(principal=principal)) is False


@pytest.mark.parametrize(("action", "admitted"), [("sts:*", True), ("STS:assumerole", True), ("sts:Tag*", False)])
def test_actions_have_wildcards_and_no_case(action, admitted):
    assert verdict(statement(action=action)) is admitted


def test_a_deny_wins_wherever_it_stands():
    assert verdict(statement("Deny"), statement()) is False
    assert verdict(statement(), statement("Deny")) is False


def test_what_cannot_be_judged_leaves_it_open():
    unknown = {"Condition": {"StringEquals": {"sts:ExternalId": "secret"}}}
    assert verdict(statement(**unknown)) is None
    assert verdict(statement(**unknown), statement()) is True
    assert verdict(statement(), statement("Deny", **unknown)) is None
    assert verdict(statement("Deny", **unknown), statement()) is None
    assert verdict(statement("Deny", **unknown)) is False


@pytest.mark.parametrize(
    ("condition", "admitted"),
    [
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Inst*"}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": ROLE}}, True),
        ({"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/Inst*"}}, False),
        ({"StringEquals": {"aws:PrincipalArn": ["x", ROLE]}, "Bool": {"aws:SecureTransport": "true"}}, None),
        ({"StringLike": {"aws:PrincipalArn": "${aws:username}"}}, None),
        ({"StringLike": {"aws:PrincipalArn": "nothing"}, "Bool": {"aws:SecureTransport": "true"}}, False),
    ],
)
def test_conditions_on_what_is_known_are_judged(condition, admitted):
    assert verdict(statement(Condition=condition)) is admitted


def test_exceptions_are_understood():
    but = {"Effect": "Allow", "NotPrincipal": {"AWS": ROLE}, "Action": "sts:AssumeRole"}
    assert verdict(but) is False
    assert verdict({"Effect": "Allow", "Principal": {"AWS": ROLE}, "NotAction": "sts:TagSession"}) is True


@pytest.mark.parametrize(
    "document", [{}, {"Statement": None}, {"Statement": "x"}, {"Statement": [1, {"Effect": "Allow"}]}]
)
def test_documents_that_say_nothing_admit_nobody(document):
    assert admits(document, VISITOR, "sts:AssumeRole") is False
