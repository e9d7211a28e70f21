"""Carriage returns and backspaces in a stream, as JupyterLab carries them out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_emr_connect.services.recording.stream_text import StreamText

pieces = st.lists(st.text(alphabet="ab\r\n\b", max_size=8), max_size=8)


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("10%\r20%\r100%", "100%"),
        ("abc\rX", "Xbc"),
        ("abc\r", "abc"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("abc\rX\nY", "Xbc\nY"),  # a line feed ends the line wherever the cursor is
        ("abc\b\bX", "aX"),
        ("a\n\b\b\bX", "a\nX"),  # no further than the line
        ("|\b/\b-", "-"),
        ("first\nabc\r12", "first\n12c"),
        ("abcde\r12\bX", "1Xe"),  # JupyterLab deletes under the cursor too
        ("\r\b\n", "\n"),
        ("", ""),
    ],
)
def test_a_stream_is_shown_as_by_a_front_end(printed: str, shown: str) -> None:
    assert str(StreamText(printed)) == shown


@given(pieces)
def test_it_does_not_matter_in_which_pieces_it_comes(parts: list[str]) -> None:
    text = StreamText()
    for part in parts:
        text.write(part)
        str(text)
    assert str(text) == str(StreamText("".join(parts)))


@given(pieces)
def test_no_control_is_left_and_every_line_is(parts: list[str]) -> None:
    printed = "".join(parts)
    shown = str(StreamText(printed))
    assert not re.search("[\r\b]", shown)
    assert shown.count("\n") == printed.count("\n")
    if not re.search("[\r\b]", printed):
        assert shown == printed


def test_a_progress_bar_of_many_steps_is_a_line() -> None:
    text = StreamText()
    for step in range(10_000):
        text.write(f"\r{step:5d}|{'#' * 40}|")
    assert str(text) == f" 9999|{'#' * 40}|"
