"""The condition operators and the wildcards of IAM policies. Used by ``policy`` alone.

Source: "IAM JSON policy elements: Condition operators" and "Conditions with multiple context keys or values".
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache

Values = tuple[str, ...]
"""A condition key's values in the request; a key that the request lacks is None instead."""

Test = Callable[[str, str], bool]
"""(value in the request, value in the policy) → holds."""


def holds(operator: str, present: Values | None, wanted: Values) -> bool:
    """Whether one condition holds; an operator that IAM does not know holds never."""
    quantifier, _, name = operator.rpartition(":")
    optional = name.endswith("IfExists") and name != "IfExists"
    base = name[: -len("IfExists")] if optional else name
    if base == "Null":
        return (present is None) == (wanted == ("true",))
    negated, test = _operator(base)
    if test is None:
        return False
    if not present:
        return _absent(quantifier, optional=optional, negated=negated)

    def one(value: str) -> bool:
        found = any(test(value, want) for want in wanted)
        return found != negated

    return (
        all(map(one, present))
        if quantifier == "ForAllValues" or (not quantifier and negated)
        else any(map(one, present))
    )


def _absent(quantifier: str, *, optional: bool, negated: bool) -> bool:
    """Tell whether a condition on a missing key holds: with ForAllValues, IfExists and negated operators it does."""
    if quantifier == "ForAnyValue":
        return False
    return optional or negated or quantifier == "ForAllValues"


def _operator(name: str) -> tuple[bool, Test | None]:
    if name in _NEGATED:
        return True, _TESTS[_NEGATED[name]]
    return False, _TESTS.get(name)


def _arn_like(value: str, pattern: str) -> bool:
    return value.count(":") >= 5 and matches_arn(pattern, value)


def _number(compare: Callable[[float, float], bool]) -> Test:
    def test(value: str, wanted: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return test


def _date(compare: Callable[[float, float], bool]) -> Test:
    def moment(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
            return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp()

    def test(value: str, wanted: str) -> bool:
        try:
            return compare(moment(value), moment(wanted))
        except ValueError:
            return False

    return test


def _address(value: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _binary(value: str, wanted: str) -> bool:
    try:
        return base64.b64decode(value) == base64.b64decode(wanted)
    except ValueError:
        return False


_TESTS: dict[str, Test] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": lambda value, wanted: matches(wanted, value),
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
    "IpAddress": _address,
    "BinaryEquals": _binary,
    "NumericEquals": _number(lambda a, b: a == b),
    "NumericLessThan": _number(lambda a, b: a < b),
    "NumericLessThanEquals": _number(lambda a, b: a <= b),
    "NumericGreaterThan": _number(lambda a, b: a > b),
    "NumericGreaterThanEquals": _number(lambda a, b: a >= b),
    "DateEquals": _date(lambda a, b: a == b),
    "DateLessThan": _date(lambda a, b: a < b),
    "DateLessThanEquals": _date(lambda a, b: a <= b),
    "DateGreaterThan": _date(lambda a, b: a > b),
    "DateGreaterThanEquals": _date(lambda a, b: a >= b),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


_PARTS = re.compile(r"(\[\*\]|\[\?\]|\*|\?)")
_EXPRESSIONS = {"*": ".*", "?": ".", "[*]": r"\*", "[?]": r"\?"}


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    expression = "".join(_EXPRESSIONS.get(part, re.escape(part)) for part in _PARTS.split(text))
    return re.compile(expression, re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether ``text`` matches: ``*`` is any run of characters, ``?`` one; ``[*]`` and ``[?]`` are those characters."""
    return pattern == "*" or _pattern(pattern).fullmatch(text) is not None


def matches_arn(pattern: str, arn: str) -> bool:
    """Whether an ARN matches as ``ArnLike`` does: each of the six parts between colons by itself."""
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    if len(wanted) != 6 or len(given) != 6:
        return pattern == "*"
    return all(matches(want, have) for want, have in zip(wanted, given, strict=True))
