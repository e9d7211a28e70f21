"""Rows that come from Spark keep the types that Spark has."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from jupyter_emr_connect.livy.frames import MARK, PLAIN, FrameText, begin_rows, fetch_code, next_code, read_rows

NESTED = {"type": "array", "elementType": "decimal(5,2)", "containsNull": True}
STRUCT = {"type": "struct", "fields": [{"name": "n", "type": "long"}, {"name": "d", "type": "date"}]}
MAP = {"type": "map", "keyType": "string", "valueType": "binary", "valueContainsNull": True}


def printed(fields: list[dict[str, Any]], columns: list[list[Any]]) -> FrameText:
    sent = json.dumps(columns)
    head = json.dumps([PLAIN, len(sent), len(sent), fields])
    text = begin_rows(f"printed before\n{MARK}{head}\n{sent}\n")
    assert text is not None
    assert text.is_whole
    return text


@pytest.mark.parametrize(
    ("kind", "sent", "value"),
    [
        ("long", 2**53 + 1, 9007199254740993),
        ("decimal(38,18)", "0.100000000000000001", Decimal("0.100000000000000001")),
        ("string", "007", "007"),
        ("string", "1e5", "1e5"),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("timestamp", "2024-03-31T02:30:00.123456", datetime(2024, 3, 31, 2, 30, 0, 123456)),
        ("binary", "AP8=", b"\x00\xff"),
        ("long", None, None),
        (NESTED, ["1.50", None], [Decimal("1.50"), None]),
        (STRUCT, [7, "2024-01-01"], {"n": 7, "d": date(2024, 1, 1)}),
        (MAP, [["k", "AA=="]], {"k": b"\x00"}),
    ],
)
def test_a_value_is_what_it_was_in_spark(kind: Any, sent: Any, value: Any) -> None:
    rows = read_rows(printed([{"name": "a", "type": kind}], [[sent]]), 10)
    assert (rows.names, rows.rows(), rows.cut) == (("a",), ((value,),), False)


def test_one_row_more_than_wanted_says_that_there_are_more() -> None:
    text = printed([{"name": "a", "type": "long"}], [[1, 2, 3]])
    for limit, rows, cut in ((2, ((1,), (2,)), True), (3, ((1,), (2,), (3,)), False), (-1, ((1,), (2,), (3,)), False)):
        found = read_rows(text, limit)
        assert (found.rows(), found.count, found.cut) == (rows, len(rows), cut)
        assert found.rows(1) == ((1,),)


def test_what_is_no_frame_has_no_rows() -> None:
    assert begin_rows("42") is None


def test_the_code_that_runs_in_the_session_is_python_and_leaves_no_name() -> None:
    code = fetch_code("spark.sql('select 1')", 5, takes_arrow=True)
    compile(code, "<stdin>", "exec")
    names: dict[str, Any] = {}
    for name in re.findall(r"^(?:def )?(_emr_connect_\w+)|, (_emr_connect_sent) =", code, re.MULTILINE):
        names |= dict.fromkeys(filter(None, name))
    deleted = ", ".join(re.findall(r"^\s*del (.*)$", code, re.MULTILINE))
    assert set(names) == set(deleted.split(", "))


@pytest.mark.parametrize(("most", "held"), [(-1, False), (10, True), (1000, False)])
def test_rows_that_the_user_is_asked_for_are_there_once_he_agrees(
    pyspark: None, capsys: pytest.CaptureFixture[str], most: int, held: bool
) -> None:
    """Also where they were packed into less than one piece."""
    names: dict[str, Any] = {"frame": Frame(failing(ImportError("no pyarrow")))}
    exec(fetch_code("frame", -1, most_bytes=most, takes_arrow=False), names)
    text = begin_rows(capsys.readouterr().out)
    assert text is not None
    assert text.is_whole is not held
    if held:
        exec(next_code(text), names)
        text = text.with_piece(capsys.readouterr().out)
    assert text is not None
    assert read_rows(text, -1).rows() == ((1, Decimal("0.10")), (None, None))
    assert not [name for name in names if name.startswith("_emr_connect")]


def test_a_long_answer_comes_in_pieces() -> None:
    text = FrameText(PLAIN, 6, 6, (), "abc")
    assert "[3:" in next_code(text)
    assert text.with_piece("nothing") is None
    whole = text.with_piece(f"{MARK}def\n")
    assert whole == FrameText(PLAIN, 6, 6, (), "abcdef")
    assert whole.is_whole


class Kind:
    def __init__(self, name: str) -> None:
        self.dataType = SimpleNamespace(typeName=lambda: name)


class Schema(list[Kind]):
    def json(self) -> str:
        return json.dumps({"fields": [{"name": "n", "type": "long"}, {"name": "d", "type": "decimal(4,2)"}]})


class Frame:
    """A frame of a number and a decimal; ``arrow`` is what comes of asking for it as Arrow."""

    schema = Schema([Kind("long"), Kind("decimal")])

    def __init__(self, arrow: Callable[[], Any]) -> None:
        self._collect_as_arrow = arrow

    def toDF(self, *names: str) -> Frame:  # noqa: N802 - pyspark's name
        return self

    def collect(self) -> list[tuple[Any, ...]]:
        return [(1, Decimal("0.10")), (None, None)]

    def take(self, count: int) -> list[tuple[Any, ...]]:
        return self.collect()[:count]


class SparkError(Exception):
    __module__ = "pyspark.errors"


def batch(*columns: list[Any]) -> Any:
    return SimpleNamespace(column=lambda n: SimpleNamespace(to_pylist=lambda: columns[n]))


def failing(error: Exception) -> Callable[[], Any]:
    def arrow() -> Any:
        raise error

    return arrow


@pytest.fixture
def pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the session's code imports of it."""
    for name in ("pyspark", "pyspark.sql", "pyspark.sql.pandas", "pyspark.sql.pandas.utils"):
        module = ModuleType(name)
        module.__dict__.update(functions=None, require_minimum_pyarrow_version=lambda: None)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("limit", [-1, 5])
@pytest.mark.parametrize(
    "arrow",
    [
        lambda: [batch([1], [Decimal("0.10")]), batch([None], [None])],
        failing(ImportError("no pyarrow")),
        failing(SparkError("sun.misc.Unsafe or java.nio.DirectByteBuffer.<init>(long, int) not available")),
    ],
)
def test_rows_are_the_same_with_arrow_and_without(
    pyspark: None, capsys: pytest.CaptureFixture[str], arrow: Callable[[], Any], limit: int
) -> None:
    names: dict[str, Any] = {"frame": Frame(arrow)}
    exec(fetch_code("frame", limit, takes_arrow=False), names)
    text = begin_rows(capsys.readouterr().out)
    assert text is not None
    assert read_rows(text, limit).rows() == ((1, Decimal("0.10")), (None, None))


def test_a_job_that_fails_is_not_run_once_more(pyspark: None) -> None:
    with pytest.raises(SparkError, match="the user's own"):
        exec(fetch_code("frame", -1), {"frame": Frame(failing(SparkError("the user's own")))})
