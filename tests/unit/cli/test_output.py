"""What is printed: no control characters, bounded titles."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.cli.output import printable
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
