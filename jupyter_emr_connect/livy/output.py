"""What Livy answers, as a notebook shows it: MIME bundles with text beside HTML, tracebacks of the user's own lines.

Text of a cell is text: HTML in it is escaped wherever it goes into HTML.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from .statement import StatementResult

TABLE = "application/vnd.livy.table.v1+json"
ROWS_SHOWN = 100
WIDEST = 60  # characters of a value in a table of text


@dataclass(frozen=True)
class RowTable:
    """Rows with the names of their columns and Spark's names of their types; ``count``: there are more of them here."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    count: int = 0

    def bundle(self, *, shown: int = ROWS_SHOWN, cut_at: int | None = None) -> dict[str, str]:
        """Return the MIME bundle; ``cut_at`` is how many rows were asked for, so that as many may not be all."""
        rows, count = self.rows[:shown], max(self.count, len(self.rows))
        notes = [f"{len(rows)} of {count} rows shown."] if len(rows) < count else []
        if cut_at is not None and count >= cut_at:
            notes.append(f"These are the first {count} rows; there may be more.")
        note = " ".join(notes)
        return {"text/plain": self._text(rows, note), "text/html": html_table(self.names, rows, note)}

    def _text(self, rows: Sequence[tuple[Any, ...]], note: str) -> str:
        cells = [self.names, *(tuple(_shortened(shown_value(value)) for value in row) for row in rows)]
        widths = [max(len(row[index]) for row in cells) for index in range(len(self.names))]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        return "\n".join([*lines, *([note] if note else [])])


def html_table(
    names: Sequence[str], rows: Iterable[Sequence[Any]], note: str = "", *, styles: Sequence[str] = ()
) -> str:
    """Return an HTML table in which nothing can execute; ``note`` goes below it, ``styles`` are the columns' CSS."""

    def line(tag: str, texts: Iterable[str]) -> str:
        cells = zip(texts, chain((f' style="{html.escape(style)}"' for style in styles), repeat("")), strict=False)
        return "".join(f"<{tag}{attribute}>{html.escape(text)}</{tag}>" for text, attribute in cells)

    body = "".join(f"<tr>{line('td', map(shown_value, row))}</tr>" for row in rows)
    foot = f"<p>{html.escape(note)}</p>" if note else ""
    return f"<table><thead><tr>{line('th', names)}</tr></thead><tbody>{body}</tbody></table>{foot}"


def shown_value(value: Any) -> str:
    """Return a value as a table shows it: null as Spark writes it, nested ones as JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool | int | float | list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _shortened(text: str) -> str:
    line = text.replace("\n", "\\n")
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 3]}..."


def sql_table(data: dict[str, Any]) -> RowTable | None:
    """Return the table in the answer of a ``sql`` statement, None when it is none."""
    found = data.get("application/json")
    if not isinstance(found, dict) or "schema" not in found:
        return None
    fields = found["schema"].get("fields") or []
    types = tuple(str(one["type"] if isinstance(one["type"], str) else one["type"].get("type")) for one in fields)
    rows = tuple(tuple(row) for row in found.get("data") or [])
    return RowTable(tuple(str(one["name"]) for one in fields), types, rows)


def magic_table(data: dict[str, Any]) -> RowTable | None:
    """Return the table of Livy's ``%table``, None when there is none."""
    found = data.get(TABLE)
    if not isinstance(found, dict):
        return None
    heads = found.get("headers") or []
    names, types = tuple(str(one["name"]) for one in heads), tuple(str(one["type"]) for one in heads)
    return RowTable(names, types, tuple(tuple(row) for row in found.get("data") or []))


def bundle_of(data: dict[str, Any]) -> dict[str, Any]:
    """Return the MIME bundle of a result beside its plain text, empty when there is only text."""
    if table := magic_table(data) or sql_table(data):
        return {**table.bundle()}
    rich = {mime: value for mime, value in data.items() if mime != "text/plain"}
    if "application/json" in rich:
        rich["text/plain"] = json.dumps(rich["application/json"], ensure_ascii=False, indent=1)
    elif "image/png" in rich:
        rich["text/plain"] = "<Figure>"
    return rich


FRAME = re.compile(r'  File "<stdin>", line (\d+), in (\S+)')
INNER = ("/livy/", "livy-repl", "fake_shell")


def traceback_of(result: StatementResult, code: str) -> list[str]:
    """Return the traceback with the user's own lines in it, ending in the error itself."""
    lines = [line.rstrip("\n") for line in result.traceback]
    shown = list(_with_source(_own(lines), code.splitlines()))
    last = f"{result.ename}: {result.evalue}" if result.ename != "Error" else result.evalue
    text = "\n".join(shown)
    first = (result.evalue.splitlines() or [""])[0]
    if not shown or (first and first not in text):
        shown.append(last)
    return shown


def _own(lines: Iterable[str]) -> Iterable[str]:
    """Leave out the frames of Livy's interpreter."""
    skipped = False
    for line in lines:
        if line.startswith('  File "'):
            skipped = any(word in line for word in INNER)
        elif not line.startswith("    "):
            skipped = False
        if not skipped:
            yield line


def _with_source(lines: Iterable[str], source: Sequence[str]) -> Iterable[str]:
    """Add the cell's line below each frame of it, which the interpreter cannot show."""
    waiting = ""
    for line in lines:
        if waiting and not line.startswith("    "):
            yield waiting
        waiting = ""
        yield line
        if frame := FRAME.fullmatch(line):
            number, name = int(frame[1]), frame[2]
            here = name == "<module>" or any(re.match(rf"\s*(async )?def {re.escape(name)}\b", one) for one in source)
            if here and 0 < number <= len(source):  # a function of an earlier cell has another's numbers
                waiting = f"    {source[number - 1].strip()}"
    if waiting:
        yield waiting
