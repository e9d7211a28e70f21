"""What all commands print with: JSON, tables, errors. Text from elsewhere is shown without control characters."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from ..errors import EMRConnectError


def printable(text: str) -> str:
    """Return ``text`` on one line and without characters that would steer the terminal."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in text)


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_error(error: EMRConnectError, *, as_json: bool) -> None:
    """Print an error on stderr: the message, then the fix; with ``--json`` the contract's error body."""
    if as_json:
        click.echo(json.dumps(error.to_json(), ensure_ascii=False), err=True)
        return
    click.secho(f"Error: {printable(error.message)}", fg="red", err=True)
    if error.fix:
        click.echo(f"  {printable(error.fix)}", err=True)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; as wide as needed when stdout is not a terminal, so that nothing is cut for other programs."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [[printable(cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, header in enumerate(headers):
        # Ids and names are there to be copied: only the last column may be broken into lines.
        longest = max((len(row[index]) for row in shown), default=0)
        table.add_column(header, min_width=None if index == len(headers) - 1 else max(longest, len(header)))
    for row in shown:
        table.add_row(*map(Text, row))
    if sys.stdout.isatty():
        Console().print(table)
        return
    console = Console(width=10_000)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def print_fields(fields: Sequence[tuple[str, str | None]]) -> None:
    """Print names and values in two columns; values that are None are left out."""
    shown = [(name, value) for name, value in fields if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name:<{width}}  {printable(value)}")
