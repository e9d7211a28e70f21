"""Rows of a Spark DataFrame brought from a PySpark session, with the types that Spark has.

The session turns them into JSON by the frame's schema; whole numbers stay exact; decimals, dates and binary values
travel as text and are made anew here. Text stays text: ``'007'`` is no number. The JSON is packed where it is long, and
comes in pieces, since Livy's own RPC carries no answer over 50 MB (``livy.rsc.rpc.max.size``).
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

MARK = "emr-connect-rows:"
PIECE = 16_000_000  # characters of one answer

# Runs in the session. One row more than wanted is asked for, to know whether there are more. The name that it leaves
# is deleted with the last piece. Times are written in the session's zone, as Spark SQL shows them, and not in that of
# the driver's Python, which ``collect`` takes.
# All rows without nested values come from the executors as Arrow where the driver has pyarrow; the values are the same.
CODE = """
def _emr_connect_rows(frame, limit):
    import base64, datetime, decimal, json, zlib
    from pyspark.sql import functions
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
    schema = frame.schema
    kinds = [field.dataType.typeName() for field in schema]
    if any(kind.startswith("timestamp") for kind in kinds):
        numbered = frame.toDF(*map(str, range(len(kinds))))
        iso = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"
        frame = numbered.select(*[
            functions.date_format(str(place), iso) if kind.startswith("timestamp") else functions.col(str(place))
            for place, kind in enumerate(kinds)
        ])
    simple = {{"byte", "short", "integer", "long", "boolean", "string", "float", "double"}}
    simple |= {{"timestamp", "timestamp_ntz"}}
    def columns_by_arrow():
        try:
            from pyspark.sql.pandas.utils import require_minimum_pyarrow_version
            require_minimum_pyarrow_version()
            batches = frame.toDF(*map(str, range(len(kinds))))._collect_as_arrow()
            columns = [[value for one in batches for value in one.column(n).to_pylist()] for n in range(len(kinds))]
        except Exception as error:
            of_spark = type(error).__module__.startswith(("py4j", "pyspark")) and not isinstance(error, ImportError)
            if of_spark and "DirectByteBuffer" not in str(error):  # Java's own refusal of Arrow
                raise
            return None
        return [column if kind in simple else map(plain, column) for kind, column in zip(kinds, columns)]
    is_flat = set(kinds) <= simple | {{"date", "decimal", "binary"}}
    columns = columns_by_arrow() if kinds and is_flat and limit < 0 else None
    if columns is not None:
        rows = list(zip(*columns))
    else:
        found = frame.collect() if limit < 0 else frame.take(limit + 1)
        rows = found if set(kinds) <= simple else [[plain(value) for value in row] for row in found]
    text = json.dumps({{"schema": json.loads(schema.json()), "data": rows}}, default=str)
    packed = len(text) > 100000
    sent = base64.b64encode(zlib.compress(text.encode(), 1)).decode() if packed else text
    return [packed, len(text), len(sent)], sent
_emr_connect_head, _emr_connect_sent = _emr_connect_rows({expression}, {limit})
del _emr_connect_rows
"""
FIRST = """
print({mark!r} + __import__("json").dumps(_emr_connect_head))
print(_emr_connect_sent[:{end}] if {most} < 0 or _emr_connect_head[1] <= {most} else "")
del _emr_connect_head
if len(_emr_connect_sent) <= {end}:
    del _emr_connect_sent
"""
NEXT = """
print({mark!r} + _emr_connect_sent[{start}:{end}])
if len(_emr_connect_sent) <= {end}:
    del _emr_connect_sent
"""
DROP = 'globals().pop("_emr_connect_sent", None) and None'


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


@dataclass(frozen=True)
class FrameText:
    """The JSON of rows on its way: ``size`` is its bytes; of ``length`` characters ``text`` are there."""

    packed: bool
    size: int
    length: int
    text: str

    @property
    def is_whole(self) -> bool:
        """Whether nothing is to come any more."""
        return len(self.text) >= self.length

    def with_piece(self, printed: str) -> FrameText | None:
        """Return it with what :func:`next_code` printed; None where that has nothing in it."""
        _, found, piece = printed.rpartition(MARK)
        piece = piece.rstrip("\n")
        return FrameText(self.packed, self.size, self.length, self.text + piece) if found and piece else None


def fetch_code(expression: str, limit: int, *, most_bytes: int = -1) -> str:
    """Return the PySpark code that prints the rows of the frame that an expression is, or their first piece.

    ``limit`` below 0 means all. What is longer than ``most_bytes`` is not printed before it is asked for by
    :func:`next_code`; below 0 there is no such bound.
    """
    first = FIRST.format(mark=MARK, end=PIECE, most=most_bytes)
    return CODE.format(expression=expression, limit=limit) + first


def next_code(text: FrameText) -> str:
    """Return the code that prints the next piece."""
    start = len(text.text)
    return NEXT.format(mark=MARK, start=start, end=start + PIECE)


def begin_rows(printed: str) -> FrameText | None:
    """Return what :func:`fetch_code` printed; None when it is not there."""
    _, found, told = printed.rpartition(MARK)
    if not found:
        return None
    head, _, text = told.partition("\n")
    packed, size, length = json.loads(head)
    return FrameText(packed, size, length, text.rstrip("\n"))


def read_rows(text: FrameText, limit: int) -> FrameRows:
    """Return the rows in a text that is whole."""
    answer = json.loads(zlib.decompress(base64.b64decode(text.text)) if text.packed else text.text)
    fields = tuple(answer["schema"]["fields"])
    readers = [_reader(field["type"]) for field in fields]
    data = answer["data"]
    cut = 0 <= limit < len(data)
    kept = data[:limit] if cut else data
    if any(readers):  # column by column: most have nothing to be read, and rows are many
        columns = list(zip(*kept, strict=True))
        for number, column in enumerate(columns):
            if read := readers[number]:
                columns[number] = tuple(None if value is None else read(value) for value in column)
        kept = zip(*columns, strict=True)
    return FrameRows(fields, tuple(map(tuple, kept)), cut)


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


def _dtype(kind: Any, column: tuple[Any, ...]) -> str:
    """Return the dtype that keeps a column's values as they are: none that would make floats of whole numbers."""
    whole = {"byte": "int8", "short": "int16", "integer": "int32", "long": "int64", "boolean": "bool"}
    if kind in ("float", "double"):
        return "float64"
    if kind in ("timestamp", "timestamp_ntz"):
        return "datetime64[ns]"
    return whole[kind] if isinstance(kind, str) and kind in whole and None not in column else "object"
