"""Rows of a Spark DataFrame brought from a PySpark session, with the types that Spark has.

They come column by column, packed, as Arrow where pyarrow is on both sides, else as JSON by the frame's schema; as text
in pieces either way, since Livy's own RPC carries no answer over 50 MB (``livy.rsc.rpc.max.size``).
"""

from __future__ import annotations

import base64
import importlib.util
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .columns import ArrowColumn, Column, JSONColumn, arrow_columns

MARK = "emr-connect-rows:"
PIECE = 16_000_000  # characters of one answer
PLAIN, PACKED, ARROW = "plain", "packed", "arrow"  # JSON, JSON by zlib and base64, an Arrow stream in base64

# Runs in the session. One row more than wanted is asked for, to know whether there are more. The name that it leaves
# is deleted with the last piece. Times are those of the session's zone, as Spark SQL shows them, and not of that of the
# driver's Python, which ``collect`` takes: Spark writes them as text, or makes them times of UTC that read the same.
# All rows without nested values come from the executors as Arrow where the driver has pyarrow.
CODE = """
def _emr_connect_rows(frame, limit, takes_arrow):
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
    names = [str(place) for place in range(len(kinds))]
    def converted(times, convert):
        if not times & set(kinds):
            return frame.toDF(*names)
        columns = [convert(n) if kind in times else functions.col(n) for n, kind in zip(names, kinds)]
        return frame.toDF(*names).select(*[column.alias(n) for n, column in zip(names, columns)])
    def with_texts():
        iso = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"
        return converted({{"timestamp", "timestamp_ntz"}}, lambda n: functions.date_format(n, iso))
    def with_wall_clock():
        session = getattr(frame, "sparkSession", None) or frame.sql_ctx.sparkSession
        zone = session.conf.get("spark.sql.session.timeZone")
        return converted({{"timestamp"}}, lambda n: functions.from_utc_timestamp(n, zone))
    simple = {{"byte", "short", "integer", "long", "boolean", "string", "float", "double"}}
    simple |= {{"timestamp", "timestamp_ntz"}}
    def batches_of(make):
        try:
            from pyspark.sql.pandas.utils import require_minimum_pyarrow_version
            require_minimum_pyarrow_version()
            return make()._collect_as_arrow()
        except Exception as error:
            of_spark = type(error).__module__.startswith(("py4j", "pyspark")) and not isinstance(error, ImportError)
            if of_spark and "DirectByteBuffer" not in str(error):  # Java's own refusal of Arrow
                raise
            return None
    def stream_of(batches):
        import pyarrow
        for compression in ("zstd", "lz4", None):
            try:
                sink = pyarrow.BufferOutputStream()
                options = pyarrow.ipc.IpcWriteOptions(compression=compression)
                with pyarrow.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
                    for one in batches:
                        writer.write_batch(one)
                return sink.getvalue()
            except (OSError, NotImplementedError, pyarrow.ArrowException):  # built without it
                if compression is None:
                    raise
    def answer(form, size, sent):
        return [form, size, len(sent), json.loads(schema.json())["fields"]], sent
    is_flat = set(kinds) <= simple | {{"date", "decimal", "binary"}}
    batches = None
    if kinds and is_flat and limit < 0:
        batches = batches_of(with_wall_clock if takes_arrow else with_texts)
    if batches and takes_arrow:
        size = sum(one.nbytes for one in batches)
        return answer({arrow!r}, size, base64.b64encode(stream_of(batches)).decode())
    if batches and not takes_arrow:
        columns = [[value for one in batches for value in one.column(int(n)).to_pylist()] for n in names]
    else:
        found = with_texts()
        columns = list(zip(*(found.collect() if limit < 0 else found.take(limit + 1)))) or [[] for n in names]
    columns = [column if kind in simple else [plain(one) for one in column] for kind, column in zip(kinds, columns)]
    text = json.dumps(columns, default=str)
    if len(text) <= 100000:
        return answer({plain!r}, len(text), text)
    return answer({packed!r}, len(text), base64.b64encode(zlib.compress(text.encode(), 1)).decode())
_emr_connect_head, _emr_connect_sent = _emr_connect_rows({expression}, {limit}, {takes_arrow})
del _emr_connect_rows
"""
FIRST = """
_emr_connect_held = 0 <= {most} < _emr_connect_head[1]
print({mark!r} + __import__("json").dumps(_emr_connect_head))
print("" if _emr_connect_held else _emr_connect_sent[:{end}])
if not _emr_connect_held and len(_emr_connect_sent) <= {end}:
    del _emr_connect_sent
del _emr_connect_head, _emr_connect_held
"""
NEXT = """
print({mark!r} + _emr_connect_sent[{start}:{end}])
if len(_emr_connect_sent) <= {end}:
    del _emr_connect_sent
"""
DROP = 'globals().pop("_emr_connect_sent", None) and None'


@dataclass(frozen=True)
class FrameRows:
    """Rows by the schema of the frame, column by column; ``cut``: there were more than were wanted."""

    fields: tuple[Mapping[str, Any], ...]
    columns: tuple[Column, ...]
    count: int
    cut: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(str(field["name"]) for field in self.fields)

    def rows(self, first: int | None = None) -> tuple[tuple[Any, ...], ...]:
        """Return the first so many rows, or all."""
        wanted = self.count if first is None else min(first, self.count)
        return tuple(zip(*(column.values(wanted) for column in self.columns), strict=True))

    def local(self) -> Any:
        """Return the rows as a pandas DataFrame, as a list of dicts where pandas is not installed here."""
        try:
            import pandas
        except ImportError:
            return [dict(zip(self.names, row, strict=True)) for row in self.rows()]
        made = pandas.DataFrame({place: column.series(pandas) for place, column in enumerate(self.columns)})
        made.columns = list(self.names)
        return made


@dataclass(frozen=True)
class FrameText:
    """The text of rows on its way: of ``length`` characters ``text`` is here; ``size`` is their bytes when unpacked.

    ``form`` is how they are written, ``fields`` their columns in the JSON of Spark's schema.
    """

    form: str
    size: int
    length: int
    fields: tuple[Mapping[str, Any], ...]
    text: str

    @property
    def is_whole(self) -> bool:
        """Whether nothing is to come any more."""
        return len(self.text) >= self.length

    def with_piece(self, printed: str) -> FrameText | None:
        """Return it with what :func:`next_code` printed; None where that has nothing in it."""
        _, found, piece = printed.rpartition(MARK)
        piece = piece.rstrip("\n")
        return replace(self, text=self.text + piece) if found and piece else None


def fetch_code(expression: str, limit: int, *, most_bytes: int = -1, takes_arrow: bool | None = None) -> str:
    """Return the PySpark code that prints the rows of the frame that an expression is, or their first piece.

    ``limit`` below 0 means all. What is longer than ``most_bytes`` is not printed before it is asked for by
    :func:`next_code`; below 0 there is no such bound. ``takes_arrow``: pyarrow is installed here; None: look.
    """
    first = FIRST.format(mark=MARK, end=PIECE, most=most_bytes)
    arrow = importlib.util.find_spec("pyarrow") is not None if takes_arrow is None else takes_arrow
    forms = {"plain": PLAIN, "packed": PACKED, "arrow": ARROW}
    return CODE.format(expression=expression, limit=limit, takes_arrow=arrow, **forms) + first


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
    form, size, length, fields = json.loads(head)
    return FrameText(form, size, length, tuple(fields), text.rstrip("\n"))


def read_rows(text: FrameText, limit: int) -> FrameRows:
    """Return the rows in a text that is whole."""
    columns = _columns(text)
    count = len(columns[0]) if columns else 0
    if cut := 0 <= limit < count:  # one more came, to know that there are more
        count = limit
        columns = [replace(column, data=column.data[:limit]) for column in columns]
    return FrameRows(text.fields, tuple(columns), count, cut)


def _columns(text: FrameText) -> Sequence[JSONColumn | ArrowColumn]:
    kinds = [field["type"] for field in text.fields]
    if text.form == ARROW:
        return arrow_columns(base64.b64decode(text.text), kinds)
    sent = zlib.decompress(base64.b64decode(text.text)) if text.form == PACKED else text.text
    return [JSONColumn(kind, column) for kind, column in zip(kinds, json.loads(sent), strict=True)]
