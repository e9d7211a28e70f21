"""``jupyter emr show``."""

from __future__ import annotations

import click

from ..models import Compute
from .options import Face, common_options, complete_computes, said
from .output import print_fields, print_json


@click.command()
@click.argument("compute", callback=said, shell_complete=complete_computes)
@common_options
def show(face: Face, compute: str) -> None:
    """Show one compute (id, ARN or name) with all its details."""
    from ..services.lookup import find

    found = find(face.config, compute, sources=face.sources(), depth="view")
    if face.as_json:
        print_json(found.to_json(details=True))
        return
    details = found.details
    encryption = details.get("in_transit_encryption")
    print_fields(
        [
            ("id", found.id),
            ("name", found.name),
            ("arn", found.arn),
            ("state", f"{found.state} ({found.state_reason})" if found.state_reason else found.state),
            ("created", found.created_at),
            ("release", found.release),
            (
                "applications",
                ", ".join(f"{name} {version}".strip() for name, version in details["applications"].items()),
            ),
            ("attachable", "yes" if found.attachable else f"no: {found.reason}"),
            ("transports", ", ".join(found.transports) or "none"),
            ("runtime role", _role_line(found)),
            ("authentication", found.auth),
            ("in-transit encryption", None if encryption is None else "on" if encryption else "off"),
            ("primary node", found.host),
            *((name.replace("_", " "), value) for name, value in details["network"].items()),
            ("security configuration", details["security_configuration"]),
            ("log", details["log_uri"]),
            ("tags", ", ".join(f"{key}={value}" for key, value in found.tags.items()) or None),
        ]
    )


def _role_line(compute: Compute) -> str:
    reason = compute.details.get("runtime_role_reason")
    return f"{compute.runtime_role}: {reason}" if reason else compute.runtime_role
