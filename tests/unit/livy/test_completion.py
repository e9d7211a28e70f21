"""The name that is completed, and the code that asks the session for it."""

from __future__ import annotations

import contextlib
import io
import json

import pytest

from jupyter_emr_connect.livy.completion import CODE, MARK, MOST, name_before


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("spark.ra", "spark.ra"),
        ("x = sc", "sc"),
        ("spark.", "spark."),
        ("f(a).b", ""),
        ("3.5", ""),
        ("größe.ä", "größe.ä"),
        ("", ""),
        ("a\nb", "b"),
    ],
)
def test_the_name_that_ends_at_the_cursor(code: str, name: str) -> None:
    assert name_before(code, len(code)) == name


@pytest.mark.parametrize(("name", "wanted"), [("''.starts", []), ("value.starts", ["startswith"]), ("val", ["value"])])
def test_the_session_is_asked_for_names_and_attributes_and_keeps_no_name(name: str, wanted: list[str]) -> None:
    names = {"value": "text"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(CODE.format(mark=MARK, most=MOST, name=name), names)
    assert json.loads(printed.getvalue().removeprefix(MARK)) == wanted
    assert set(names) == {"value", "__builtins__"}
