"""``jupyter emr attach``, ``status`` and ``detach``."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import EMRConnectError, PathNotFound
from ..models import Attachment, Compute
from ..presentation.tables import attachment_table, identity_fields
from ..presentation.text import goes_on, role_warning
from .completion import complete_attachable
from .context import CommandContext
from .logins import with_login
from .options import common_options, local_options, require_non_empty, role_and_transport
from .output import print_error, print_fields, print_json, print_table
from .progress import hops

if TYPE_CHECKING:
    from ..aws.sts import Identity


@click.command("attach")
@click.argument("compute", callback=require_non_empty, shell_complete=complete_attachable)
@click.argument("path", type=click.Path(), callback=require_non_empty, default=".")
@role_and_transport
@click.option("--check/--no-check", default=True, help="Ask the gateway to answer first (the default).")
@common_options
def attach_command(
    command: CommandContext, compute: str, path: str, runtime_role: str | None, transport: str, check: bool
) -> None:
    """Attach the notebook or folder PATH (this folder if left out) to COMPUTE (id, ARN or name).

    Kernels of the notebook, or of all notebooks below the folder, then run on that compute. It is kept only when the
    compute answers; with --no-check, AWS alone is asked.
    """
    from ..services.attachments.attach import attach
    from ..services.attachments.location import key_of
    from ..services.attachments.resolution import check_transport
    from ..services.kernels.former_roles import kernels_under_former
    from ..services.roles import objection

    if not Path(path).exists():
        message = f"There is no file or folder {path!r}."
        raise PathNotFound(message, fix="Name a notebook or a folder that exists.")
    request = Attachment(
        compute,
        runtime_role,
        check_transport(transport),
        path=key_of(path),
        profile=command.profile,
        region=command.region,
    )

    def proved() -> tuple[Attachment, Compute]:
        with hops() as stage:
            return asyncio.run(attach(command.config, request, check=check, stage=stage))

    try:
        made, found = with_login(proved)
    except EMRConnectError as error:
        command.audit.attachment("refused", request, request.path, refusal=error)
        raise
    command.audit.attachment("attach", made, made.path)
    kernels = kernels_under_former(command.config, made)
    if command.as_json:
        print_json({**made.to_json(), "kernels": [kernel.to_json() for kernel in kernels]})
        return
    role = f" under {made.runtime_role}" if made.runtime_role else ""
    click.echo(f"Attached {made.path} to {found.name} ({found.id}){role}.")
    for kernel in kernels:
        click.echo(goes_on(kernel))
    if missing := objection(command.config, found, made.runtime_role):
        click.echo(role_warning(missing), err=True)


@click.command()
@click.argument("path", type=click.Path(), callback=require_non_empty, required=False)
@common_options
def status(command: CommandContext, path: str | None) -> None:
    """Show who you are to AWS, and the attachment of PATH (all of them if left out)."""
    from ..services.attachments.listing import read_status
    from ..services.attachments.location import key_of
    from ..services.attachments.resolution import open_attachments
    from .notebooks import kernelspec_env

    if path is not None and not Path(path).exists() and not open_attachments(command.config).at(key_of(path)):
        message = f"There is no notebook or folder {path!r}."
        raise PathNotFound(message, fix="Name one that exists, or none to see all attachments.")
    env = {**os.environ, **kernelspec_env(path)}
    found = read_status(command.config, env, path, profile=command.profile, region=command.region)
    if command.as_json:
        print_json(found.to_json())
    else:
        _print_status(found.caller.identity if found.caller else None, found.attachments)
        if found.error:
            print_error(found.error, as_json=False)
    if found.error:
        raise click.exceptions.Exit(1)


def _print_status(identity: Identity | None, attachments: list[Attachment]) -> None:
    if identity:
        print_fields(identity_fields(identity))
        click.echo()
    if not attachments:
        click.echo("Nothing is attached. `jupyter emr attach COMPUTE [PATH]` attaches a notebook or a folder.")
        return
    print_table(*attachment_table(attachments))


@click.command("detach")
@click.argument("path", type=click.Path(), callback=require_non_empty)
@local_options
def detach_command(command: CommandContext, path: str) -> None:
    """End the attachment of the notebook or folder PATH; kernels that run go on running."""
    from ..services.attachments.attach import detach

    ended = detach(command.config, path)
    command.audit.attachment("detach", ended, ended.path)
    if command.as_json:
        print_json({"detached": ended.path})
    else:
        click.echo(f"Detached {ended.path}.")
