"""May the caller do it? Collects the caller's policies from moto's IAM and asks ``policy`` for each check of a call.

Called by the app before the service answers. The messages have AWS's own form ("Troubleshoot access denied error
messages" in the IAM user guide), since clients read the missing action out of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from .conditions import Values
from .failures import FailureKind, Refusal
from .identity import Principal, find_role, iam_backend
from .policy import Policy, Question, Verdict, evaluate, parse
from .service import Call, Check


def authorize(call: Call, check: Check) -> None:
    """Raise :class:`Refusal` when IAM does not let the caller do what ``check`` asks."""
    reason = refusal_reason(call, check)
    if reason:
        raise Refusal(FailureKind.DENIED, denial(call.principal, check, reason))


def denial(principal: Principal, check: Check, reason: str) -> str:
    """Return AWS's sentence for a refused action."""
    who = f"User: {principal.arn}" if principal.kind != "anonymous" else "User: anonymous"
    return f"{who} is not authorized to perform: {check.action} on resource: {check.resource} {reason}"


def refusal_reason(call: Call, check: Check) -> str:
    """Return the end of AWS's sentence ("because …"), or nothing when the action is allowed."""
    principal = call.principal
    question = Question(
        check.action,
        check.resource,
        {**request_context(call), **{name.lower(): tuple(values) for name, values in check.context.items()}},
        names_of(principal),
    )
    identity = evaluate(identity_policies(principal), question)
    resource = evaluate([parse(text) for text in check.resource_policies], question)
    if identity is Verdict.DENY:
        return "with an explicit deny in an identity-based policy"
    if resource is Verdict.DENY:
        return "with an explicit deny in a resource-based policy"
    if principal.kind == "anonymous" and resource is Verdict.ALLOW:
        return ""
    foreign = bool(check.owner) and check.owner != principal.account
    if foreign and resource is not Verdict.ALLOW:
        return f"because no resource-based policy allows the {check.action} action"
    if identity is not Verdict.ALLOW and (foreign or resource is not Verdict.ALLOW):
        return f"because no identity-based policy allows the {check.action} action"
    return _bounds(principal, question, check)


def _bounds(principal: Principal, question: Question, check: Check) -> str:
    """Return the refusal by a session policy or a permissions boundary, which can only take away; else nothing."""
    for document, name in ((principal.policy, "session policy"), (boundary_of(principal), "permissions boundary")):
        if not document:
            continue
        verdict = evaluate([parse(document)], question)
        if verdict is Verdict.DENY:
            return f"with an explicit deny in a {name}"
        if verdict is Verdict.NOTHING:
            return f"because no {name} allows the {check.action} action"
    return ""


def names_of(principal: Principal) -> frozenset[str]:
    """Return the names by which a resource policy may mean this caller."""
    if principal.kind == "anonymous":
        return frozenset()
    root = f"arn:aws:iam::{principal.account}:root"
    return frozenset({principal.arn, principal.iam_arn, root})


def identity_policies(principal: Principal) -> list[Policy]:
    """Return the policies of the caller: inline, managed, and those of a user's groups."""
    if principal.kind == "anonymous":
        return []
    return [parse(document) for _, document in named_documents(principal)]


def named_documents(principal: Principal) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each policy of the caller: inline, managed, and those of a user's groups."""
    backend = iam_backend(principal.account)
    owners: list[Any] = []
    if principal.kind == "user" and principal.name in backend.users:
        user = backend.users[principal.name]
        owners = [user, *(group for group in list(backend.groups.values()) if user in group.users)]
    elif principal.kind == "role":
        owners = [role for role in [find_role(principal.role_arn)] if role is not None]
    for owner in owners:
        for name, policy in list(owner.policies.items()):
            yield name, policy if isinstance(policy, str) else policy.policy_document
        for policy in list(owner.managed_policies.values()):
            yield policy.name, managed_document(policy)


def managed_document(policy: Any) -> str:
    """Return the text of a managed policy's (moto's) default version."""
    return str(next(v.document for v in policy.versions if v.version_id == policy.default_version_id))


def boundary_of(principal: Principal) -> str:
    """Return the text of the permissions boundary of a role's session; empty where there is none."""
    owner = find_role(principal.role_arn) if principal.kind == "role" else None
    arn = getattr(owner, "permissions_boundary_arn", None)
    if not arn:
        return ""
    managed = iam_backend(principal.account).managed_policies.get(arn)
    return managed_document(managed) if managed else ""


def request_context(call: Call) -> dict[str, Values]:
    """Return the global condition keys of a request, in lower case."""
    principal = call.principal
    now = datetime.fromtimestamp(call.now, timezone.utc)
    context: dict[str, Values] = {
        "aws:currenttime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(int(call.now)),),
        "aws:requestedregion": (call.region,),
        "aws:securetransport": (str(call.incoming.secure).lower(),),
        "aws:sourceip": (call.incoming.source,),
        "aws:useragent": (call.incoming.headers.get("user-agent", ""),),
        "aws:viaawsservice": ("false",),
    }
    if principal.kind != "anonymous":
        context.update(_principal_context(principal))
    return context


def _principal_context(principal: Principal) -> Mapping[str, Values]:
    kind = "User" if principal.kind == "user" else "AssumedRole"
    context: dict[str, Values] = {
        "aws:principalarn": (principal.iam_arn,),
        "aws:principalaccount": (principal.account,),
        "aws:principaltype": (kind,),
        "aws:userid": (principal.user_id,),
    }
    if principal.kind == "user":
        context["aws:username"] = (principal.name,)
    for name, value in principal.tags.items():
        context[f"aws:principaltag/{name.lower()}"] = (value,)
    return context
