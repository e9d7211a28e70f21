"""What the rules answer, and what all kinds share: states, and the transports that this version can drive."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from ....models import RoleSupport, Transport

# The transports that this version of ours can drive, best first.
SUPPORTED_TRANSPORTS: tuple[Transport, ...] = ("gateway", "livy")
NOT_LOOKED_AT = "Not looked at in time (AWS limits the account's call rate); `jupyter emr show` does."
IDENTITY_CENTER = "It uses IAM Identity Center (trusted identity propagation), which is not supported."


@dataclass(frozen=True)
class Eligibility:
    """The computed part of the compute JSON, and what the detail view shows beside it.

    ``role_reason`` says why roles are not supported, or not known to be. ``offers`` are the ways in that the compute
    has, ``transports`` those of them that can be driven from here. ``details`` go into the detail view as they are.
    """

    attachable: bool
    reason: str | None
    transports: tuple[Transport, ...]
    runtime_role: RoleSupport
    auth: str
    role_reason: str | None = None
    offers: tuple[Transport, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


def driven(offers: Iterable[Transport]) -> tuple[Transport, ...]:
    """Return those of the ways in that this version can drive, best first."""
    there = tuple(offers)
    return tuple(one for one in SUPPORTED_TRANSPORTS if one in there)


def state_problem(state: str, why: str | None, *, known: Collection[str], good: Collection[str]) -> str | None:
    """Return why nothing can be attached to in this state, or None when it is one of the ``good`` ones.

    ``why`` is AWS's own explanation, where it gave one. A state that AWS's model did not have when this version was
    made is named as such.
    """
    if state in good:
        return None
    if state in ("", "UNKNOWN"):
        return "AWS does not say in which state it is."
    detail = f": {why.strip().rstrip('.')}" if why and why.strip() else ""
    if state not in known:
        return f"It is in state {state}, which this version does not know{detail}."
    return f"It is {state}{detail}."


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return words as a sentence lists them: ``a``, ``a and b``, ``a, b and c``."""
    *first, final = tuple(words) or ("",)
    return f"{', '.join(first)} {last} {final}" if first else final
