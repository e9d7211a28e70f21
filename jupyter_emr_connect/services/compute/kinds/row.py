"""What the three kinds share: from what AWS says of a compute, and what was judged of it, to a :class:`Compute`."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from ....models import Compute, Kind
from ..eligibility import Eligibility

Depth = Literal["list", "attach", "view"]
"""For what a compute is described: each takes more calls than the one before."""


class ListedFacts(Protocol):
    """What AWS tells of every compute, listed or described."""

    @property
    def name(self) -> str:
        """The compute's name; several may have the same."""

    @property
    def arn(self) -> str:
        """The compute's ARN, empty where AWS left it out."""

    @property
    def state(self) -> str:
        """AWS's own word for the state."""

    @property
    def state_reason(self) -> str | None:
        """AWS's own explanation of the state."""

    @property
    def created_at(self) -> str | None:
        """When the compute was made, in ISO 8601."""


def make_compute(
    kind: Kind, compute_id: str, row: ListedFacts, region: str, verdict: Eligibility, **facts: Any
) -> Compute:
    """Return a compute of what AWS and the rules say; ``region`` counts without an ARN, ``facts`` are the rest."""
    parts = row.arn.split(":")
    place, account = (parts[3] or region, parts[4]) if len(parts) > 5 else (region, "")
    return Compute(
        id=compute_id,
        kind=kind,
        name=row.name,
        arn=row.arn,
        region=place,
        account=account,
        state=row.state,
        state_reason=row.state_reason,
        created_at=row.created_at,
        attachable=verdict.attachable,
        reason=verdict.reason,
        transports=verdict.transports,
        runtime_role=verdict.runtime_role,
        auth=verdict.auth,
        **facts,
    )


def without_empty(**parts: str | None) -> dict[str, str]:
    """Return those parts of a network's description that are known."""
    return {name: value for name, value in parts.items() if value}
