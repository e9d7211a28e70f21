"""``jupyter emr backups status`` and ``now``: where the copies of notebooks are, and uploading at once."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..presentation.backup_states import status_table
from .context import CommandContext
from .options import local_options
from .output import print_error, print_fields, print_json, print_table

if TYPE_CHECKING:
    from ..store.backups import BackupStore

LOOK_EVERY_S = 0.2
root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False),
    help="The Jupyter server's folder; left out, that of a server with backups above this folder, else this folder.",
)
path_argument = click.argument("path", required=False, default="")


@click.command("status")
@path_argument
@root_option
@local_options
def status_command(command: CommandContext, path: str, root: str | None) -> None:
    """Show where the backups of PATH are (a file or folder; all if left out), and what keeps them from S3."""
    _show(command, *_queue(command, path, root, known_only=False))


@click.command("now")
@path_argument
@root_option
@click.option("--wait", "seconds", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds at most.")
@local_options
def now_command(command: CommandContext, path: str, root: str | None, seconds: float) -> None:
    """Upload what waits of PATH (all if left out) now, also without a server, and what changed unnoticed.

    Exits with 1 when something is not in S3 by then; `status` says why.
    """
    from ..services.backups.worker import BackupWorker

    store, folder, inside = _queue(command, path, root, known_only=True)
    worker = BackupWorker(command.config, folder, store)
    worker.start()  # where a server works on this folder, it does the work, and this worker waits
    end = time.monotonic() + seconds
    try:
        worker.scanned(seconds)
        store.push(inside or None)
        worker.wake()
        while any(row.action for row in store.below(inside)) and time.monotonic() < end:
            if store.trouble().message:
                break
            time.sleep(LOOK_EVERY_S)
    finally:
        worker.stop(0)
    if not _show(command, store, folder, inside):
        raise click.exceptions.Exit(1)


def _show(command: CommandContext, store: BackupStore, folder: str, inside: str) -> bool:
    """Print the status; returns whether all is in S3."""
    from ..errors import BackupError
    from ..services.backups.status import status_of

    status: dict[str, Any] = status_of(command.config, store, inside)
    saved = all(item["state"] == "in S3" for item in status["items"])
    if command.as_json:
        print_json(status)
        return saved
    waiting = str(status["waiting"]) if status["waiting"] else None
    location = ("location", status["location"])
    print_fields([("folder", folder), location, ("state", status["state"]), ("waiting", waiting)])
    if status["message"]:
        print_error(BackupError(status["message"], fix=status["fix"]), as_json=False)
    if status["items"]:
        click.echo()
        print_table(*status_table(status["items"]))
    return saved


def _queue(command: CommandContext, path: str, root: str | None, *, known_only: bool) -> tuple[BackupStore, str, str]:
    """Return the queue of a server's folder, the folder, and a path relative to it.

    With ``known_only`` the folder must be named, or be one that a server has backed up: keys are relative to it, and
    any other folder's files would come among them. Raises ``BackupsOff``, ``PathNotFound``.
    """
    from ..errors import PathNotFound
    from ..services.backups.location import open_queue, parse_location
    from ..services.backups.status import backups_off

    config = command.config
    if not config.backup_location:
        raise backups_off()
    parse_location(config.backup_location)
    file = Path(os.path.realpath(path or os.curdir))
    folder = os.path.realpath(root or os.curdir)
    if root is None:
        above = [each for each in open_queue(config, folder).roots() if file.is_relative_to(each)]
        if known_only and not above:
            message = f"No Jupyter server has made backups of {file} or a folder above it."
            raise PathNotFound(message, fix="Name the Jupyter server's folder with --root.")
        folder = max(above, key=len, default=folder)
    if path and not file.is_relative_to(folder):
        message = f"{path!r} is not in the folder {folder}."
        raise PathNotFound(message, fix="Name the Jupyter server's folder with --root.")
    return open_queue(config, folder), folder, str(file.relative_to(folder)) if path and str(file) != folder else ""
