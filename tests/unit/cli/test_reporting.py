"""What ``jupyter emr run`` shows of a cell."""

from __future__ import annotations

from jupyter_emr_connect.cli.reporting import title_of


def test_the_title_of_a_cell_is_its_first_line_bounded():
    assert title_of("\n\n  x = 1\ny = 2") == "x = 1"
    assert len(title_of("x" * 500)) == 60
    assert title_of("") == ""
