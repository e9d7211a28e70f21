"""Rows of a Spark DataFrame brought from a PySpark session, with the types that Spark has.

The session prints them as JSON by the frame's schema; whole numbers stay exact; decimals, dates and binary values
travel as text and are made anew here. Text stays text: ``'007'`` is no number.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

MARK = "emr-connect-rows:"

# Runs in the session, and leaves no name there. One row more than wanted is asked for, to know whether there are more.
CODE = """
def _emr_connect_rows(frame, limit):
    import base64, datetime, decimal, json
    def plain(value):
        if isinstance(value, dict):
            return [[plain(key), plain(one)] for key, one in value.items()]
        if isinstance(value, (list, tuple)):
            return [plain(one) for one in value]
        if isinstance(value, (bytes, bytearray)):
            return base64.b64encode(value).decode()
        if isinstance(value, (datetime.date, datetime.datetime)):
            return value.isoformat()
        return str(value) if isinstance(value, decimal.Decimal) else value
    rows = [[plain(value) for value in row] for row in (frame.collect() if limit < 0 else frame.take(limit + 1))]
    print({mark!r} + json.dumps({{"schema": json.loads(frame.schema.json()), "data": rows}}, default=str))
_emr_connect_rows({expression}, {limit})
del _emr_connect_rows
"""


@dataclass(frozen=True)
class FrameRows:
    """Rows by the schema of the frame; ``cut``: there were more than were wanted."""

    fields: tuple[Mapping[str, Any], ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(str(field["name"]) for field in self.fields)

    def local(self) -> Any:
        """Return the rows as a pandas DataFrame, as a list of dicts where pandas is not installed here."""
        try:
            import pandas
        except ImportError:
            return [dict(zip(self.names, row, strict=True)) for row in self.rows]
        columns = list(zip(*self.rows, strict=True)) or [() for _ in self.fields]
        frame = {
            index: pandas.Series(column, dtype=_dtype(field["type"], column))
            for index, (field, column) in enumerate(zip(self.fields, columns, strict=True))
        }
        made = pandas.DataFrame(frame)
        made.columns = list(self.names)
        return made


def fetch_code(expression: str, limit: int) -> str:
    """Return the PySpark code that prints the rows of the frame that an expression is; ``limit`` below 0 means all."""
    return CODE.format(mark=MARK, expression=expression, limit=limit)


def read_rows(text: str, limit: int) -> FrameRows | None:
    """Return what :func:`fetch_code` printed; None when it is not there."""
    _, found, printed = text.rpartition(MARK)
    if not found:
        return None
    answer = json.loads(printed)
    fields = tuple(answer["schema"]["fields"])
    readers = [_reader(field["type"]) for field in fields]
    data = answer["data"]
    cut = 0 <= limit < len(data)
    kept = data[:limit] if cut else data
    rows = tuple(tuple(read(value) for read, value in zip(readers, row, strict=True)) for row in kept)
    return FrameRows(fields, rows, cut)


READERS: dict[str, Callable[[Any], Any]] = {
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "timestamp_ntz": datetime.fromisoformat,
    "binary": base64.b64decode,
}


def _reader(kind: Any) -> Callable[[Any], Any]:
    """Return what makes a value of a Spark type out of its JSON."""
    read: Callable[[Any], Any]
    if isinstance(kind, Mapping):
        read = _nested(kind)
    elif kind.startswith("decimal"):
        read = Decimal
    else:
        read = READERS.get(kind, lambda value: value)
    return lambda value: None if value is None else read(value)


def _nested(kind: Mapping[str, Any]) -> Callable[[Any], Any]:
    if kind["type"] == "array":
        element = _reader(kind["elementType"])
        return lambda value: [element(one) for one in value]
    if kind["type"] == "map":
        key, item = _reader(kind["keyType"]), _reader(kind["valueType"])
        return lambda value: {key(name): item(one) for name, one in value}
    if kind["type"] == "struct":
        fields = [(str(field["name"]), _reader(field["type"])) for field in kind["fields"]]
        return lambda value: {name: read(one) for (name, read), one in zip(fields, value, strict=True)}
    return lambda value: value


def _dtype(kind: Any, column: tuple[Any, ...]) -> str:
    """Return the dtype that keeps a column's values as they are: none that would make floats of whole numbers."""
    whole = {"byte": "int8", "short": "int16", "integer": "int32", "long": "int64", "boolean": "bool"}
    if kind in ("float", "double"):
        return "float64"
    if kind in ("timestamp", "timestamp_ntz"):
        return "datetime64[ns]"
    return whole[kind] if isinstance(kind, str) and kind in whole and None not in column else "object"
