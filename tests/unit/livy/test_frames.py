"""Rows that come from Spark keep the types that Spark has."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from jupyter_emr_connect.livy.frames import MARK, fetch_code, read_rows

NESTED = {"type": "array", "elementType": "decimal(5,2)", "containsNull": True}
STRUCT = {"type": "struct", "fields": [{"name": "n", "type": "long"}, {"name": "d", "type": "date"}]}
MAP = {"type": "map", "keyType": "string", "valueType": "binary", "valueContainsNull": True}


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
    answer = {"schema": {"type": "struct", "fields": [{"name": "a", "type": kind}]}, "data": [[sent]]}
    rows = read_rows(f"printed before\n{MARK}{json.dumps(answer)}", 10)
    assert rows is not None
    assert (rows.names, rows.rows, rows.cut) == (("a",), ((value,),), False)


def test_one_row_more_than_wanted_says_that_there_are_more() -> None:
    answer = {"schema": {"fields": [{"name": "a", "type": "long"}]}, "data": [[1], [2], [3]]}
    text = f"{MARK}{json.dumps(answer)}"
    for limit, rows, cut in ((2, ((1,), (2,)), True), (3, ((1,), (2,), (3,)), False), (-1, ((1,), (2,), (3,)), False)):
        found = read_rows(text, limit)
        assert found is not None
        assert (found.rows, found.cut) == (rows, cut)


def test_what_is_no_frame_has_no_rows() -> None:
    assert read_rows("42", 10) is None


def test_the_code_that_runs_in_the_session_is_python_and_leaves_no_name() -> None:
    code = fetch_code("spark.sql('select 1')", 5)
    compile(code, "<stdin>", "exec")
    assert code.rstrip().endswith("del _emr_connect_rows")
