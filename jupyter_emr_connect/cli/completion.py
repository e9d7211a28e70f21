"""Shell completion: the code for the shell, and what is completed.

jupyter_core would hand completion on to argcomplete, which click does not speak. So our own shell code asks
``jupyter-emr`` by click's protocol, for ``jupyter-emr`` as for ``jupyter emr``. click calls the functions
``complete_*`` with what was typed so far.
"""

from __future__ import annotations

from collections import Counter
from importlib.resources import files

import click

from .context import CommandContext

# What is known by then is offered: what was known last time, and what has come since.
COMPLETED_WITHIN_S = 10.0


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh"]))
def completion(shell: str) -> None:
    """Print the code that makes SHELL complete `jupyter emr`.

    Add it to your shell's start-up file: eval "$(jupyter emr completion bash)"
    """
    click.echo((files(__package__) / "shells" / f"complete.{shell}").read_text(encoding="utf-8"), nl=False)


def complete_profiles(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the AWS profiles that begin with ``incomplete``."""
    from ..aws.profiles import known_profiles
    from ..errors import EMRConnectError

    try:
        return [name for name in known_profiles() if name.startswith(incomplete)]
    except EMRConnectError:
        return []


def complete_regions(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the regions that have EMR and begin with ``incomplete``, as botocore knows them."""
    from ..aws.profiles import regions_with_emr

    return [name for name in regions_with_emr() if name.startswith(incomplete)]


def complete_computes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return ids and unambiguous names of computes of all kinds that begin with ``incomplete`` (asks AWS)."""
    return _matching_computes(context, incomplete, attachable=False)


def complete_attachable(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return those of :func:`complete_computes` that can be attached to, or of which that is not known yet."""
    return _matching_computes(context, incomplete, attachable=True)


def _matching_computes(context: click.Context, incomplete: str, *, attachable: bool) -> list[str]:
    from ..errors import EMRConnectError
    from ..presentation.tables import is_undecided
    from ..services.compute.catalogue import LiveCatalogue, Query
    from ..services.compute.catalogue.reading import read_all

    command = CommandContext(False, context.params.get("profile"), context.params.get("region"))
    try:
        catalogue = LiveCatalogue(command.config, command.sources())
    except EMRConnectError:
        return []
    try:
        rows = read_all(catalogue, Query(), within_s=COMPLETED_WITHIN_S).items
    finally:
        catalogue.close()
    unique = [name for name, count in Counter(row.name for row in rows).items() if count == 1]
    return [
        text
        for row in rows
        if not attachable or row.attachable or is_undecided(row)
        for text in (row.name, row.id)
        if text.startswith(incomplete) and " " not in text and (text == row.id or text in unique)
    ]


def complete_kernelspecs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the installed kernelspecs whose kernels run on computes and that begin with ``incomplete``."""
    from .notebooks import our_kernelspecs

    return [name for name in our_kernelspecs() if name.startswith(incomplete)]


def complete_roles(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the runtime roles configured or used before, by name and by ARN, that begin with ``incomplete``."""
    from ..errors import EMRConnectError
    from ..services.roles import list_roles

    try:
        offered = list_roles(CommandContext(False, None, None).config)
    except EMRConnectError:
        return []
    names = [name for name, count in Counter(role.name for role in offered.items).items() if count == 1]
    return [text for text in (*names, *(role.arn for role in offered.items)) if text.startswith(incomplete)]


def complete_kernels(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the ids of the ledger's kernels that begin with ``incomplete``, but of those that are gone."""
    from ..errors import EMRConnectError
    from ..store.database import Database
    from ..store.ledger import Ledger

    try:
        records = Ledger(Database(CommandContext(False, None, None).config.state_file)).all()
    except EMRConnectError:
        return []
    ids = [record.kernel_id for record in records if record.state != "gone"]
    return [kernel_id for kernel_id in ids if kernel_id.startswith(incomplete)]
