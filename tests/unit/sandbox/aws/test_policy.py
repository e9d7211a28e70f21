"""IAM's evaluation rules, row by row."""

from __future__ import annotations

import json

import pytest

from jupyter_emr_connect.sandbox.aws.policy import Question, Verdict, evaluate, parse

ALLOW, DENY, NOTHING = Verdict.ALLOW, Verdict.DENY, Verdict.NOTHING
CLUSTER = "arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/j-1"


def policy(*statements):
    return parse(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def statement(effect="Allow", **elements):
    given = {"Effect": effect, "Action": "*", "Resource": "*", **elements}
    return {name: value for name, value in given.items() if value is not None}


def ask(action="elasticmapreduce:ListClusters", resource=CLUSTER, principals=(), **context):
    keys = {name.replace("__", ":").lower(): tuple(values) for name, values in context.items()}
    return Question(action, resource, keys, frozenset(principals))


@pytest.mark.parametrize(
    ("pattern", "action", "verdict"),
    [
        ("*", "s3:GetObject", ALLOW),
        ("elasticmapreduce:*", "elasticmapreduce:ListClusters", ALLOW),
        ("elasticmapreduce:list*", "ElasticMapReduce:ListClusters", ALLOW),
        ("elasticmapreduce:List?lusters", "elasticmapreduce:ListClusters", ALLOW),
        ("elasticmapreduce:List", "elasticmapreduce:ListClusters", NOTHING),
        ("elasticmapreduce:ListClusters*", "elasticmapreduce:ListClusters", ALLOW),
        ("*:ListClusters", "elasticmapreduce:ListClusters", ALLOW),
        ("s3:*", "elasticmapreduce:ListClusters", NOTHING),
        (["s3:*", "elasticmapreduce:ListClusters"], "elasticmapreduce:ListClusters", ALLOW),
        ([], "elasticmapreduce:ListClusters", NOTHING),
        ("elasticmapreduce:List.lusters", "elasticmapreduce:ListClusters", NOTHING),
    ],
)
def test_actions(pattern, action, verdict):
    assert evaluate([policy(statement(Action=pattern))], ask(action)) is verdict


@pytest.mark.parametrize(
    ("pattern", "resource", "verdict"),
    [
        ("*", CLUSTER, ALLOW),
        (CLUSTER, CLUSTER, ALLOW),
        ("arn:aws:elasticmapreduce:*:*:cluster/*", CLUSTER, ALLOW),
        ("arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/j-2", CLUSTER, NOTHING),
        ("arn:aws:elasticmapreduce:*", CLUSTER, ALLOW),
        ("arn:aws:elasticmapreduce:*:*:cluster/*", "*", NOTHING),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b", ALLOW),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket", NOTHING),
        ("arn:aws:s3:::bucket/?", "arn:aws:s3:::bucket/ab", NOTHING),
        ("arn:aws:s3:::Bucket/*", "arn:aws:s3:::bucket/a", NOTHING),
        ("arn:aws:s3:::b[a]/*", "arn:aws:s3:::ba/x", NOTHING),
    ],
)
def test_resources(pattern, resource, verdict):
    assert evaluate([policy(statement(Resource=pattern))], ask(resource=resource)) is verdict


@pytest.mark.parametrize(
    ("elements", "verdict"),
    [
        ({"Action": None, "NotAction": "elasticmapreduce:List*"}, NOTHING),
        ({"Action": None, "NotAction": "s3:*"}, ALLOW),
        ({"Action": None, "NotAction": ["s3:*", "elasticmapreduce:*"]}, NOTHING),
        ({"Resource": None, "NotResource": CLUSTER}, NOTHING),
        ({"Resource": None, "NotResource": "arn:aws:s3:::*"}, ALLOW),
        ({"Resource": None, "NotResource": ["arn:aws:s3:::*", "*"]}, NOTHING),
    ],
)
def test_not_elements(elements, verdict):
    assert evaluate([policy(statement(**elements))], ask()) is verdict


def test_an_explicit_deny_wins_wherever_it_stands():
    allow, deny = policy(statement()), policy(statement("Deny"))
    for policies in ([allow, deny], [deny, allow], [policy(statement(), statement("Deny"))]):
        assert evaluate(policies, ask()) is DENY
    assert evaluate([allow, policy(statement("Deny", Action="s3:*"))], ask()) is ALLOW
    assert evaluate([], ask()) is NOTHING


@pytest.mark.parametrize(
    ("element", "names", "verdict"),
    [
        ({"Principal": "*"}, [], ALLOW),
        ({"Principal": {"AWS": "*"}}, ["arn:aws:iam::1:user/a"], ALLOW),
        ({"Principal": {"AWS": "arn:aws:iam::1:user/a"}}, ["arn:aws:iam::1:user/a"], ALLOW),
        ({"Principal": {"AWS": "arn:aws:iam::1:user/a"}}, ["arn:aws:iam::1:user/b"], NOTHING),
        ({"Principal": {"AWS": "arn:aws:iam::1:user/*"}}, ["arn:aws:iam::1:user/a"], NOTHING),
        ({"Principal": {"AWS": ["x", "123456789012"]}}, ["arn:aws:iam::123456789012:root"], ALLOW),
        ({"Principal": {"Service": "ec2.amazonaws.com"}}, ["arn:aws:iam::1:user/a"], NOTHING),
        ({"NotPrincipal": {"AWS": "arn:aws:iam::1:user/a"}}, ["arn:aws:iam::1:user/a"], NOTHING),
        ({"NotPrincipal": {"AWS": "arn:aws:iam::1:user/a"}}, ["arn:aws:iam::1:user/b"], ALLOW),
    ],
)
def test_principals(element, names, verdict):
    assert evaluate([policy(statement(**element))], ask(principals=names)) is verdict


@pytest.mark.parametrize(
    ("condition", "context", "verdict"),
    [
        ({"StringEquals": {"aws:X": "a"}}, {"aws__x": ["a"]}, ALLOW),
        ({"StringEquals": {"aws:X": ["b", "a"]}}, {"aws__x": ["a"]}, ALLOW),
        ({"StringEquals": {"aws:X": "a"}}, {}, NOTHING),
        ({"StringEquals": {"aws:X": "a", "aws:Y": "b"}}, {"aws__x": ["a"]}, NOTHING),
        ({"StringEquals": {"aws:X": "a"}, "Bool": {"aws:Y": "true"}}, {"aws__x": ["a"], "aws__y": ["true"]}, ALLOW),
        ({"StringEquals": {"aws:X": "a"}, "Bool": {"aws:Y": "true"}}, {"aws__x": ["a"], "aws__y": ["false"]}, NOTHING),
    ],
)
def test_every_condition_must_hold(condition, context, verdict):
    assert evaluate([policy(statement(Condition=condition))], ask(**context)) is verdict


@pytest.mark.parametrize(
    ("resource", "username", "verdict"),
    [
        ("arn:aws:s3:::home/${aws:username}/*", ["ann"], ALLOW),
        ("arn:aws:s3:::home/${aws:username}/*", ["bob"], NOTHING),
        ("arn:aws:s3:::home/${aws:username}/*", None, NOTHING),
        ("arn:aws:s3:::home/${aws:username, 'ann'}/*", None, ALLOW),
        ("arn:aws:s3:::home/${*}/x", ["ann"], NOTHING),
    ],
)
def test_variables(resource, username, verdict):
    context = {"aws__username": username} if username else {}
    assert (
        evaluate([policy(statement(Resource=resource))], ask(resource="arn:aws:s3:::home/ann/x", **context)) is verdict
    )


def test_a_literal_star_is_only_a_star():
    starred = policy(statement(Resource="arn:aws:s3:::b/${*}"))
    assert evaluate([starred], ask(resource="arn:aws:s3:::b/*")) is ALLOW
    assert evaluate([starred], ask(resource="arn:aws:s3:::b/x")) is NOTHING


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        "{}",
        '{"Statement": [{"Effect": "Maybe", "Action": "*"}]}',
        '{"Statement": [{"Effect": "Allow"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "*"}]}',
        '{"Statement": ["x"]}',
    ],
)
def test_what_is_no_policy_is_refused(document):
    with pytest.raises(ValueError, match=r"."):
        parse(document)
