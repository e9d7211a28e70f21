"""``jupyter emr show``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from ..models import Compute
from .options import CommandContext, common_options, complete_computes, require_non_empty
from .output import print_fields, print_json

SHOWN_ELSEWHERE = frozenset({"runtime_role_reason", "unreachable", "unread"})


@click.command()
@click.argument("compute", callback=require_non_empty, shell_complete=complete_computes)
@common_options
def show(face: CommandContext, compute: str) -> None:
    """Show one compute (id, ARN or name) with all its details."""
    from ..services.compute.lookup import find

    found = find(face.config, compute, sources=face.sources(), depth="view")
    if face.as_json:
        print_json(found.to_json(details=True))
        return
    print_fields(
        [
            ("id", found.id),
            ("kind", found.kind),
            ("name", found.name),
            ("arn", found.arn),
            ("account", found.account),
            ("region", found.region),
            ("state", f"{found.state} ({found.state_reason})" if found.state_reason else found.state),
            ("created", found.created_at),
            ("release", found.release),
            ("attachable", "yes" if found.attachable else f"no: {found.reason}"),
            ("transports", ", ".join(found.transports) or "none"),
            ("runtime role", _role_line(found)),
            ("authentication", found.auth),
            *_details(found.details),
            ("tags", _text(found.tags) or None),
        ]
    )


def _details(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is known beside the contract's fields, which differs by kind."""
    for name, value in details.items():
        if name in SHOWN_ELSEWHERE or value in (None, "", [], {}):
            continue
        if name == "network":
            yield from _details(value)
        else:
            yield name.replace("_", " "), _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={one}" if one else str(key) for key, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _role_line(compute: Compute) -> str:
    reason = compute.details.get("runtime_role_reason")
    return f"{compute.runtime_role}: {reason}" if reason else compute.runtime_role
