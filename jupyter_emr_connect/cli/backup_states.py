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
    from ..config import EMRConnect
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
    _show(command, *_queues(command, path, root, known_only=False))


@click.command("now")
@path_argument
@root_option
@click.option("--wait", "seconds", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds at most.")
@local_options
def now_command(command: CommandContext, path: str, root: str | None, seconds: float) -> None:
    """Upload what waits of PATH (all if left out) now, also without a server, and what changed unnoticed.

    Exits with 1 when something is not in S3 by then; `status` says why.
    """
    from ..services.backups.location import nearest_location
    from ..services.backups.status import folder_off

    stores, folder, inside = _queues(command, path, root, known_only=True)
    if inside and not nearest_location(command.config, inside):
        raise folder_off(inside)
    end = time.monotonic() + seconds
    for store in stores:
        _upload(command.config, store, inside, end)
    if not _show(command, stores, folder, inside):
        raise click.exceptions.Exit(1)


def _upload(config: EMRConnect, store: BackupStore, inside: str, end: float) -> None:
    """Upload what waits at one location, until a moment by the monotonic clock, or something is in the way."""
    from ..services.backups.worker import BackupWorker

    worker = BackupWorker(config, store.root, store)
    worker.start()  # where a server works on this folder, it does the work, and this worker waits
    try:
        worker.scanned(max(0.0, end - time.monotonic()))
        store.push(inside or None)
        worker.wake()
        while any(row.action for row in store.below(inside)) and time.monotonic() < end:
            if store.trouble().message:
                break
            time.sleep(LOOK_EVERY_S)
    finally:
        worker.stop(0)


def _show(command: CommandContext, stores: list[BackupStore], folder: str, inside: str) -> bool:
    """Print the status; returns whether all is in S3."""
    from ..errors import BackupError
    from ..services.backups.location import usable_locations
    from ..services.backups.status import status_of_all, stays_text

    _, wrong = usable_locations(command.config)
    status: dict[str, Any] = status_of_all(command.config, stores, inside, wrong=wrong)
    saved = status["state"] != "failed" and all(item["state"] == "in S3" for item in status["items"])
    if command.as_json:
        print_json(status)
        return saved
    waiting = str(status["waiting"]) if status["waiting"] else None
    location = ("location", status["location"])
    print_fields([("folder", folder), location, ("state", status["state"]), ("waiting", waiting)])
    if status["message"]:
        print_error(BackupError(status["message"], fix=status["fix"]), as_json=False)
    for stays in status["stays"]:
        click.echo(stays_text(stays), err=True)
    if status["items"]:
        click.echo()
        print_table(*status_table(status["items"]))
    return saved


def _queues(
    command: CommandContext, path: str, root: str | None, *, known_only: bool
) -> tuple[list[BackupStore], str, str]:
    """Return the queues of a server's folder, one for each location, the folder, and a path relative to it.

    With ``known_only`` the folder must be named, or be one that a server has backed up: keys are relative to it, and
    any other folder's files would come among them. Raises ``BackupsOff``, ``PathNotFound``.
    """
    from ..errors import BackupsOff, PathNotFound
    from ..services.backups.location import open_queue, usable_locations
    from ..services.backups.status import off

    config = command.config
    locations, wrong = usable_locations(config)
    file = Path(os.path.realpath(path or os.curdir))
    folder = os.path.realpath(root or os.curdir)
    if not locations:
        if wrong:
            raise next(iter(wrong.values()))
        status = off(config, folder)
        raise BackupsOff(status["message"], fix=status["fix"])
    if root is None:
        above = [each for each in open_queue(config, folder).roots() if file.is_relative_to(each)]
        if known_only and not above:
            message = f"No Jupyter server has made backups of {file} or a folder above it."
            raise PathNotFound(message, fix="Name the Jupyter server's folder with --root.")
        folder = max(above, key=len, default=folder)
    if path and not file.is_relative_to(folder):
        message = f"{path!r} is not in the folder {folder}."
        raise PathNotFound(message, fix="Name the Jupyter server's folder with --root.")
    inside = file.relative_to(folder).as_posix() if path and str(file) != folder else ""
    return [open_queue(config, folder, location) for location in locations], folder, inside
