"""``jupyter emr roles``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ..presentation.tables import role_fields, role_table
from ..presentation.text import printable
from .completion import complete_computes, complete_roles
from .context import CommandContext
from .options import common_options, require_non_empty
from .output import print_error, print_fields, print_json, print_table

if TYPE_CHECKING:
    from ..models import RuntimeRole
    from ..services.roles import RoleList


@click.command()
@click.argument("compute", callback=require_non_empty, required=False, shell_complete=complete_computes)
@click.option(
    "--explain",
    "role",
    metavar="ROLE",
    callback=require_non_empty,
    shell_complete=complete_roles,
    help="Say what is missing for this role (name or ARN) on COMPUTE, with the statement to add.",
)
@common_options
def roles(command: CommandContext, compute: str | None, role: str | None) -> int | None:
    """List the runtime roles offered, for COMPUTE or in general, and whether you may take them.

    With --explain the exit code is 1 for a role that you may not take.
    """
    from ..services.roles import named_roles, offered_roles, single_role

    if role and not compute:
        message = "--explain needs COMPUTE: what a role needs depends on it."
        raise click.UsageError(message)
    sources = command.sources() if compute else None
    if role and compute:
        listed = named_roles(command.config, compute, role, sources=sources)
        _complain(command, listed)
        found_role = single_role(listed, role)
        explain(command, found_role, listed)
        return 1 if found_role.usable is False else 0
    listed = offered_roles(command.config, compute, sources=sources)
    found = listed.compute
    if command.as_json:
        print_json(listed.to_json())
    elif listed.items:
        print_table(*role_table(listed.items))
    elif found and found.runtime_role == "unsupported":
        reason = found.details.get("runtime_role_reason") or "it does not support them"
        click.echo(f"{found.name!r} ({found.id}) takes no runtime roles: {reason}.", err=True)
    elif not listed.errors:
        click.echo(
            "No roles are configured (EMRConnect.runtime_roles), used before or found in IAM; any ARN may be typed.",
            err=True,
        )
    _complain(command, listed)
    return None


def _complain(command: CommandContext, listed: RoleList) -> None:
    for error in listed.errors:
        print_error(error, as_json=command.as_json)


def explain(command: CommandContext, role: RuntimeRole, listed: RoleList) -> None:
    """Print what is missing for a role, and the statement to add as JSON that can be pasted."""
    if command.as_json:
        print_json(role.to_json())
        return
    print_fields(role_fields(role, listed))
    if role.statement:
        click.echo(f"\nAdd to {printable(role.where or 'the policy')}:\n")
        click.echo(json.dumps(role.statement, indent=2))
