"""The administrator's list of runtime roles (``EMRConnect.runtime_roles``): ARNs and patterns, by compute."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ...errors import ConfigurationError, EMRConnectError
from ...models import Compute, check_role_arn

FIELDS = {"arn", "compute", "kind"}
KINDS = ("ec2", "eks", "serverless")
WILD = re.compile(r"[*?\[]")
PATTERN = re.compile(r"arn:aws[a-zA-Z0-9*-]*:iam::[\d*?]{1,12}:role/.+")
FIX = "Correct EMRConnect.runtime_roles: an ARN, or {'arn': ARN or pattern, 'compute': pattern, 'kind': kind}."


@dataclass(frozen=True)
class Rule:
    """One entry: ``arn`` may be a pattern; ``compute`` and ``kind`` say on which computes it is offered."""

    arn: str
    compute: str | None = None
    kind: str | None = None

    @property
    def is_pattern(self) -> bool:
        """Whether ``arn`` stands for several roles."""
        return WILD.search(self.arn) is not None

    @property
    def account(self) -> str | None:
        """The account that the ARN names, None for a pattern in its place."""
        found = self.arn.split(":")[4]
        return None if WILD.search(found) else found

    def fits(self, compute: Compute | None) -> bool:
        """Whether the role is offered on this compute; without a compute, whether it is offered anywhere."""
        if compute is None:
            return True
        names = (compute.id, compute.name, compute.arn)
        there = self.compute is None or any(fnmatchcase(name, self.compute) for name in names)
        return there and self.kind in (None, compute.kind)

    def matches(self, arn: str) -> bool:
        """Whether a role is one of those that the pattern stands for."""
        return fnmatchcase(arn, self.arn)


def read_rules(entries: Iterable[Any]) -> tuple[list[Rule], list[EMRConnectError]]:
    """Return the entries that can be used, and an error for each that cannot."""
    rules: list[Rule] = []
    errors: list[EMRConnectError] = []
    for entry in entries:
        try:
            rules.append(_rule(entry))
        except EMRConnectError as error:
            errors.append(error)
    return rules, errors


def _rule(entry: Any) -> Rule:
    fields = {"arn": entry} if isinstance(entry, str) else dict(entry)
    unknown = sorted(map(str, set(fields) - FIELDS))
    if unknown:
        raise _wrong(entry, f"has the unknown key {unknown[0]!r}")
    if not all(isinstance(value, str) for value in fields.values()):
        raise _wrong(entry, "has a value that is not text")
    if not fields.get("arn"):
        raise _wrong(entry, "has no 'arn'")
    if fields.get("kind", "ec2") not in KINDS:
        raise _wrong(entry, f"has the kind {fields['kind']!r}, which is none of {', '.join(KINDS)}")
    rule = Rule(**fields)
    if not rule.is_pattern:
        check_role_arn(rule.arn)
    elif not PATTERN.fullmatch(rule.arn):
        raise _wrong(entry, "has an 'arn' that is no pattern such as arn:aws:iam::123456789012:role/EMR*")
    return rule


def _wrong(entry: Any, what: str) -> ConfigurationError:
    shown = repr(entry)
    shown = shown if len(shown) <= 120 else f"{shown[:117]}..."
    return ConfigurationError(f"The runtime role {shown} in the configuration {what}.", fix=FIX)
