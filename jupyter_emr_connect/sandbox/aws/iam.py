"""IAM: moto's, behind our checks. Users, roles and policies made here count at once in ``authorize``."""

from __future__ import annotations

from collections.abc import Sequence

from .iam_simulation import simulate_principal_policy
from .service import Call, Check, Service

_RESOURCES = {"UserName": "user", "RoleName": "role", "GroupName": "group", "InstanceProfileName": "instance-profile"}


def checks(call: Call) -> Sequence[Check]:
    """Return IAM's one question: the action on the user, role, group or policy that it names."""
    return [Check(f"iam:{call.action}", _resource(call))]


def _resource(call: Call) -> str:
    base = f"arn:aws:iam::{call.account}"
    if call.params.get("PolicyArn") and "Policy" in call.action and not call.action.startswith(("Attach", "Detach")):
        return str(call.params["PolicyArn"])
    if call.params.get("PolicySourceArn"):
        return str(call.params["PolicySourceArn"])
    for name, kind in _RESOURCES.items():
        if call.params.get(name):
            return f"{base}:{kind}{call.params.get('Path', '/')}{call.params[name]}"
    if call.action in ("GetUser", "ListAccessKeys", "CreateAccessKey") and call.principal.kind == "user":
        return call.principal.arn
    listed = {"ListUsers": "user/", "ListRoles": "role/", "ListGroups": "group/"}.get(call.action)
    return f"{base}:{listed}" if listed else "*"


SERVICE = Service(
    name="iam",
    model="iam",
    prefix="iam",
    checks=checks,
    handlers={"SimulatePrincipalPolicy": simulate_principal_policy},
    moto="iam",
)
