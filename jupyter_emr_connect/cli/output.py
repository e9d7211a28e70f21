"""What all commands print with: JSON, tables, errors. Text from elsewhere is shown without control characters."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import click

from ..errors import EMRConnectError

GAP = "  "
LEAST_ROOM = 24  # columns in which a sentence can still be read


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
    """Print a table; one line a row when stdout is not a terminal, so that other programs can read it."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table_lines(headers, rows, width):
        click.echo(line)


def table_lines(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Return a table's lines for a terminal of ``width`` columns, None for as wide as needed.

    Ids and names are there to be copied, so only the last column is ever broken: beside the others where there is
    room for it, else under its row.
    """
    from rich.cells import cell_len, set_cell_size

    shown = [[printable(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    indent = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    room = widths[-1] if width is None else width - indent
    under = room < min(widths[-1], LEAST_ROOM)
    if under:
        indent, room = 4, max((width or 0) - 4, LEAST_ROOM)
    lines = []
    for *row, last in shown:
        start = "".join(set_cell_size(cell, size) + GAP for cell, size in zip(row, widths, strict=False))
        parts = [last] if cell_len(last) <= room else textwrap.wrap(last, room, break_long_words=False)
        lines += [start, " " * indent + parts[0]] if under else [start + parts[0]]
        lines += [" " * indent + part for part in parts[1:]]
    return [line.rstrip() for line in lines if line.strip()]


def print_fields(fields: Sequence[tuple[str, str | None]]) -> None:
    """Print names and values in two columns; values that are None are left out."""
    shown = [(name, value) for name, value in fields if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name:<{width}}  {printable(value)}")
