"""Rows that come from Spark keep the types that Spark has."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from jupyter_emr_connect.livy.frames import MARK, FrameText, begin_rows, fetch_code, next_code, read_rows

NESTED = {"type": "array", "elementType": "decimal(5,2)", "containsNull": True}
STRUCT = {"type": "struct", "fields": [{"name": "n", "type": "long"}, {"name": "d", "type": "date"}]}
MAP = {"type": "map", "keyType": "string", "valueType": "binary", "valueContainsNull": True}


def printed(answer: dict[str, Any]) -> FrameText:
    sent = json.dumps(answer)
    text = begin_rows(f"printed before\n{MARK}{json.dumps([False, len(sent), len(sent)])}\n{sent}\n")
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
    answer = {"schema": {"type": "struct", "fields": [{"name": "a", "type": kind}]}, "data": [[sent]]}
    rows = read_rows(printed(answer), 10)
    assert (rows.names, rows.rows, rows.cut) == (("a",), ((value,),), False)


def test_one_row_more_than_wanted_says_that_there_are_more() -> None:
    answer = {"schema": {"fields": [{"name": "a", "type": "long"}]}, "data": [[1], [2], [3]]}
    text = printed(answer)
    for limit, rows, cut in ((2, ((1,), (2,)), True), (3, ((1,), (2,), (3,)), False), (-1, ((1,), (2,), (3,)), False)):
        found = read_rows(text, limit)
        assert (found.rows, found.cut) == (rows, cut)


def test_what_is_no_frame_has_no_rows() -> None:
    assert begin_rows("42") is None


def test_the_code_that_runs_in_the_session_is_python_and_leaves_no_name() -> None:
    code = fetch_code("spark.sql('select 1')", 5)
    compile(code, "<stdin>", "exec")
    names: dict[str, Any] = {}
    for name in re.findall(r"^(?:def )?(_emr_connect_\w+)|, (_emr_connect_sent) =", code, re.MULTILINE):
        names |= dict.fromkeys(filter(None, name))
    deleted = ", ".join(re.findall(r"^\s*del (.*)$", code, re.MULTILINE))
    assert set(names) == set(deleted.split(", "))


def test_a_long_answer_comes_in_pieces() -> None:
    text = FrameText(packed=False, size=6, length=6, text="abc")
    assert "[3:" in next_code(text)
    assert text.with_piece("nothing") is None
    whole = text.with_piece(f"{MARK}def\n")
    assert whole == FrameText(packed=False, size=6, length=6, text="abcdef")
    assert whole.is_whole
