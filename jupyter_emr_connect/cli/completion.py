"""Shell completion: the code for the shell, and what is completed.

jupyter_core would hand completion on to argcomplete, which click does not speak. So our own shell code asks
``jupyter-emr`` by click's protocol, for ``jupyter-emr`` as for ``jupyter emr``. click calls the functions
``complete_*`` with what was typed so far.
"""

from __future__ import annotations

from importlib.resources import files

import click

from .context import CommandContext


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
    """Return ids and names of active clusters that begin with ``incomplete`` (asks AWS)."""
    from ..aws.emr import list_clusters
    from ..errors import EMRConnectError

    command = CommandContext(False, context.params.get("profile"), context.params.get("region"))
    try:
        rows = list(list_clusters(command.session()))
    except EMRConnectError:
        return []
    return [text for row in rows for text in (row.name, row.id) if text.startswith(incomplete) and " " not in text]


def complete_roles(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the runtime roles configured or used before that begin with ``incomplete``."""
    from ..errors import EMRConnectError
    from ..services.roles import list_roles

    try:
        offered = list_roles(CommandContext(False, None, None).config)
    except EMRConnectError:
        return []
    return [role.arn for role in offered.items if role.arn.startswith(incomplete)]


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
