"""The Python child of Livy's interpreter driver, without a driver: code to output, magics, completion."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from jupyter_emr_connect.sandbox.livy.child import completion, execution, magics

Names = dict[str, Any]


def run(code: str, names: Names | None = None, stdout: str = "", stderr: str = "") -> dict[str, Any]:
    scope = {"__name__": "__main__"} if names is None else names
    return execution.output(execution.execute(code, scope), 4, stdout, stderr)


def test_the_last_expression_is_displayed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("1\n2\n3")["status"] == "ok"
    assert capsys.readouterr().out == "3\n"


def test_printed_text_is_joined_and_stripped_at_the_end() -> None:
    assert run("x = 1", stdout=" a\n", stderr="b\n\n") == {
        "status": "ok",
        "execution_count": 4,
        "data": {"text/plain": " a\nb"},
    }


def test_a_traceback_begins_below_the_statement() -> None:
    output = run("def f():\n    return 1/0\nf()")
    assert output["traceback"] == [
        "Traceback (most recent call last):\n",
        '  File "<stdin>", line 2, in f\n',
        "ZeroDivisionError: division by zero\n",
    ]


@pytest.mark.parametrize("code", ["1 +", "def f(:", "x = 'a\n", "\x00"])
def test_code_that_does_not_parse_has_no_frames(code: str) -> None:
    output = run(code)
    assert output["ename"] in ("SyntaxError", "ValueError")
    assert not [line for line in output["traceback"] if "execution.py" in line or "Traceback" in line]


def test_exits_are_errors() -> None:
    output = run("raise SystemExit(3)")
    assert (output["ename"], output["evalue"]) == ("SystemExit", "3")


def test_a_percent_sign_in_code_is_no_magic() -> None:
    names: Names = {}
    assert run("x = 7\ny = (x\n% 4)", names)["status"] == "ok"
    assert names["y"] == 3


def test_magics_stand_between_code() -> None:
    output = run("x = [1]\n%json x\nz = 2\n%json x")
    assert output["data"] == {"application/json": [1]}


@pytest.mark.parametrize(
    ("line", "message"), [("%", "magic command not specified"), ("%nope x", "unknown magic command 'nope'")]
)
def test_unknown_magics_are_named(line: str, message: str) -> None:
    assert run(line)["traceback"] == [f"UnknownMagic: {message}\n"]


def test_values_that_json_cannot_hold_are_errors() -> None:
    assert run("%json x", {"x": float("nan")})["ename"] == "ValueError"


def test_tables_tell_their_types() -> None:
    rows = [
        {"b": True, "d": Decimal("1.50"), "i": 1, "f": 0.5, "l": [1], "m": {"k": 1}, "n": None, "s": "x"},
        {"b": False, "d": None, "i": 2, "f": 1.5, "l": [], "m": {}, "n": datetime.date(2020, 1, 2), "s": "y"},
    ]
    table = magics.run("table rows", {"rows": rows})[magics.TABLE]
    assert [header["type"] for header in table["headers"]] == [
        "BOOLEAN_TYPE",
        "DECIMAL_TYPE",
        "DOUBLE_TYPE",
        "INT_TYPE",
        "ARRAY_TYPE",
        "MAP_TYPE",
        "DATE_TYPE",
        "STRING_TYPE",
    ]
    assert table["data"][1] == [False, None, 1.5, 2, [], {}, "2020-01-02", "y"]


def test_rows_of_a_list_are_numbered() -> None:
    table = magics.run("table rows", {"rows": [[1, "a"], [2, "b"]]})[magics.TABLE]
    assert [header["name"] for header in table["headers"]] == ["0", "1"]


@pytest.mark.parametrize(
    ("code", "found"),
    [("nam", "names"), ("text.upp", "upper"), ("print(text.up", "upper"), ("le", "len"), ("whi", "while")],
)
def test_names_are_completed_by_their_last_part(code: str, found: str) -> None:
    assert found in completion.complete({"names": 1, "text": ""}, code, len(code))


@pytest.mark.parametrize("code", ["", "1.", "text.nothing.up", "f().", "broken.x.y"])
def test_what_cannot_be_known_is_not_completed(code: str) -> None:
    class Broken:
        @property
        def x(self) -> None:
            raise RuntimeError

    assert completion.complete({"text": "", "broken": Broken()}, code, len(code)) == []


def test_private_names_are_completed_on_demand_only() -> None:
    assert completion.complete({"_hidden": 1}, "", 0) == []
    assert completion.complete({"_hidden": 1}, "_hid", 4) == ["_hidden"]
