"""What is sent into a session has the types that it has here."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from jupyter_emr_connect.livy.sending import PIECE, Unsendable, frame_codes, packed_rows, text_codes

NOW = datetime(2024, 2, 29, 12, 30, tzinfo=timezone(timedelta(hours=2)))


def sent(rows: list[dict[str, Any]]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed_rows(rows))))
    return body


@pytest.mark.parametrize(
    ("values", "kind", "written"),
    [
        ([2**53 + 1, None], "long", [2**53 + 1, None]),
        ([2**63], "decimal(38,0)", [str(2**63)]),
        ([1, 0.5], "double", [1.0, 0.5]),
        (["007", "1e5"], "string", ["007", "1e5"]),
        ([True, False], "boolean", [True, False]),
        ([Decimal("12.5"), Decimal("0.001")], "decimal(5,3)", ["12.5", "0.001"]),
        ([Decimal("1E+3")], "decimal(4,0)", ["1E+3"]),
        ([date(2024, 2, 29)], "date", ["2024-02-29"]),
        ([NOW, NOW.replace(tzinfo=None)], "timestamp", ["2024-02-29 10:30:00+00:00", "2024-02-29 12:30:00"]),
        ([b"\x00\xff"], "binary", ["AP8="]),
        ([None, None], "string", [None, None]),
        ([[1, None], []], {"type": "array", "elementType": "long", "containsNull": True}, [[1, None], []]),
    ],
)
def test_a_column_has_the_type_of_its_values(values: list[Any], kind: Any, written: list[Any]) -> None:
    body = sent([{"a": value} for value in values])
    assert [(field["name"], field["type"]) for field in body["schema"]["fields"]] == [("a", kind)]
    assert [row[0] for row in body["data"]] == written


def test_a_dict_is_a_struct_of_all_the_names_that_there_are() -> None:
    body = sent([{"a": {"x": 1}}, {"a": {"y": Decimal("2.5")}, "b": "more"}])
    first, second = body["schema"]["fields"]
    assert [(field["name"], field["type"]) for field in first["type"]["fields"]] == [
        ("x", "long"),
        ("y", "decimal(2,1)"),
    ]
    assert second["name"] == "b"
    assert body["data"] == [[[1, None], None], [[None, "2.5"], "more"]]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([{"a": 1}, {"a": "x"}], "column 'a' that holds values of different types: long, string"),
        ([{"a": timedelta(1)}], "no type for: timedelta"),
        ([{"a": Decimal("NaN")}], "NaN"),
        ([{"a": Decimal("1e30")}, {"a": Decimal("1e-20")}], "51 digits"),
        ([1, 2], "no list of dicts"),
        ([], "no list of dicts"),
        (7, "but int"),
    ],
)
def test_what_spark_has_no_type_for_is_refused(value: Any, words: str) -> None:
    with pytest.raises(Unsendable, match=words):
        packed_rows(value)


def test_no_more_rows_are_sent_than_wanted() -> None:
    body = json.loads(zlib.decompress(base64.b64decode(packed_rows([{"a": n} for n in range(9)], 2))))
    assert body["data"] == [[0], [1]]


def test_a_long_text_goes_in_pieces() -> None:
    codes = list(frame_codes("df", "x" * (2 * PIECE + 1)))
    assert [code.split("'")[0] for code in codes[:3]] == ["_emr_connect_text = ", *["_emr_connect_text += "] * 2]
    compile("\n".join(codes), "<stdin>", "exec")


@pytest.mark.parametrize("text", ["", 'it\'s "åß漢🙂"\n\\', "\ud800"])
def test_text_is_what_it_was_in_python(text: str) -> None:
    names: dict[str, Any] = {}
    for code in text_codes("pyspark", "there", text):
        exec(code, names)
    assert names["there"] == text
    assert set(names) == {"__builtins__", "there"}


def test_text_in_r_has_nothing_that_ends_its_literal() -> None:
    assert list(text_codes("sparkr", "t", 'a"\n🙂')) == ['t <- "a\\U00000022\\U0000000a\\U0001f642"']
