"""``jupyter emr show``."""

from __future__ import annotations

import click

from ..presentation.tables import compute_fields
from .completion import complete_computes
from .context import CommandContext
from .options import common_options, require_non_empty
from .output import print_fields, print_json


@click.command()
@click.argument("compute", callback=require_non_empty, shell_complete=complete_computes)
@common_options
def show(command: CommandContext, compute: str) -> None:
    """Show one compute (id, ARN or name) with all its details."""
    from ..services.compute.lookup import find

    found = find(command.config, compute, sources=command.sources(), depth="view")
    if command.as_json:
        print_json(found.to_json(details=True))
        return
    print_fields(compute_fields(found))
