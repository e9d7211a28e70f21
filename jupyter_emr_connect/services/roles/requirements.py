"""What each kind of compute needs for a user to take a runtime role: the caller's permissions, and the role's trust.

Sources: reference 1.6, 1.7 (EC2), 2.3 (EKS), 3.2 (Serverless), 9.3 (trust). No AWS call is made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ...aws.iam import Decision
from ...models import Compute
from .trust import Visitor, admits, federated

SERVERLESS = "emr-serverless.amazonaws.com"
POD_IDENTITY = "pods.eks.amazonaws.com"
ASSUME: tuple[str, ...] = ("sts:AssumeRole", "sts:TagSession")
# EMR on EKS names its service accounts so (its guide, "Setting up cluster access").
SERVICE_ACCOUNT = "system:serviceaccount:{namespace}:emr-containers-sa-spark-driver-1-x"


@dataclass(frozen=True)
class Finding:
    """Whether one thing is there: None where it cannot be told. For a thing that is not: what is missing, and where."""

    ok: bool | None
    missing: str | None = None
    statement: dict[str, Any] | None = None
    where: str | None = None


UNKNOWN = Finding(None)
FINE = Finding(True)


@dataclass(frozen=True)
class Permission:
    """A permission of the caller's. ``context`` are condition keys of the request; ``subject`` ends a sentence."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...]
    subject: str
    condition: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)

    @property
    def statement(self) -> dict[str, Any]:
        """The IAM statement that grants this permission and no more."""
        granted: dict[str, Any] = {"Effect": "Allow", "Action": self.action, "Resource": self.resource}
        return (
            {**granted, "Condition": {key: dict(test) for key, test in self.condition.items()}}
            if self.condition
            else granted
        )


def permissions(compute: Compute, role: str) -> list[Permission]:
    """Return what the caller needs for one runtime role on this compute."""
    if compute.kind == "serverless":
        service = ("iam:PassedToService", SERVERLESS)
        passing = {"StringEquals": dict([service])}
        return [
            Permission("iam:PassRole", role, (service,), "on this role", passing),
            Permission("emr-serverless:AccessLivyEndpoints", compute.arn, _tags(compute, "aws"), "on this application"),
        ]
    prefix, call = {
        "ec2": ("elasticmapreduce", "GetClusterSessionCredentials"),
        "eks": ("emr-containers", "GetManagedEndpointSessionCredentials"),
    }[compute.kind]
    chosen = (f"{prefix}:ExecutionRoleArn", role)
    context = (chosen, *_tags(compute, prefix, "aws"))
    return [Permission(f"{prefix}:{call}", compute.arn, context, "with this role", {"ArnLike": dict([chosen])})]


def _tags(compute: Compute, *prefixes: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"{prefix}:ResourceTag/{name}", value) for prefix in prefixes for name, value in sorted(compute.tags.items())
    )


def judge_permission(permission: Permission, decision: Decision | None, principal: str) -> Finding:
    """Return what IAM's simulation means for a permission; ``principal`` is the caller's ARN in IAM."""
    if decision is None:
        return UNKNOWN
    if decision.answer == "allowed":
        return FINE
    who = name_of(principal)
    if decision.governed:
        missing = f"Your organization does not allow {permission.action} {permission.subject}."
        return Finding(False, missing, None, "the organization's service control policies")
    if decision.missing:
        return UNKNOWN  # the policies ask for something that only a real request has
    if decision.answer == "explicitDeny":
        named = f" ({', '.join(decision.policies)})" if decision.policies else ""
        missing = f"Your policy{named} denies {permission.action} {permission.subject} explicitly."
        return Finding(False, missing, None, f"the policy of {who}")
    if decision.bounded:
        missing = f"Your permissions boundary does not allow {permission.action} {permission.subject}."
        return Finding(False, missing, permission.statement, f"the permissions boundary of {who}")
    missing = f"Your policy does not allow {permission.action} {permission.subject}."
    return Finding(False, missing, permission.statement, f"the policy of {who}")


def name_of(principal: str) -> str:
    """Return ``user developer`` or ``role Analyst`` for an ARN."""
    kind = principal.split(":")[-1].partition("/")[0]
    return f"{kind} {principal.rpartition('/')[2]}"


def judge_trust(compute: Compute, role: str, document: Mapping[str, Any], instance_role: str | None) -> Finding:
    """Return whether a role's trust policy admits this compute.

    ``instance_role`` is the ARN of the role in an EC2 cluster's instance profile, None where it is not known.
    """
    if compute.kind == "eks":
        return _pods(compute, role, document)
    if compute.kind == "serverless":
        context = {"aws:sourcearn": compute.arn, "aws:sourceaccount": compute.account}
        visitor = Visitor("Service", frozenset({SERVERLESS}), context)
        who, principal, actions = "EMR Serverless", {"Service": SERVERLESS}, ASSUME[:1]
    elif instance_role is None:
        return UNKNOWN
    else:
        account = instance_role.split(":")[4]
        names = frozenset({instance_role, account, f"{instance_role.partition(':role/')[0]}:root"})
        visitor = Visitor("AWS", names, {"aws:principalarn": instance_role, "aws:principalaccount": account})
        who = f"the cluster's instance profile role {instance_role.rpartition('/')[2]}"
        principal, actions = {"AWS": instance_role}, ASSUME
    verdicts = {action: admits(document, visitor, action) for action in actions}
    lacking = [action for action, verdict in verdicts.items() if verdict is False]
    if lacking:
        return _distrust(role, f"let {who} do {' and '.join(lacking)}", principal, lacking)
    return UNKNOWN if None in verdicts.values() else FINE


def _pods(compute: Compute, role: str, document: Mapping[str, Any]) -> Finding:
    """EKS: by pod identity, or by an identity provider of which only the cluster knows whether it is its own."""
    verdicts = [admits(document, Visitor("Service", frozenset({POD_IDENTITY})), action) for action in ASSUME]
    if all(verdicts):
        return FINE
    providers = [conditions for name, conditions in federated(document) if ":oidc-provider/" in name]
    namespace = compute.details.get("namespace")
    if namespace and any(
        _admits_pods(conditions, SERVICE_ACCOUNT.format(namespace=namespace)) for conditions in providers
    ):
        return FINE
    if providers or None in verdicts:
        return UNKNOWN
    what = f"admit pods of EKS (neither {POD_IDENTITY} nor an OIDC provider)"
    return _distrust(role, what, {"Service": POD_IDENTITY}, list(ASSUME))


def _admits_pods(conditions: Mapping[str, Any], account: str) -> bool:
    subjects = [
        (operator, value if isinstance(value, list) else [value])
        for operator, tests in conditions.items()
        for key, value in tests.items()
        if key.lower().endswith(":sub")
    ]
    return bool(subjects) and all(
        operator == "StringLike" and any(fnmatchcase(account, str(pattern)) for pattern in patterns)
        for operator, patterns in subjects
    )


def _distrust(role: str, what: str, principal: dict[str, str], actions: list[str]) -> Finding:
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions if len(actions) > 1 else actions[0]}
    name = role.rpartition("/")[2]
    return Finding(False, f"The role's trust policy does not {what}.", statement, f"the trust policy of role {name}")
