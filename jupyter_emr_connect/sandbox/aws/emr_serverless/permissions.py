"""Which IAM actions, resources and condition keys a call raises.

Source: "Actions, resources, and condition keys for Amazon EMR Serverless" (service authorization reference).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..service import Call, Check

PREFIX = "emr-serverless"


def checks(call: Call) -> Sequence[Check]:
    """Return IAM's one question: the action on the application that it names, else on everything."""
    action, found = f"{PREFIX}:{call.action}", compute(call)
    given = call.params.get("tags") or {}
    context = {"aws:TagKeys": list(given)} if given else {}
    context |= {f"aws:RequestTag/{name}": [value] for name, value in given.items()}
    if found is None:
        return [Check(action, "*", context)]
    spec = call.aws.world.applications.get(found)
    known = spec is not None and (spec.account, spec.region) == (call.account, call.region)
    tags = spec.tags if spec is not None and known else {}
    context |= {f"aws:ResourceTag/{name}": [value] for name, value in tags.items()}
    return [Check(action, f"arn:aws:{PREFIX}:{call.region}:{call.account}:/applications/{found}", context)]


def compute(call: Call) -> str | None:
    """Return the application that a call is about, for faults that are meant for one."""
    found = call.params.get("applicationId")
    return str(found) if found else None
