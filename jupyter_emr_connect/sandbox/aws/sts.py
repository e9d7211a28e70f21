"""STS: who am I, and AssumeRole with the role's trust policy, which moto does not look at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from . import faults
from .authorize import identity_policies, names_of, request_context
from .conditions import Values
from .failures import FailureKind, Refusal
from .identity import AccessKey, Principal, find_role, session_of
from .policy import Question, Verdict, evaluate, trust_verdict
from .service import Call, Check, Handler, Service

SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
CONFLICT = "InvalidParameterValue"
CHAINED_SESSION_MAX_S = 3600
"""Seconds that a session may last whose caller is itself a session (role chaining)."""


def get_caller_identity(call: Call) -> dict[str, Any]:
    """Answer GetCallerIdentity; no policy can refuse it."""
    return {"UserId": call.principal.user_id, "Account": call.principal.account, "Arn": call.principal.arn}


def assume_role(call: Call) -> dict[str, Any]:
    """Answer AssumeRole after asking both the caller's policies and the role's trust policy."""
    name, arn = str(call.params["RoleSessionName"]), str(call.params["RoleArn"])
    if not SESSION_NAME.fullmatch(name):
        message = (
            f"1 validation error detected: Value '{name[:80]}' at 'roleSessionName' failed to satisfy constraint: "
        )
        raise Refusal(
            FailureKind.INVALID_PARAMETER, f"{message}Member must satisfy regular expression pattern: [\\w+=,.@-]*"
        )
    role = find_role(arn)
    tags = {str(tag["Key"]): str(tag["Value"]) for tag in call.params.get("Tags", [])}
    for action in _actions(call, tags):
        faults.authorization(call, Check(action, arn))
        _permit(call, role, arn, action, tags)
    seconds = _duration(call, role)
    inherited = {key: call.principal.tags[key] for key in call.principal.transitive}
    _check_tags(call, tags, inherited)
    principal = session_of(
        role,
        name,
        policy=str(call.params.get("Policy", "")),
        tags={**tags, **inherited},
        transitive=frozenset({*call.params.get("TransitiveTagKeys", []), *inherited}),
    )
    key = call.aws.keys.issue(principal, seconds)
    found = {
        "Credentials": _credentials(key),
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
        "PackedPolicySize": 1 if principal.policy or tags else 0,
    }
    if call.params.get("SourceIdentity"):
        found["SourceIdentity"] = call.params["SourceIdentity"]
    return found


def _check_tags(call: Call, tags: Mapping[str, str], inherited: Mapping[str, str]) -> None:
    """Refuse transitive keys without a tag, and new values for tags that came along the chain of roles."""
    missing = sorted(set(call.params.get("TransitiveTagKeys", [])) - tags.keys())
    if missing:
        message = f"The specified transitive tag key must be included in the requested tags: {missing[0]}"
        raise Refusal(FailureKind.INVALID_PARAMETER, message)
    again = sorted(inherited.keys() & tags.keys())
    if again:
        message = f"One of the specified transitive tag keys can't be set because it conflicts: {again[0]}"
        raise Refusal(CONFLICT, message)


def _actions(call: Call, tags: Mapping[str, str]) -> list[str]:
    actions = ["sts:AssumeRole"]
    if tags:
        actions.append("sts:TagSession")
    if call.params.get("SourceIdentity"):
        actions.append("sts:SetSourceIdentity")
    return actions


def _permit(call: Call, role: Any, arn: str, action: str, tags: Mapping[str, str]) -> None:
    """Raise :class:`Refusal` unless trust and identity policies let the caller do ``action`` on the role.

    In one account, a trust policy that names the caller is enough; one that names the account (its root) hands the
    decision to the caller's policies. From another account both must allow.
    """
    principal = call.principal
    context = {**request_context(call), **_session_context(call, tags)}
    identity = evaluate(identity_policies(principal), Question(action, arn, context))
    allowed = False
    if role is not None and identity is not Verdict.DENY:
        direct = trust_verdict(role, action, frozenset({principal.arn, principal.iam_arn}), context)
        through_account = trust_verdict(role, action, names_of(principal), context)
        same = role.account_id == principal.account
        allowed = through_account is Verdict.ALLOW and (identity is Verdict.ALLOW or (same and direct is Verdict.ALLOW))
    if not allowed:
        message = f"User: {principal.arn} is not authorized to perform: {action} on resource: {arn}"
        raise Refusal(FailureKind.DENIED, message)


def _session_context(call: Call, tags: Mapping[str, str]) -> dict[str, Values]:
    context: dict[str, Values] = {"sts:rolesessionname": (str(call.params["RoleSessionName"]),)}
    if call.params.get("ExternalId"):
        context["sts:externalid"] = (str(call.params["ExternalId"]),)
    if call.params.get("SourceIdentity"):
        context["sts:sourceidentity"] = (str(call.params["SourceIdentity"]),)
    if tags:
        context["aws:tagkeys"] = tuple(tags)
    for key, value in tags.items():
        context[f"aws:requesttag/{key.lower()}"] = (value,)
    return context


def _duration(call: Call, role: Any) -> int:
    seconds = int(call.params.get("DurationSeconds", 3600))
    if call.principal.kind == "role" and seconds > CHAINED_SESSION_MAX_S:
        message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        raise Refusal(FailureKind.INVALID_PARAMETER, message)
    if seconds > int(role.max_session_duration or 3600):
        message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise Refusal(FailureKind.INVALID_PARAMETER, message)
    return seconds


def get_session_token(call: Call) -> dict[str, Any]:
    """Answer GetSessionToken: temporary keys for the same user."""
    if call.principal.kind != "user":
        raise Refusal(FailureKind.DENIED, "Cannot call GetSessionToken with session credentials")
    seconds = int(call.params.get("DurationSeconds", 43_200))
    return {"Credentials": _credentials(call.aws.keys.issue(call.principal, seconds))}


def _credentials(key: AccessKey) -> dict[str, Any]:
    return {
        "AccessKeyId": key.id,
        "SecretAccessKey": key.secret,
        "SessionToken": key.token,
        "Expiration": key.expiration,
    }


def get_access_key_info(call: Call) -> dict[str, Any]:
    """Answer GetAccessKeyInfo."""
    owner: Principal = call.aws.keys.find(str(call.params["AccessKeyId"])).principal
    return {"Account": owner.account}


def checks(call: Call) -> Sequence[Check]:
    """AssumeRole asks by itself (both sides); who am I and session tokens need no permission."""
    return [Check("sts:GetAccessKeyInfo", "*")] if call.action == "GetAccessKeyInfo" else []


HANDLERS: Mapping[str, Handler] = {
    "GetCallerIdentity": get_caller_identity,
    "AssumeRole": assume_role,
    "GetSessionToken": get_session_token,
    "GetAccessKeyInfo": get_access_key_info,
}

SERVICE = Service(
    name="sts",
    model="sts",
    prefix="sts",
    checks=checks,
    handlers=HANDLERS,
)
