"""Condition operators, each with values that hold and that do not."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.sandbox.aws.conditions import holds

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"
HOLDS = [
    ("StringEquals", ["a"], ["a"]),
    ("StringEquals", ["a"], ["b", "a"]),
    ("StringNotEquals", ["a"], ["b", "c"]),
    ("StringNotEquals", None, ["a"]),
    ("StringEqualsIgnoreCase", ["A"], ["a"]),
    ("StringLike", ["team-7"], ["team-*"]),
    ("StringLike", ["a"], ["?"]),
    ("StringNotLike", ["b"], ["a*"]),
    ("ArnEquals", [ROLE], [ROLE]),
    ("ArnLike", [ROLE], ["arn:aws:iam::*:role/EMR*"]),
    ("ArnLike", [ROLE], ["arn:*:iam::123456789012:role/EMRAnalyst"]),
    ("ArnNotLike", [ROLE], ["arn:aws:iam::*:role/Other"]),
    ("Bool", ["true"], ["true"]),
    ("Bool", ["false"], ["false"]),
    ("Null", None, ["true"]),
    ("Null", ["x"], ["false"]),
    ("StringEqualsIfExists", None, ["a"]),
    ("StringEqualsIfExists", ["a"], ["a"]),
    ("ArnLikeIfExists", None, [ROLE]),
    ("ForAnyValue:StringEquals", ["a", "b"], ["b"]),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b", "c"]),
    ("ForAllValues:StringEquals", None, ["a"]),
    ("ForAllValues:StringLike", ["t1", "t2"], ["t*"]),
    ("NumericLessThan", ["5"], ["10"]),
    ("NumericEquals", ["5"], ["5.0"]),
    ("NumericNotEquals", ["5"], ["6"]),
    ("NumericGreaterThanEquals", ["10"], ["10"]),
    ("DateGreaterThan", ["2026-11-23T00:00:00Z"], ["2026-01-01T00:00:00Z"]),
    ("DateLessThan", ["1000"], ["2026-01-01T00:00:00Z"]),
    ("DateEquals", ["2026-01-01"], ["2026-01-01T00:00:00Z"]),
    ("IpAddress", ["10.1.2.3"], ["10.0.0.0/8"]),
    ("NotIpAddress", ["11.1.2.3"], ["10.0.0.0/8"]),
    ("BinaryEquals", ["YQ=="], ["YQ=="]),
]
FAILS = [
    ("StringEquals", ["A"], ["a"]),
    ("StringEquals", None, ["a"]),
    ("StringEquals", ["team-*"], ["team-7"]),
    ("StringEquals", ["team-7"], ["team-*"]),
    ("StringNotEquals", ["a"], ["b", "a"]),
    ("StringLike", ["team"], ["team-*"]),
    ("StringNotLike", ["ab"], ["a*"]),
    ("ArnEquals", [ROLE], ["arn:aws:iam::123456789012:role/EMREngineer"]),
    ("ArnLike", [ROLE], ["arn:aws:*"]),
    ("ArnLike", ["EMRAnalyst"], ["*"]),
    ("ArnLike", [ROLE], ["arn:aws:iam::*EMRAnalyst"]),
    ("ArnNotEquals", [ROLE], [ROLE]),
    ("Bool", ["false"], ["true"]),
    ("Bool", None, ["false"]),
    ("Null", None, ["false"]),
    ("Null", ["x"], ["true"]),
    ("StringEqualsIfExists", ["b"], ["a"]),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c"]),
    ("ForAnyValue:StringEquals", None, ["a"]),
    ("ForAllValues:StringEquals", ["a", "d"], ["a", "b"]),
    ("NumericLessThan", ["x"], ["10"]),
    ("NumericGreaterThan", ["10"], ["10"]),
    ("DateLessThan", ["tomorrow"], ["2026-01-01T00:00:00Z"]),
    ("IpAddress", ["here"], ["10.0.0.0/8"]),
    ("IpAddress", ["10.0.0.1"], ["nowhere"]),
    ("BinaryEquals", ["YQ=="], ["Yg=="]),
    ("Nonsense", ["a"], ["a"]),
    ("IfExists", None, ["a"]),
]


@pytest.mark.parametrize(("operator", "present", "wanted"), HOLDS)
def test_holds(operator, present, wanted):
    assert holds(operator, None if present is None else tuple(present), tuple(wanted))


@pytest.mark.parametrize(("operator", "present", "wanted"), FAILS)
def test_does_not_hold(operator, present, wanted):
    assert not holds(operator, None if present is None else tuple(present), tuple(wanted))
