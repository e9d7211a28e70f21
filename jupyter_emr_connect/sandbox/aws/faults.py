"""The faults of the AWS front, which ``sandbox/supervisor/fault_switches.py`` describes.

Each may be limited to a compute, and by ``options`` to a ``service`` (SigV4 name), a ``region`` and an ``action``.
"""

from __future__ import annotations

from ..world.faults import Fault
from .authorize import denial
from .failures import Down, FailureKind, Refusal
from .service import Call, Check

SKEW_S = 1200.0
"""By how much ``clock-skew`` without a number puts the callers' clocks back."""
MAX_DELAY_S = 300.0
"""How long ``slow`` delays at most, so that a typing error does not block a worker for ever."""


def before(call: Call) -> None:
    """Delay, refuse or drop a call before its signature is looked at; called by the app once the action is known."""
    for fault in _hits(call, "slow"):
        call.aws.world.faults.wait_while_on(fault, min(_milliseconds(fault) / 1000, MAX_DELAY_S))
    if _hits(call, "down"):
        raise Down
    if _hits(call, "error-500"):
        raise Refusal(FailureKind.INTERNAL)
    if _hits(call, "throttle"):
        raise Refusal(FailureKind.THROTTLED)


def after(call: Call) -> None:
    """Drop the answer of a call that was carried out; called by the app."""
    if _hits(call, "lost-answer"):
        raise Down


def credentials(call: Call) -> None:
    """Refuse the caller's credentials as expired; called after their signature was found right."""
    if _hits(call, "expire-credentials"):
        raise Refusal(FailureKind.EXPIRED_TOKEN)


def authorization(call: Call, check: Check) -> None:
    """Refuse an action as an administrator's explicit deny would; called before IAM is asked."""
    for fault in _hits(call, "deny"):
        wanted, action = fault.argument.lower(), check.action.lower()
        if wanted in ("", action, action.rpartition(":")[2]):
            reason = "with an explicit deny in an identity-based policy"
            raise Refusal(FailureKind.DENIED, denial(call.principal, check, reason))


def clock_skew(call: Call) -> float:
    """Return by how many seconds the caller's clock counts as slow."""
    return sum(float(fault.argument or SKEW_S) for fault in _hits(call, "clock-skew"))


def _hits(call: Call, name: str) -> list[Fault]:
    given = {"service": call.service, "region": call.region, "action": call.action}
    return [
        fault
        for fault in call.aws.world.faults.hits(name, call.compute)
        if all(fault.options.get(key, value) == value for key, value in given.items())
    ]


def _milliseconds(fault: Fault) -> float:
    try:
        return max(0.0, float(fault.argument or 1000))
    except ValueError:
        return 1000.0
