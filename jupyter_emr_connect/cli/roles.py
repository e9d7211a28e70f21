"""``jupyter emr roles``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from .options import CommandContext, common_options, complete_computes, complete_roles, require_non_empty
from .output import print_error, print_fields, print_json, print_table, printable

if TYPE_CHECKING:
    from ..aws.session import AWSSession
    from ..models import Compute, RuntimeRole
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
def roles(face: CommandContext, compute: str | None, role: str | None) -> None:
    """List the runtime roles offered, for COMPUTE or in general, and whether you may take them."""
    from ..services.roles import list_roles

    if role and not compute:
        message = "--explain needs COMPUTE: what a role needs depends on it."
        raise click.UsageError(message)
    found, session = _resolve(face, compute) if compute else (None, None)
    if role and found and session:
        picked, unasked = _pick(face, found, session, role)
        explain(face, picked, found, unasked)
        return
    listed = list_roles(face.config, found, session=session)
    if face.as_json:
        print_json([one.to_json() for one in listed.items])
    elif listed.items:
        print_table(("NAME", "ARN", "SOURCE", "USABLE"), [_row(one) for one in listed.items])
    elif found and found.runtime_role == "unsupported":
        reason = found.details.get("runtime_role_reason") or "it does not support them"
        click.echo(f"{found.name!r} ({found.id}) takes no runtime roles: {reason}.", err=True)
    elif not listed.errors:
        click.echo(
            "No roles are configured (EMRConnect.runtime_roles), used before or found in IAM; any ARN may be typed.",
            err=True,
        )
    _complain(face, listed)


def _resolve(face: CommandContext, text: str) -> tuple[Compute, AWSSession]:
    from ..services.compute.lookup import find
    from ..services.credentials.aws_sessions import session_of

    found = find(face.config, text, sources=face.sources())
    return found, session_of(face.config, found)


def _complain(face: CommandContext, listed: RoleList) -> None:
    for error in listed.errors:
        print_error(error, as_json=face.as_json)


def _row(role: RuntimeRole) -> tuple[str, ...]:
    usable = {True: "yes", None: "not known", False: f"no: {role.missing}"}[role.usable]
    return role.name, role.arn, role.source, usable


def _pick(
    face: CommandContext, compute: Compute, session: AWSSession, text: str
) -> tuple[RuntimeRole, tuple[str, ...]]:
    """Return a role by its ARN, offered or not, or by the name of one that is offered, and what IAM does not tell.

    Raises ``RoleError``.
    """
    from ..errors import RoleError
    from ..services.roles import check_role, list_roles

    if text.startswith("arn:"):
        listed = check_role(face.config, compute, text, session=session)
        same = listed.items
    else:
        listed = list_roles(face.config, compute, session=session)
        same = [role for role in listed.items if role.name == text]
    _complain(face, listed)
    if len(same) == 1:
        return same[0], listed.unasked
    if same:
        message = f"{len(same)} roles are named {text!r}: {', '.join(role.arn for role in same)}."
        raise RoleError(message, fix="Use the ARN.")
    message = f"No role named {text!r} is offered for {compute.name!r} ({compute.id})."
    raise RoleError(message, fix="Use the ARN of the role.")


def explain(face: CommandContext, role: RuntimeRole, compute: Compute, unasked: tuple[str, ...]) -> None:
    """Print what is missing for a role, and the statement to add as JSON that can be pasted."""
    if face.as_json:
        print_json(role.to_json())
        return
    denied = f": you may not call {' and '.join(unasked)}" if unasked else ""
    usable = {True: "yes", None: f"not known{denied}", False: "no"}[role.usable]
    print_fields(
        [
            ("role", role.arn),
            ("compute", f"{compute.name} ({compute.id})"),
            ("source", role.source),
            ("usable", usable),
            ("missing", role.missing),
            ("where", role.where),
        ]
    )
    if role.statement:
        click.echo(f"\nAdd to {printable(role.where or 'the policy')}:\n")
        click.echo(json.dumps(role.statement, indent=2))
