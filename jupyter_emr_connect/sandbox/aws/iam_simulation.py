"""SimulatePrincipalPolicy, which moto does not have: our own evaluator asked on behalf of a user or a role.

Shapes after botocore's model of IAM: one result for each action, whose decisions on the single resources stand in
``ResourceSpecificResults``. Session policies, resource policies and an organization's policies are not simulated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .authorize import boundary_of, named_documents
from .conditions import Values
from .failures import Refusal
from .identity import Principal, find_role, iam_backend, session_of
from .policy import Question, Statement, Verdict, evaluate, parse
from .service import Call

SOURCE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(user|role)/[\w+=,.@/-]+", re.ASCII)
ACTION = re.compile(r"[a-zA-Z0-9-]+:[a-zA-Z0-9]+", re.ASCII)
INVALID, NO_SUCH = "InvalidInput", "NoSuchEntity"
PAGE = 100
DECISIONS = {Verdict.ALLOW: "allowed", Verdict.DENY: "explicitDeny", Verdict.NOTHING: "implicitDeny"}
STRICTER = ("allowed", "implicitDeny", "explicitDeny")
TEMPLATES = {
    "elasticmapreduce": "arn:${Partition}:elasticmapreduce:${Region}:${Account}:cluster/${ClusterId}",
    "emr-containers": "arn:${Partition}:emr-containers:${Region}:${Account}:/virtualclusters/${VirtualClusterId}"
    "/endpoints/${EndpointId}",
    "emr-serverless": "arn:${Partition}:emr-serverless:${Region}:${Account}:/applications/${ApplicationId}",
    "iam": "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}",
}


def simulate_principal_policy(call: Call) -> dict[str, Any]:
    """Answer for each action and resource whether the policies of ``PolicySourceArn`` allow it."""
    principal = _principal(call, str(call.params["PolicySourceArn"]))
    actions = [str(action) for action in call.params["ActionNames"]]
    resources = [str(arn) for arn in call.params.get("ResourceArns") or ["*"]]
    for action in actions:
        if not ACTION.fullmatch(action):
            raise Refusal(INVALID, f"Invalid Action {action[:100]}")
    context = _context(call, principal)
    results = [_result(principal, action, resources, context) for action in actions]
    return _page(call, results)


def _principal(call: Call, arn: str) -> Principal:
    """Return whom to simulate; AWS takes users, groups and roles of the caller's account, and never a session."""
    found = SOURCE_ARN.fullmatch(arn)
    if not found:
        raise Refusal(INVALID, f"Invalid Entity Arn: {arn[:200]} does not clearly define entity type and name.")
    if arn.split(":")[4] == call.account:
        user = next((user for user in list(iam_backend(call.account).users.values()) if user.arn == arn), None)
        if user is not None:
            return Principal("user", user.arn, call.account, user.id, user.name)
        role = find_role(arn)
        if role is not None:
            return session_of(role, "simulated")
    message = f"The {found[1]} with name {arn.rpartition('/')[2]} cannot be found."
    raise Refusal(NO_SUCH, message, status=404)


def _context(call: Call, principal: Principal) -> dict[str, Values]:
    context: dict[str, Values] = {"aws:username": (principal.name,)} if principal.kind == "user" else {}
    for entry in call.params.get("ContextEntries") or []:
        context[str(entry["ContextKeyName"]).lower()] = tuple(map(str, entry.get("ContextKeyValues") or []))
    return context


def _result(principal: Principal, action: str, resources: list[str], context: Mapping[str, Values]) -> dict[str, Any]:
    single = [_decide(principal, Question(action, arn, context)) for arn in resources]
    worst = max(single, key=lambda result: STRICTER.index(result["EvalResourceDecision"]))
    missing = sorted({key for decision in single for key in decision["MissingContextValues"]})
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": TEMPLATES.get(action.partition(":")[0], "*"),
        "EvalDecision": worst["EvalResourceDecision"],
        "MatchedStatements": worst["MatchedStatements"],
        "MissingContextValues": missing,
    }
    if "PermissionsBoundaryDecisionDetail" in worst:
        result["PermissionsBoundaryDecisionDetail"] = worst["PermissionsBoundaryDecisionDetail"]
    return result if resources == ["*"] else {**result, "ResourceSpecificResults": single}


def _decide(principal: Principal, question: Question) -> dict[str, Any]:
    documents = list(named_documents(principal))
    verdict = evaluate([parse(text) for _, text in documents], question)
    boundary, within = boundary_of(principal), True
    if boundary:
        limit = evaluate([parse(boundary)], question)
        within = limit is Verdict.ALLOW
        if not within and verdict is not Verdict.DENY:
            verdict = limit
    kind = "user" if principal.kind == "user" else "role"
    found: dict[str, Any] = {
        "EvalResourceName": question.resource,
        "EvalResourceDecision": DECISIONS[verdict],
        "MatchedStatements": [
            {"SourcePolicyId": name, "SourcePolicyType": kind}
            for name, text in documents
            if any(
                each.allow == (verdict is Verdict.ALLOW) and each.matches(question) for each in parse(text).statements
            )
        ],
        "MissingContextValues": sorted(_missing([text for _, text in documents], question)),
    }
    if boundary:
        found["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": within}
    return found


def _missing(documents: list[str], question: Question) -> set[str]:
    """Return the condition keys that statements on this action and resource ask for and that were not given."""
    statements: Iterator[Statement] = (statement for text in documents for statement in parse(text).statements)
    return {
        key
        for statement in statements
        if statement.concerns(question)
        for _, key, _ in statement.conditions
        if key not in question.context
    }


def _page(call: Call, results: list[dict[str, Any]]) -> dict[str, Any]:
    marker = str(call.params.get("Marker") or "0")
    if not marker.isdigit():
        raise Refusal(INVALID, "Invalid Marker.")
    start, size = int(marker), int(call.params.get("MaxItems") or PAGE)
    page = {"EvaluationResults": results[start : start + size], "IsTruncated": start + size < len(results)}
    return {**page, "Marker": str(start + size)} if page["IsTruncated"] else page
