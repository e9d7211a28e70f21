"""Runtime roles offered to the user: those configured, then those used before."""

from __future__ import annotations

from ..config import EMRConnect
from ..models import Compute, RuntimeRole
from .attachments import open_attachments


def list_roles(config: EMRConnect, compute: Compute | None = None) -> list[RuntimeRole]:
    """Return roles in the order to offer them, each with its ``source`` (``configuration`` or ``used before``).

    With ``compute``, roles used before are those that it honoured; for a compute that does not support runtime roles
    the list is empty. Whether IAM lets the caller take a role shows only when it is taken (reference 9.1).
    """
    if compute is not None and compute.runtime_role == "unsupported":
        return []
    used = open_attachments(config).roles_used(compute.id if compute else None)
    sources = [("configuration", config.runtime_roles), ("used before", used)]
    offered: dict[str, RuntimeRole] = {}
    for source, arns in sources:
        for arn in arns:
            offered.setdefault(arn, RuntimeRole(arn, source))
    return list(offered.values())
