"""A role's trust policy, evaluated: who may assume it, with which external id, tags and source identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .conditions import Values
from .policy import Question, Verdict, evaluate, parse


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
