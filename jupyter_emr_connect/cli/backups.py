"""``jupyter emr backups``: the copies of notebooks in S3."""

from __future__ import annotations

import click

from .backup_states import now_command, status_command
from .backup_versions import diff_command, list_command, restore_command
from .groups import HintingGroup


@click.group(cls=HintingGroup)
def backups() -> None:
    """Show where the copies of notebooks in S3 are, make them now, compare and restore them."""


backups.add_command(status_command)
backups.add_command(now_command)
backups.add_command(list_command)
backups.add_command(diff_command)
backups.add_command(restore_command)
