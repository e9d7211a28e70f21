"""What `%emr` returns: plain lists and dicts that a notebook shows as a table and a terminal as text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..livy.output import html_table
from ..presentation.tables import Fields, Table
from ..presentation.text import printable, table_lines

WHOLE_WORDS = "text-align: left; white-space: pre-wrap; overflow-wrap: break-word"
STYLE = "text-align: left; white-space: pre-wrap; overflow-wrap: anywhere"
IDS = f"{STYLE}; min-width: 14em"  # of a cluster they stay whole, those of an endpoint need more than a line
REASONS = f"{STYLE}; min-width: 9em"


class TableRows(list[dict[str, Any]]):
    """Rows as ``--json`` and REST give them; ``table`` is how they are shown, ``empty`` the sentence for none.

    IPython asks for the representations; names and tags in them are anybody's, so HTML is escaped.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], table: Table, empty: str) -> None:
        super().__init__(dict(row) for row in rows)
        self._table = table
        self._empty = empty

    @property
    def bundle(self) -> dict[str, str]:
        """The MIME bundle by which it is displayed."""
        return {"text/plain": self.text, "text/html": self._repr_html_()}

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{escape(self._empty)}</p>"
        names = [name.capitalize() for name in self._table.headers]
        rows = [[printable(cell) for cell in row] for row in self._table.rows]
        return html_table(names, rows, styles=[IDS, *[WHOLE_WORDS] * (len(names) - 2), REASONS])

    @property
    def text(self) -> str:
        """The table for a terminal of this process's width."""
        width = shutil.get_terminal_size().columns
        return "\n".join(table_lines(*self._table, width)) if self else self._empty

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text)


class NamedFields(dict[str, Any]):
    """One thing as ``--json`` and REST give it; ``fields`` are the names and values that are shown, ``below`` JSON."""

    def __init__(self, values: Mapping[str, Any], fields: Fields, below: Any = None) -> None:
        super().__init__(values)
        self._fields = [(name, value) for name, value in fields if value is not None]
        self._below = json.dumps(below, indent=2) if below else ""

    @property
    def bundle(self) -> dict[str, str]:
        """The MIME bundle by which it is displayed."""
        return {"text/plain": self.text, "text/html": self._repr_html_()}

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="{STYLE}">{escape(name)}</th><td style="{STYLE}">{escape(printable(value))}</td></tr>'
            for name, value in self._fields
        )
        below = f"<pre>{escape(self._below)}</pre>" if self._below else ""
        return f"<table><tbody>{rows}</tbody></table>{below}"

    @property
    def text(self) -> str:
        """The names and values, one a line."""
        width = max((len(name) for name, _ in self._fields), default=0)
        lines = [f"{name:<{width}}  {printable(value)}" for name, value in self._fields]
        return "\n".join([*lines, *([self._below] if self._below else [])])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text)
