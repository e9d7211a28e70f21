"""IAM policies: parsed once, evaluated per question. No AWS call and no moto in here.

Rules after "Policy evaluation logic" and "IAM JSON policy elements reference" of the IAM user guide: an explicit deny
wins, then an allow, else nothing allows it. ``conditions`` has the operators.

Our own and not moto's: it is the independent check of what the product says about permissions, so it shares no code
with ``services/roles``; and moto evaluates neither conditions nor trust policies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

from .conditions import Values, holds, matches

_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}


class Verdict(Enum):
    """What a set of policies says of a question."""

    ALLOW = "allow"
    DENY = "explicit deny"
    NOTHING = "no statement matches"


@dataclass(frozen=True)
class Question:
    """May this action be done to this resource? ``context`` has the condition keys in lower case.

    ``principals`` are the names by which a resource policy's ``Principal`` may mean the caller.
    """

    action: str
    resource: str
    context: Mapping[str, Values] = field(default_factory=dict)
    principals: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Statement:
    """One statement; ``None`` means that the element is absent."""

    allow: bool
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    principals: tuple[str, ...] | None
    not_principals: tuple[str, ...] | None
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]

    def matches(self, question: Question) -> bool:
        """Whether the statement speaks of this question at all."""
        return self.concerns(question) and all(
            holds(operator, question.context.get(key), tuple(_fill(v, question.context) for v in values))
            for operator, key, values in self.conditions
        )

    def concerns(self, question: Question) -> bool:
        """Whether it speaks of this action, resource and caller, whatever its conditions say."""
        return (
            self._matches_action(question.action)
            and self._matches_resource(question)
            and self._matches_principal(question.principals)
        )

    def _matches_action(self, action: str) -> bool:
        lower = action.lower()
        if self.actions is not None:
            return any(matches(pattern.lower(), lower) for pattern in self.actions)
        return not any(matches(pattern.lower(), lower) for pattern in self.not_actions or ())

    def _matches_resource(self, question: Question) -> bool:
        def one_of(patterns: tuple[str, ...]) -> bool:
            return any(matches(_fill(pattern, question.context), question.resource) for pattern in patterns)

        if self.resources is not None:
            return one_of(self.resources)
        return self.not_resources is None or not one_of(self.not_resources)

    def _matches_principal(self, names: frozenset[str]) -> bool:
        if self.principals is not None:
            return "*" in self.principals or not names.isdisjoint(self.principals)
        if self.not_principals is not None:
            return names.isdisjoint(self.not_principals)
        return True


@dataclass(frozen=True)
class Policy:
    """A parsed policy document."""

    statements: tuple[Statement, ...]


def evaluate(policies: Iterable[Policy], question: Question) -> Verdict:
    """Return what the policies together say of the question."""
    verdict = Verdict.NOTHING
    for policy in policies:
        for statement in policy.statements:
            if not statement.matches(question):
                continue
            if not statement.allow:
                return Verdict.DENY
            verdict = Verdict.ALLOW
    return verdict


@lru_cache(maxsize=1024)
def parse(document: str) -> Policy:
    """Return the policy of a JSON document; raises ``ValueError`` when it is none."""
    data = json.loads(document)
    if not isinstance(data, dict) or "Statement" not in data:
        message = "The policy has no Statement."
        raise ValueError(message)
    found = data["Statement"]
    return Policy(tuple(_statement(each) for each in (found if isinstance(found, list) else [found])))


def _statement(data: Any) -> Statement:
    if not isinstance(data, dict) or data.get("Effect") not in ("Allow", "Deny"):
        message = "Each statement needs an Effect, Allow or Deny."
        raise ValueError(message)
    if ("Action" in data) == ("NotAction" in data):
        message = "Each statement needs either Action or NotAction."
        raise ValueError(message)
    return Statement(
        allow=data["Effect"] == "Allow",
        actions=_list(data, "Action"),
        not_actions=_list(data, "NotAction"),
        resources=_list(data, "Resource"),
        not_resources=_list(data, "NotResource"),
        principals=_principals(data, "Principal"),
        not_principals=_principals(data, "NotPrincipal"),
        conditions=tuple(_conditions(data.get("Condition") or {})),
    )


def _list(data: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    if name not in data:
        return None
    value = data[name]
    return tuple(str(each) for each in (value if isinstance(value, list) else [value]))


def _principals(data: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """Return the names a principal element means; an account id stands for the account's root."""
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        return ("*",) if value == "*" else ()
    names: list[str] = []
    for listed in value.values():
        for each in listed if isinstance(listed, list) else [listed]:
            names.append(f"arn:aws:iam::{each}:root" if str(each).isdigit() else str(each))
    return tuple(names)


def _conditions(data: Mapping[str, Any]) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    for operator, tests in data.items():
        for key, wanted in tests.items():
            values = wanted if isinstance(wanted, list) else [wanted]
            yield operator, key.lower(), tuple(_text(value) for value in values)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fill(text: str, context: Mapping[str, Values]) -> str:
    """Put policy variables in; one that the request does not have stays and so matches nothing."""

    def value(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(",")
        if name in _LITERALS:
            return f"[{_LITERALS[name]}]" if name != "$" else "$"
        found = context.get(name.strip().lower(), ())
        return found[0] if len(found) == 1 else default.strip().strip("'") or match[0]

    return _VARIABLE.sub(value, text) if "${" in text else text


def trusts(role: Any, action: str, principal_arn: str, *, external_id: str = "") -> bool:
    """Whether the role (moto's) lets another role of this ARN do ``action`` on it; used for instance profiles."""
    account = principal_arn.split(":")[4]
    context: dict[str, Values] = {
        "aws:principalarn": (principal_arn,),
        "aws:principalaccount": (account,),
        "aws:principaltype": ("AssumedRole",),
    }
    if external_id:
        context["sts:externalid"] = (external_id,)
    names = frozenset({principal_arn, f"arn:aws:iam::{account}:root"})
    return trust_verdict(role, action, names, context) is Verdict.ALLOW


def trust_verdict(role: Any, action: str, names: frozenset[str], context: Mapping[str, Values]) -> Verdict:
    """Return what the role's trust policy says of a caller of these names."""
    document = role.assume_role_policy_document
    return evaluate([parse(document)], Question(action, role.arn, context, names))
