"""``jupyter emr backups list``, ``diff`` and ``restore``: the states of files that S3 has, and bringing them back."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import BackupError, RequestError
from ..presentation.backups import cell_change_lines, version_table
from .context import CommandContext
from .options import common_options, require_non_empty
from .output import print_error, print_json, print_table
from .progress import counting

if TYPE_CHECKING:
    from ..config import EMRConnect
    from ..services.backups.folder import FolderReport
    from ..services.backups.restoring import FileRestorer

root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False),
    help="The Jupyter server's folder; left out, that of a server with backups above PATH, else this folder.",
)
path_argument = click.argument("path", callback=require_non_empty)
version_option = click.option("--version", "version_id", metavar="VERSION", help="One of `list`; else the latest.")


@click.command("list")
@path_argument
@root_option
@common_options
def list_command(command: CommandContext, path: str, root: str | None) -> None:
    """List the states of the file PATH that S3 has, the newest first."""
    restorer, inside = _restorer(command, path, root)
    found = restorer.versions(inside)
    if command.as_json:
        print_json(found.to_json())
        return
    for error in found.errors:
        print_error(error, as_json=False)
    if found.items:
        print_table(*version_table(found.items))
    else:
        click.echo(f"S3 has nothing of {inside}.", err=True)


@click.command("diff")
@path_argument
@version_option
@click.option("--against", metavar="VERSION", help="Another version; left out, the notebook as it is here.")
@root_option
@common_options
def diff_command(
    command: CommandContext, path: str, version_id: str | None, against: str | None, root: str | None
) -> None:
    """Show which cells of the notebook PATH differ from a version, the latest if left out."""
    from ..services.backups.cells import diff_cells
    from ..services.backups.restoring import notebook_in

    restorer, inside = _restorer(command, path, root)
    old = restorer.notebook(inside, version_id)
    if against:
        new = restorer.notebook(inside, against)
    else:
        new = notebook_in(_local(restorer, inside).read_bytes(), repr(inside))
    changes = diff_cells(old, new)
    if command.as_json:
        print_json({"items": [change.to_json() for change in changes]})
        return
    for line in cell_change_lines(changes):
        click.echo(line)


@click.command("restore")
@click.argument("source", metavar="PATH|S3-URL", callback=require_non_empty)
@version_option
@click.option("--cell", "cell_id", metavar="ID", help="Only this cell (`diff` shows the ids), into the notebook here.")
@click.option("--to", metavar="PATH", callback=require_non_empty, help="Another file; for an S3-URL the folder.")
@click.option("--at", metavar="TIME", help="For an S3-URL: the state of then (ISO 8601), where S3 keeps versions.")
@click.option("--overwrite", is_flag=True, help="For an S3-URL: replace other content too; it is saved beside.")
@root_option
@common_options
def restore_command(
    command: CommandContext,
    source: str,
    version_id: str | None,
    cell_id: str | None,
    to: str | None,
    at: str | None,
    overwrite: bool,
    root: str | None,
) -> None:
    """Bring the file PATH back, or the whole folder at an S3-URL (s3://bucket/prefix --to FOLDER).

    What is there now is kept first. A folder can be given on an empty machine; the same command again goes on where it
    was cut off.
    """
    if source.startswith("s3://"):
        if version_id or cell_id:
            message = "--version and --cell are for one file, not for a folder in S3."
            raise click.UsageError(message)
        _restore_folder(command, source, Path(to or "."), at, overwrite=overwrite)
        return
    if at or overwrite:
        message = "--at and --overwrite are for a folder in S3 (s3://bucket/prefix)."
        raise click.UsageError(message)
    if to and cell_id:
        message = "--to and --cell do not go together: a cell is put into the present notebook."
        raise click.UsageError(message)
    restorer, inside = _restorer(command, source, root)
    if cell_id:
        restored = restorer.restore_cell(inside, version_id, cell_id)
    else:
        restored = restorer.restore(inside, version_id, _inside(Path(restorer.scope.root), to) if to else None)
    if command.as_json:
        print_json(restored.to_json())
        return
    click.echo(f"Restored {restored.path}.")
    if restored.saved_present_as:
        click.echo(f"What was there is kept as {restored.saved_present_as}.")


def _restore_folder(command: CommandContext, url: str, target: Path, at: str | None, *, overwrite: bool) -> None:
    from ..services.backups.folder import FolderRestore
    from ..services.backups.location import open_bucket, parse_location

    location = parse_location(url)
    bucket = open_bucket(_config(command), location.bucket)
    prefix = f"{location.prefix}/" if location.prefix else ""
    work = FolderRestore(bucket, prefix, target, _moment(at) if at else None, overwrite)
    with counting("files") as progress:
        report = work.run(progress)
    if command.as_json:
        print_json(report.to_json())
    else:
        _print_report(report, target, url)
    if report.failed:
        raise click.exceptions.Exit(1)


def _print_report(report: FolderReport, target: Path, url: str) -> None:
    if not (report.restored or report.present or report.kept or report.failed):
        click.echo(f"There is nothing below {url}.", err=True)
        return
    there = f"; {report.present} were there already" if report.present else ""
    click.echo(f"Restored {report.restored} files ({report.bytes:,} bytes) to {target}{there}.")
    for path, copy in sorted(report.replaced):
        click.echo(f"What was at {path!r} is kept as {copy}.")
    if report.kept:
        click.echo("These have other content here and were left as they are (--overwrite replaces them):", err=True)
        for path in sorted(report.kept):
            click.echo(f"  {path!r}", err=True)
    for path, message in sorted(report.failed):
        print_error(BackupError(f"{path!r}: {message}"), as_json=False)


def _config(command: CommandContext) -> EMRConnect:
    """Return the settings, with the command's profile and region for S3."""
    config = command.config
    config.backup_profile = command.profile or config.backup_profile
    if command.region:
        config.regions = [command.region]
    return config


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        message = f"{text[:60]!r} is no time."
        raise RequestError(message, fix="Write it as 2026-11-30T07:00 (here), or 2026-11-30T07:00Z (UTC).") from error
    return found.astimezone(timezone.utc)


def _restorer(command: CommandContext, path: str, root: str | None) -> tuple[FileRestorer, str]:
    """Return what restores files of a server's folder, and the path of a file relative to it."""
    from ..services.backups.location import all_locations, nearest_location, open_queue
    from ..services.backups.restoring import open_restorer
    from ..services.backups.status import backups_off

    config = _config(command)
    if not all_locations(config):
        raise backups_off()
    folder = os.path.realpath(root or os.curdir)
    if root is None:
        file = os.path.realpath(path)
        above = [each for each in open_queue(config, folder).roots() if Path(file).is_relative_to(each)]
        folder = max(above, key=len, default=folder)
    inside = _inside(Path(folder), path)
    location = nearest_location(config, inside)
    if not location:
        raise backups_off()
    return open_restorer(config, folder, open_queue(config, folder, location)), inside


def _inside(folder: Path, path: str) -> str:
    """Return a path relative to the server's folder; raises ``RequestError`` for one out of it."""
    whole = Path(os.path.realpath(Path(path).parent), Path(path).name)
    if not whole.is_relative_to(folder):
        message = f"{path!r} is not in the Jupyter server's folder {folder}."
        raise RequestError(message, fix="Name that folder with --root.")
    return whole.relative_to(folder).as_posix()


def _local(restorer: FileRestorer, path: str) -> Path:
    file = restorer.scope.file(path)
    if file is None or not file.is_file():
        message = f"There is no notebook {path!r} here to compare with."
        raise BackupError(message, fix="Name another version with --against.")
    return file
