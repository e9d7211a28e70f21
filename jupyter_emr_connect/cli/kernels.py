"""``jupyter emr kernels``: list, adopt, shut down and prune kernels on gateways and in Livy sessions."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import PathNotFound
from ..presentation.tables import kernel_table, orphan_table
from .completion import complete_kernels
from .context import CommandContext
from .groups import HintingGroup
from .options import local_options, require_non_empty
from .output import print_json, print_table

if TYPE_CHECKING:
    from ..services.kernels.orphans import Orphan

kernel_argument = click.argument("kernel", callback=require_non_empty, shell_complete=complete_kernels)


@click.group(cls=HintingGroup, invoke_without_command=True)
@click.option("--check/--no-check", default=True, help="Ask the gateways whether the kernels live (the default).")
@local_options
@click.pass_context
def kernels(context: click.Context, command: CommandContext, check: bool) -> None:
    """List the gateway kernels that were started from here.

    STATE is the gateway's word, CONNECTION who has the kernel: a detached one waits for the next start of its notebook.
    """
    if context.invoked_subcommand:
        return
    from ..services.kernels.listing import list_kernels

    listed = asyncio.run(list_kernels(command.config, check=check))
    if command.as_json:
        print_json(listed.to_json())
    elif listed.items:
        print_table(*kernel_table(listed.items, short=sys.stdout.isatty()))
    else:
        click.echo("No gateway kernels.", err=True)


@kernels.command(short_help="Let a notebook go on with a kernel that was left behind.")
@kernel_argument
@click.option("--path", "notebook", metavar="NOTEBOOK", callback=require_non_empty, help="Notebook that shall have it.")
@click.option("--force", is_flag=True, help="Take it from a Jupyter server that has it now.")
@local_options
def adopt(command: CommandContext, kernel: str, notebook: str | None, force: bool) -> None:
    """Let a notebook go on with KERNEL (its id, or how it begins) when its kernel starts next.

    For kernels that another Jupyter server or computer with the same state file left behind: NOTEBOOK, else the
    kernel's own, finds its variables again.
    """
    from ..services.attachments.location import key_of
    from ..services.kernels.listing import adopt as mark

    if notebook and not Path(notebook).is_file():
        message = f"There is no notebook {notebook!r}."
        raise PathNotFound(message, fix="Name one that exists.")
    with command.audit.kernel_change("adopt", kernel, force=force) as about:
        path = key_of(notebook) if notebook else None
        found = asyncio.run(mark(command.config, kernel, path=path, force=force))
        about.record = found.record
    if command.as_json:
        print_json(found.to_json())
        return
    record = found.record
    click.echo(f"{record.kernel_id} goes on in {record.path} when that notebook's {record.kernelspec} kernel starts.")


@kernels.command(short_help="Delete a kernel on its gateway.")
@kernel_argument
@click.option("--force", is_flag=True, help="Also one that a living Jupyter server has.")
@local_options
def shutdown(command: CommandContext, kernel: str, force: bool) -> None:
    """Delete KERNEL (its id, or how it begins) on its gateway."""
    from ..services.kernels.listing import shut_down

    with command.audit.kernel_change("delete", kernel, force=force) as about:
        found = asyncio.run(shut_down(command.config, kernel, force=force))
        about.record = found.record
    if command.as_json:
        print_json(found.to_json())
    else:
        click.echo(f"{found.record.kernel_id} is deleted.")


@kernels.command(short_help="Delete the kernels that no notebook has.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only list them.")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="Also kernels whose notebook is there, but which nobody has had for so long.",
)
@click.option("--absent", is_flag=True, help="Also kernels whose notebook may be on another git branch.")
@local_options
def prune(command: CommandContext, yes: bool, dry_run: bool, older_than: float, absent: bool) -> None:
    """List the kernels that no notebook has, and delete them on their gateways after a confirmation.

    Only kernels that were started from here are looked at, and none whose process lives. One whose notebook is not
    there, but known to git, is listed and kept: with --absent, or after --older-than hours, it is deleted too.
    """
    from ..services.audit import AuditedKernel
    from ..services.kernels.orphans import find_orphans

    orphans = asyncio.run(find_orphans(command.config, older_than=timedelta(hours=older_than), absent=absent))
    if orphans and not command.as_json:
        print_table(*orphan_table(orphans, short=sys.stdout.isatty()))
    if not orphans:
        if command.as_json:
            print_json([])
        else:
            click.echo("No orphans.", err=True)
        return
    count = sum(not orphan.error and not orphan.kept for orphan in orphans)
    wanted = count and not dry_run and (yes or _confirmed(command, count))
    results = asyncio.run(_remove(command, orphans)) if wanted else orphans
    if command.as_json:
        print_json([orphan.to_json() for orphan in results])
    for orphan in results:
        if orphan.removed:
            command.audit.kernel("delete", AuditedKernel(orphan.kernel.record.kernel_id, orphan.kernel.record))
        _say_what_became(orphan, as_json=command.as_json)
    if any(orphan.error for orphan in results):
        raise click.exceptions.Exit(1)


def _say_what_became(orphan: Orphan, *, as_json: bool) -> None:
    kernel_id = orphan.kernel.record.kernel_id
    if orphan.error:
        click.echo(f"Error: {kernel_id}: {orphan.error}", err=True)
    elif orphan.kept:
        click.echo(f"{kernel_id} is kept; --absent deletes it too.", err=True)
    elif orphan.removed and not as_json:
        click.echo(f"{kernel_id} is deleted.")


def _confirmed(command: CommandContext, count: int) -> bool:
    if command.as_json:
        message = "with --json nobody is asked: give --yes or --dry-run."
        raise click.UsageError(message)
    return click.confirm(f"Delete {count} kernel{'s' if count > 1 else ''}?", abort=True)


async def _remove(command: CommandContext, orphans: list[Orphan]) -> list[Orphan]:
    from ..services.kernels.orphans import remove

    return list(await asyncio.gather(*(remove(command.config, orphan) for orphan in orphans)))
