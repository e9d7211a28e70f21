"""Does a role's trust policy admit a compute? Yes, no, or not known where a condition cannot be judged from here.

Rules after "Policy evaluation logic" of the IAM user guide; whom a runtime role trusts: reference 9.3. No AWS call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import Any

EQUAL = {"StringEquals", "StringLike", "ArnEquals", "ArnLike"}


@dataclass(frozen=True)
class Visitor:
    """Who wants to assume a role: the kind of principal (``AWS``, ``Service``, ``Federated``) and names it goes by.

    ``context`` has the condition keys that are known, in lower case.
    """

    kind: str
    names: frozenset[str]
    context: Mapping[str, str] = field(default_factory=dict)


def admits(document: Mapping[str, Any], visitor: Visitor, action: str) -> bool | None:
    """Return whether the trust policy lets the visitor do ``action`` (``sts:AssumeRole`` …); None: not known."""
    verdict: bool | None = False
    perhaps_denied = False
    for statement in _list(document.get("Statement")):
        if not isinstance(statement, Mapping) or not _concerns(statement, visitor, action):
            continue
        holds = _conditions(statement.get("Condition"), visitor)
        if holds is False:
            continue
        if statement.get("Effect") != "Deny":
            verdict = verdict or holds
        elif holds:
            return False
        else:
            perhaps_denied = True
    return None if verdict and perhaps_denied else verdict


def federated(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the identity providers that a trust policy admits by ``AssumeRoleWithWebIdentity``, with the conditions."""
    action = "sts:AssumeRoleWithWebIdentity"
    for statement in _list(document.get("Statement")):
        if isinstance(statement, Mapping) and statement.get("Effect") == "Allow" and _names(statement, action):
            principal = statement.get("Principal")
            for name in _list(principal.get("Federated")) if isinstance(principal, Mapping) else []:
                yield str(name), statement.get("Condition") or {}


def _concerns(statement: Mapping[str, Any], visitor: Visitor, action: str) -> bool:
    if not _names(statement, action):
        return False
    if "NotPrincipal" in statement:
        return not _listed(statement["NotPrincipal"], visitor)
    return _listed(statement.get("Principal"), visitor)


def _names(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not _any_matches(statement["NotAction"], action)
    return _any_matches(statement.get("Action"), action)


def _listed(principal: Any, visitor: Visitor) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    return any(name == "*" or name in visitor.names for name in map(str, _list(principal.get(visitor.kind))))


def _conditions(conditions: Any, visitor: Visitor) -> bool | None:
    """Whether all conditions hold; one that certainly fails decides, one that cannot be judged leaves it open."""
    if not isinstance(conditions, Mapping):
        return True
    results = [
        _holds(str(operator), visitor.context.get(str(key).lower()), wanted)
        for operator, tests in conditions.items()
        for key, wanted in (tests.items() if isinstance(tests, Mapping) else [("", None)])
    ]
    if False in results:
        return False
    return None if None in results else True


def _holds(operator: str, value: str | None, wanted: Any) -> bool | None:
    # Policy variables (``${aws:…}``) are not filled in here.
    if value is None or operator.removesuffix("IfExists") not in EQUAL or "${" in str(wanted):
        return None
    if "Like" not in operator and not operator.startswith("Arn"):
        return value in map(str, _list(wanted))
    return any(_pattern(str(each)).match(value) is not None for each in _list(wanted))


def _any_matches(patterns: Any, action: str) -> bool:
    return any(_pattern(str(each).lower()).match(action.lower()) is not None for each in _list(patterns))


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    """Return IAM's wildcards as an expression: ``*`` and ``?`` only."""
    return re.compile(translate(text.replace("[", "[[]")))


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
