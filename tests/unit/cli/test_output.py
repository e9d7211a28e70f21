"""What is printed: no control characters, bounded titles."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.cli.output import printable, table_lines
from jupyter_emr_connect.cli.reporting import title_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain é 漢", "plain é 漢"), ("a\x1b[31mb", "a\ufffd[31mb"), ("a\nb\tc", "a b c"), ("\u202eevil", "\ufffdevil")],
)
def test_text_cannot_steer_the_terminal(text, shown):
    assert printable(text) == shown


def test_the_title_of_a_cell_is_its_first_line_bounded():
    assert title_of("\n\n  x = 1\ny = 2") == "x = 1"
    assert len(title_of("x" * 500)) == 60
    assert title_of("") == ""


ROWS = [["j-1", "open", "yes"], ["j-2", "漢字", "no: a reason that is long enough to be broken"]]


def test_a_table_for_other_programs_has_one_line_a_row():
    assert table_lines(["ID", "NAME", "OK"], ROWS, None) == [
        "ID   NAME  OK",
        "j-1  open  yes",
        "j-2  漢字  no: a reason that is long enough to be broken",
    ]


def test_only_the_last_column_is_broken():
    assert table_lines(["ID", "NAME", "OK"], ROWS, 40) == [
        "ID   NAME  OK",
        "j-1  open  yes",
        "j-2  漢字  no: a reason that is long",
        "           enough to be broken",
    ]


def test_where_there_is_no_room_the_last_column_goes_under_the_row():
    lines = table_lines(["ID", "NAME", "OK"], ROWS, 30)
    assert lines[2:] == [
        "j-1  open",
        "    yes",
        "j-2  漢字",
        "    no: a reason that is long",
        "    enough to be broken",
    ]


def test_tables_without_rows_and_with_empty_cells():
    assert table_lines(["A", "B"], [], 80) == ["A  B"]
    assert table_lines(["A", "B"], [["x", ""]], 4) == ["A  B", "x"]
