"""IAM: moto's, behind our checks. Users, roles and policies made here count at once in ``authorize``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from . import backend
from .failures import Reply
from .iam_simulation import simulate_principal_policy
from .identity import iam_backend, new_unique_id
from .service import Call, Check, Service

_CREATED = {
    "CreateUser": ("AIDA", "users", "UserName"),
    "CreateGroup": ("AGPA", "groups", "GroupName"),
    "CreateInstanceProfile": ("AIPA", "instance_profiles", "InstanceProfileName"),
}
"""The prefix of the unique id of what a call creates, where moto keeps it, and the parameter with its name."""
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


def answer(call: Call) -> Reply:
    """Let moto answer; what it creates gets a unique id of AWS's form, which moto gives to roles alone."""
    reply = backend.answer(call, "iam")
    if call.action not in _CREATED or reply.status >= 300:
        return reply
    prefix, kept_in, parameter = _CREATED[call.action]
    created = getattr(iam_backend(call.account), kept_in)
    resource = next(each for each in created.values() if each.name == call.params[parameter])
    former, resource.id = resource.id, new_unique_id(prefix)
    return replace(reply, body=reply.body.replace(former.encode(), resource.id.encode()))


SERVICE = Service(
    name="iam",
    model="iam",
    prefix="iam",
    checks=checks,
    handlers={"SimulatePrincipalPolicy": simulate_principal_policy},
    moto="iam",
    answer=answer,
)
