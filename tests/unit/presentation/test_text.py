"""Text without control characters, and tables in columns."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.presentation.text import printable, table_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢", "plain é 漢"),
        ("a\x1b[31mb", "a\ufffd[31mb"),
        ("a\nb\tc", "a b c"),
        ("a\u2028b", "a b"),
        ("\u202eevil", "\ufffdevil"),
        *((name, name) for name in ("報告\u3000一.ipynb", "a\u00a0b", "می\u200cش", "\U0001f469\u200d\U0001f4bb")),
    ],
)
def test_text_cannot_steer_the_terminal(text, shown):
    assert printable(text) == shown


ROWS = [["j-1", "open", "yes"], ["j-2", "漢字", "no: a reason that is long enough to be broken"]]


def test_a_table_for_other_programs_has_one_line_a_row():
    assert table_lines(["ID", "NAME", "OK"], ROWS, [], None) == [
        "ID   NAME  OK",
        "j-1  open  yes",
        "j-2  漢字  no: a reason that is long enough to be broken",
    ]


def test_only_the_last_column_is_broken():
    assert table_lines(["ID", "NAME", "OK"], ROWS, [], 40) == [
        "ID   NAME  OK",
        "j-1  open  yes",
        "j-2  漢字  no: a reason that is long",
        "           enough to be broken",
    ]


def test_where_there_is_no_room_the_last_column_goes_under_the_row():
    lines = table_lines(["ID", "NAME", "OK"], ROWS, [], 30)
    assert lines[1:] == [
        "j-1  open  yes",
        "j-2  漢字",
        "    no: a reason that is long",
        "    enough to be broken",
    ]


def test_without_wrapping_the_last_column_ends_with_the_line():
    lines = table_lines(["ID", "NAME", "OK"], ROWS, [], 30, wrap=False)
    assert lines[1:] == ["j-1  open  yes", "j-2  漢字  no: a reason that …"]


LONG = [["j-1", "one", "emr-7", "yes"], ["v" * 20 + "/" + "e" * 20, "two", "emr-6", "no: a reason that is long"]]


def test_a_long_id_has_a_line_of_its_own_on_a_narrow_terminal():
    assert table_lines(["ID", "NAME", "RELEASE", "OK"], LONG, ["RELEASE"], 50) == [
        "ID   NAME  RELEASE  OK",
        "j-1  one   emr-7    yes",
        "v" * 20 + "/" + "e" * 20,
        "     two   emr-6    no: a reason that is long",
    ]
    wide = table_lines(["ID", "N", "R", "OK"], LONG, [], 80)
    assert [line.split()[0] for line in wide] == ["ID", *(row[0] for row in LONG)]


def test_a_narrower_terminal_goes_without_the_spare_columns():
    assert table_lines(["ID", "NAME", "RELEASE", "OK"], LONG, ["RELEASE", "OTHER"], 21) == [
        "ID   NAME  OK",
        "j-1  one   yes",
        "v" * 20 + "/" + "e" * 20,
        "     two",
        "    no: a reason that is",
        "    long",
    ]
    assert "RELEASE" in table_lines(["ID", "NAME", "RELEASE", "OK"], LONG, ["RELEASE"], None)[0]


def test_tables_without_rows_and_with_empty_cells():
    assert table_lines(["A", "B"], [], [], 80) == ["A  B"]
    assert table_lines(["A", "B"], [["x", ""]], [], 4) == ["A  B", "x"]
