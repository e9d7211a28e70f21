"""What commands print with: JSON, tables, fields and errors, on the terminal or for other programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import click

from ..errors import EMRConnectError
from ..presentation.text import printable, table_lines


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_error(error: EMRConnectError, *, as_json: bool) -> None:
    """Print an error on stderr: the message, then the fix; with ``--json`` the contract's error body."""
    if as_json:
        click.echo(json.dumps(error.to_json(), ensure_ascii=False), err=True)
        return
    line = f"Error: {printable(error.message)}"
    colored = not os.environ.get("NO_COLOR")  # no-color.org
    click.echo(click.style(line, fg="red") if colored else line, err=True)
    if error.fix:
        click.echo(f"  {printable(error.fix)}", err=True)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str] = ()) -> None:
    """Print a table; one line a row and every column when stdout is not a terminal, so that other programs can read it.

    ``spare`` are as for :func:`table_lines`.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table_lines(headers, rows, spare, width):
        click.echo(line)


def print_fields(fields: Sequence[tuple[str, str | None]]) -> None:
    """Print names and values in two columns; values that are None are left out."""
    shown = [(name, value) for name, value in fields if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name:<{width}}  {printable(value)}")
