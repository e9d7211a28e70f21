"""Columns of a Spark DataFrame as they came here, of JSON or of Arrow, with the types that Spark has.

Whole numbers stay exact; decimals, dates and binary values are Python's own, times are those of the session's zone
without one. Text stays text: ``'007'`` is no number. Either form gives the same values.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

WHOLE = {"byte": "int8", "short": "int16", "integer": "int32", "long": "int64", "boolean": "bool"}
TIMES = ("timestamp", "timestamp_ntz")


class Column(Protocol):
    """The values of one column."""

    def __len__(self) -> int:
        """Return how many there are."""

    def values(self, first: int) -> Sequence[Any]:
        """Return the first so many as Python has them, null as None."""

    def series(self, pandas: Any) -> Any:
        """Return all as a pandas Series of a dtype that keeps them: none that makes floats of whole numbers."""


@dataclass(frozen=True)
class JSONColumn:
    """Values out of JSON; ``kind`` is their type in the JSON of Spark's schema."""

    kind: Any
    data: Sequence[Any]

    def __len__(self) -> int:
        return len(self.data)

    def values(self, first: int) -> Sequence[Any]:
        """Return the first so many as Python has them."""
        read, data = _reader(self.kind), self.data[:first]
        return [None if value is None else read(value) for value in data] if read else data

    def series(self, pandas: Any) -> Any:
        """Return all as a pandas Series."""
        values = self.values(len(self))
        if self.kind in TIMES:
            return _times(pandas, values)
        return pandas.Series(values, dtype=_dtype(self.kind, has_null=None in values))


@dataclass(frozen=True)
class ArrowColumn:
    """Values in a ``pyarrow.ChunkedArray`` of a type that is not nested; times are wall clock times."""

    kind: str
    data: Any

    def __len__(self) -> int:
        return len(self.data)

    def values(self, first: int) -> Sequence[Any]:
        """Return the first so many as Python has them."""
        values: list[Any] = self.data[:first].to_pylist()
        return values

    def series(self, pandas: Any) -> Any:
        """Return all as a pandas Series."""
        if self.kind in TIMES:
            return _times(pandas, self.data.to_numpy())
        dtype = _dtype(self.kind, has_null=bool(self.data.null_count))
        if dtype == "object" and (self.kind in WHOLE or self.kind == "date"):
            return self.data.to_pandas(integer_object_nulls=True, date_as_object=True)
        return pandas.Series(self.data.to_numpy(), dtype=dtype)


def arrow_columns(stream: bytes, kinds: Sequence[str]) -> list[ArrowColumn]:
    """Return the columns in an Arrow stream; ImportError where pyarrow is not installed here."""
    import pyarrow

    with pyarrow.ipc.open_stream(stream) as reader:
        table = reader.read_all()
    columns = []
    for kind, column in zip(kinds, table.columns, strict=True):
        if kind in TIMES:  # by way of a number, for which no database of time zones is needed
            column = column.cast(pyarrow.int64()).cast(pyarrow.timestamp("us"))
        columns.append(ArrowColumn(kind, column))
    return columns


def _times(pandas: Any, values: Sequence[Any]) -> Any:
    """Return times as a Series: to the nanosecond as pandas is used to, else as they fit, as the year 9999 does."""
    for dtype in ("datetime64[ns]", "datetime64[us]"):
        try:
            return pandas.Series(values, dtype=dtype)
        except (ValueError, TypeError):  # out of bounds; pandas 1 knows nanoseconds alone
            continue
    return pandas.Series([None if value is None else value for value in values], dtype="object")


def _dtype(kind: Any, *, has_null: bool) -> str:
    if kind in ("float", "double"):
        return "float64"
    return WHOLE[kind] if isinstance(kind, str) and kind in WHOLE and not has_null else "object"


READERS: dict[str, Callable[[Any], Any]] = {
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "timestamp_ntz": datetime.fromisoformat,
    "binary": base64.b64decode,
}


def _reader(kind: Any) -> Callable[[Any], Any] | None:
    """Return what makes a value of a Spark type, none null, out of its JSON; None where it is that value already."""
    if isinstance(kind, Mapping):
        return _nested(kind)
    return Decimal if kind.startswith("decimal") else READERS.get(kind)


def _nested(kind: Mapping[str, Any]) -> Callable[[Any], Any]:
    if kind["type"] == "array":
        element = _nullable(kind["elementType"])
        return lambda value: [element(one) for one in value]
    if kind["type"] == "map":
        key, item = _nullable(kind["keyType"]), _nullable(kind["valueType"])
        return lambda value: {key(name): item(one) for name, one in value}
    if kind["type"] == "struct":
        fields = [(str(field["name"]), _nullable(field["type"])) for field in kind["fields"]]
        return lambda value: {name: read(one) for (name, read), one in zip(fields, value, strict=True)}
    return lambda value: value


def _nullable(kind: Any) -> Callable[[Any], Any]:
    read = _reader(kind)
    return (lambda value: None if value is None else read(value)) if read else lambda value: value
