"""Values of this side sent into a Spark session: text into any, rows into a PySpark session as a DataFrame.

Rows travel as JSON with the schema that their values have: decimals, dates, times and binary values as text, whole
numbers as they are. A time without a zone is one of the session's zone, as in Spark SQL.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

PIECE = 4_000_000  # characters in one statement
LITERAL = 10_000  # characters of one literal in Scala; Java's class files take 65,535 bytes
DTYPES = {
    "int8": "byte",
    "int16": "short",
    "int32": "integer",
    "int64": "long",
    "float32": "float",
    "float64": "double",
}

# Runs in the session once all the text is there.
FRAME = """
def _emr_connect_frame(text):
    import base64, datetime, decimal, json, zlib
    from pyspark.sql import functions
    from pyspark.sql.types import StructType
    sent = json.loads(zlib.decompress(base64.b64decode(text)).decode())
    def reader(kind):
        if isinstance(kind, dict) and kind["type"] == "array":
            return lambda value: [read_with(kind["elementType"], one) for one in value]
        if isinstance(kind, dict):
            return lambda value: tuple(read_with(one["type"], part) for one, part in zip(kind["fields"], value))
        if kind.startswith("decimal"):
            return decimal.Decimal
        return {{"binary": base64.b64decode, "date": lambda one: datetime.date(*map(int, one.split("-")))}}.get(kind)
    def read_with(kind, value):
        read = None if value is None else reader(kind)
        return read(value) if read else value
    fields = sent["schema"]["fields"]
    kinds = [field["type"] for field in fields]
    def without_times(kind):
        if isinstance(kind, dict) and kind["type"] == "array":
            return dict(kind, elementType=without_times(kind["elementType"]))
        if isinstance(kind, dict):
            return dict(kind, fields=[dict(one, type=without_times(one["type"])) for one in kind["fields"]])
        return "string" if kind == "timestamp" else kind
    numbered = [dict(field, name=str(n), type=without_times(field["type"])) for n, field in enumerate(fields)]
    rows = [tuple(read_with(kind, value) for kind, value in zip(kinds, row)) for row in sent["data"]]
    made = spark.createDataFrame(rows, StructType.fromJson({{"type": "struct", "fields": numbered}}))
    wanted = StructType.fromJson(sent["schema"]).fields
    columns = [functions.col(str(n)).cast(field.dataType) for n, field in enumerate(wanted)]
    return made.select(*columns).toDF(*[field["name"] for field in fields])
{name} = _emr_connect_frame(_emr_connect_text)
del _emr_connect_frame, _emr_connect_text
"""


class Unsendable(ValueError):
    """A value that Spark has no type for, with the sentence that says so."""


def packed_rows(value: Any, most_rows: int | None = None) -> str:
    """Return a pandas DataFrame, or a list of dicts, packed as :func:`frame_codes` sends it.

    Raises ``Unsendable``.
    """
    names, columns = _columns(value, most_rows)
    kinds = [kind or _kind_of(name, column) for name, (kind, column) in zip(names, columns, strict=True)]
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in zip(names, kinds, strict=True)
    ]
    written = [[_written(kind, one) for one in column] for kind, (_, column) in zip(kinds, columns, strict=True)]
    body = {"schema": {"type": "struct", "fields": fields}, "data": list(zip(*written, strict=True))}
    return base64.b64encode(zlib.compress(json.dumps(body).encode(), 1)).decode()


def frame_codes(name: str, packed: str) -> Iterator[str]:
    """Yield the statements that make ``packed`` the DataFrame ``name`` in a PySpark session."""
    yield from _piecewise("_emr_connect_text", packed)
    yield FRAME.format(name=name)


def text_codes(kind: str, name: str, text: str) -> Iterator[str]:
    """Yield the statements that make ``text`` a variable of a session of this kind."""
    if kind == "pyspark":
        yield from _piecewise("_emr_connect_text", base64.b64encode(text.encode("utf-8", "surrogatepass")).decode())
        decoded = '__import__("base64").b64decode(_emr_connect_text).decode("utf-8", "surrogatepass")'
        yield f"{name} = {decoded}\ndel _emr_connect_text"
        return
    if kind == "spark":
        sent = base64.b64encode(text.encode("utf-8", "replace")).decode()
        parts = ", ".join(f'"{sent[start : start + LITERAL]}"' for start in range(0, max(len(sent), 1), LITERAL))
        yield f'val {name} = new String(java.util.Base64.getDecoder.decode(Seq({parts}).mkString), "UTF-8")'
        return
    letters = "".join(one if one.isascii() and one.isalnum() else f"\\U{ord(one):08x}" for one in text)
    yield f'{name} <- "{letters}"'


def _piecewise(name: str, ascii_text: str) -> Iterator[str]:
    for start in range(0, max(len(ascii_text), 1), PIECE):
        yield f"{name} {'+=' if start else '='} {ascii_text[start : start + PIECE]!r}"


Column = tuple[Any, Sequence[Any]]
"""The Spark type that is known of a column, None where its values must say it, and the values."""


def _columns(value: Any, most_rows: int | None) -> tuple[list[str], list[Column]]:
    if hasattr(value, "columns") and hasattr(value, "dtypes"):
        frame = value if most_rows is None else value.head(most_rows)
        series = [frame.iloc[:, place] for place in range(len(frame.columns))]
        return [str(name) for name in frame.columns], [_series(one) for one in series]
    if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        rows = value if most_rows is None else value[:most_rows]
        names = list(dict.fromkeys(str(name) for row in value for name in row))
        return names, [(None, [row.get(name) for row in rows]) for name in names]
    message = f"is no pandas DataFrame and no list of dicts, but {type(value).__name__}"
    raise Unsendable(message)


def _series(series: Any) -> Column:
    """Return a pandas column: floats as they are, NaN too; in all others what pandas takes for missing is null."""
    kind = DTYPES.get(str(series.dtype))
    if kind in ("float", "double"):
        return kind, series.tolist()
    missing = series.isna().tolist()
    values = series.astype(object).tolist()
    return kind, [None if gone else one for gone, one in zip(missing, values, strict=True)]


def _kind_of(name: str, column: Sequence[Any]) -> Any:
    values = [one for one in column if one is not None]
    try:
        return _kind(values)
    except Unsendable as error:
        message = f"has a column {name!r} that {error}"
        raise Unsendable(message) from None


def _kind(values: Sequence[Any]) -> Any:
    """Return the Spark type, as its schema's JSON has it, that all of the values have; text for none."""
    kinds = {next((kind for type_, kind in TYPES if isinstance(one, type_)), type(one).__name__) for one in values}
    if not kinds:
        return "string"
    if kinds <= {"long", "double"}:
        return "double" if "double" in kinds else _whole(values)
    kind = kinds.pop()
    if kinds:
        message = f"holds values of different types: {', '.join(sorted([kind, *kinds]))}"
        raise Unsendable(message)
    if kind == "decimal":
        return _decimal(values)
    if kind == "array":
        element = _kind([one for value in values for one in value if one is not None])
        return {"type": "array", "elementType": element, "containsNull": True}
    if kind == "struct":
        return _struct(values)
    if kind not in dict(TYPES).values():
        message = f"holds values that Spark has no type for: {kind}"
        raise Unsendable(message)
    return kind


TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "long"),
    (float, "double"),
    (str, "string"),
    (Decimal, "decimal"),
    (datetime, "timestamp"),
    (date, "date"),
    (bytes, "binary"),
    (bytearray, "binary"),
    (list, "array"),
    (tuple, "array"),
    (Mapping, "struct"),
)


def _whole(values: Iterable[int]) -> str:
    return "long" if all(-(2**63) <= one < 2**63 for one in values) else "decimal(38,0)"


def _decimal(values: Iterable[Decimal]) -> str:
    digits, scale = 1, 0
    for one in values:
        if not one.is_finite():
            message = f"holds {one}, which Spark's decimals do not have"
            raise Unsendable(message)
        exponent = int(one.as_tuple().exponent)
        scale = max(scale, -exponent)
        digits = max(digits, one.adjusted() + 1)
    if digits + scale > 38:
        message = f"needs decimals of {digits + scale} digits, and Spark's have 38 at most"
        raise Unsendable(message)
    return f"decimal({digits + scale},{scale})"


def _struct(values: Sequence[Mapping[Any, Any]]) -> dict[str, Any]:
    names = list(dict.fromkeys(str(name) for value in values for name in value))
    kinds = [_kind([value[name] for value in values if value.get(name) is not None]) for name in names]
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in zip(names, kinds, strict=True)
    ]
    return {"type": "struct", "fields": fields}


def _written(kind: Any, value: Any) -> Any:
    """Return a value as JSON carries it."""
    if value is None:
        return None
    if isinstance(kind, Mapping):
        if kind["type"] == "array":
            return [_written(kind["elementType"], one) for one in value]
        return [_written(field["type"], value.get(field["name"])) for field in kind["fields"]]
    if kind in ("double", "float"):
        return float(value)  # NaN and Infinity too: Python's JSON has them on both sides
    if kind == "timestamp":
        return (value.astimezone(timezone.utc) if value.tzinfo else value).isoformat(sep=" ")
    if kind == "binary":
        return base64.b64encode(value).decode()
    return value.isoformat() if kind == "date" else str(value) if kind.startswith("decimal") else value
