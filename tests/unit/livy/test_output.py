"""What Livy answered, as a notebook shows it."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_emr_connect.livy.output import bundle_of, magic_table, sql_table, traceback_of
from jupyter_emr_connect.livy.statement import StatementResult, result_of

ROWS = {
    "application/json": {
        "schema": {
            "type": "struct",
            "fields": [{"name": "<b>a</b>", "type": "integer"}, {"name": "t", "type": "string"}],
        },
        "data": [[1, "<script>alert(1)</script>"], [2, None]],
    }
}


def test_rows_of_sql_are_a_table_as_text_and_as_html_in_which_nothing_can_execute() -> None:
    table = sql_table(ROWS)
    assert table is not None
    bundle = table.bundle()
    assert bundle["text/plain"].splitlines() == ["<b>a</b>  t", "1         <script>alert(1)</script>", "2         null"]
    assert "<script>" not in bundle["text/html"]
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>" in bundle["text/html"]
    assert "<th>&lt;b&gt;a&lt;/b&gt;</th>" in bundle["text/html"]


@pytest.mark.parametrize(("cut_at", "said"), [(2, True), (3, False), (None, False)])
def test_as_many_rows_as_were_asked_for_may_not_be_all_and_that_is_said(cut_at: int | None, said: bool) -> None:
    table = sql_table(ROWS)
    assert table is not None
    for text in table.bundle(cut_at=cut_at).values():
        assert ("there may be more" in text) is said


def test_rows_that_are_not_shown_are_counted() -> None:
    table = sql_table(ROWS)
    assert table is not None
    assert "1 of 2 rows shown." in table.bundle(shown=1)["text/plain"]


def test_a_figure_and_a_table_of_livys_magics_have_text_beside_them() -> None:
    assert bundle_of({"image/png": "iVBOR"}) == {"image/png": "iVBOR", "text/plain": "<Figure>"}
    data = {"application/vnd.livy.table.v1+json": {"headers": [{"name": "a", "type": "INT_TYPE"}], "data": [[1]]}}
    assert magic_table(data) is not None
    assert bundle_of(data)["text/plain"] == "a\n1"
    assert bundle_of({"text/plain": "42"}) == {}


def failed(ename: str, evalue: str, *lines: str) -> StatementResult:
    output = {"status": "error", "ename": ename, "evalue": evalue, "traceback": list(lines)}
    return result_of({"state": "available", "output": output})


def test_a_statement_whose_code_failed_is_available_to_livy_and_failed_to_us() -> None:
    assert failed("ValueError", "no", "ValueError: no\n").failed
    assert not result_of({"state": "available", "output": {"status": "ok", "data": {"text/plain": "1"}}}).failed
    assert result_of({"state": "cancelled", "output": None}).failed


def test_an_error_shows_the_cells_own_line() -> None:
    code = "def f():\n    return 1 / 0\nf()"
    lines = (
        "Traceback (most recent call last):\n",
        '  File "<stdin>", line 2, in f\n',
        "ZeroDivisionError: division\n",
    )
    assert traceback_of(failed("ZeroDivisionError", "division", *lines), code) == [
        "Traceback (most recent call last):",
        '  File "<stdin>", line 2, in f',
        "    return 1 / 0",
        "ZeroDivisionError: division",
    ]


def test_a_function_of_an_earlier_cell_is_given_no_line_of_this_one() -> None:
    lines = ('  File "<stdin>", line 1, in g\n', "ValueError: no\n")
    assert traceback_of(failed("ValueError", "no", *lines), "g()") == [
        '  File "<stdin>", line 1, in g',
        "ValueError: no",
    ]


@pytest.mark.parametrize(
    ("ename", "evalue", "lines", "shown"),
    [
        ("Error", "java.lang.ArithmeticException: / by zero", ["  ... 51 elided\n"], "java.lang.ArithmeticException"),
        ("Error", "incomplete statement", [], "incomplete statement"),
        ("UnknownMagic", "unknown magic", ["UnknownMagic: unknown magic\n"], "UnknownMagic: unknown magic"),
    ],
)
def test_an_error_ends_in_what_went_wrong_once(ename: str, evalue: str, lines: list[Any], shown: str) -> None:
    told = traceback_of(failed(ename, evalue, *lines), "code")
    assert shown in told[-1]
    assert sum(evalue in line for line in told) == 1
