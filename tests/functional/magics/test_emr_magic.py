"""``%emr`` in a local kernel, on the emulated AWS: verbs, what is wrong with them, and what their tables are."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from jupyter_emr_connect import load_ipython_extension
from jupyter_emr_connect.magics.display import CellError


@pytest.fixture
def shell(cloud: Any) -> Any:
    made = InteractiveShell()
    load_ipython_extension(made)
    return made


def emr(shell: Any, line: str) -> Any:
    return shell.run_line_magic("emr", line)


def test_the_list_is_rows_that_show_themselves_as_a_table(shell: Any) -> None:
    rows = emr(shell, "list")
    assert {row["name"] for row in rows} >= {"analytics", "interactive"}
    assert "<td>analytics</td>" in rows._repr_html_()
    assert [row["name"] for row in emr(shell, "list analytics")] == ["analytics"]


def test_one_compute_and_its_roles(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    emr(shell, "show interactive")
    assert "serverless" in capsys.readouterr().out
    assert isinstance(emr(shell, "roles analytics"), list)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lst", "Did you mean %emr list?"),
        ("zzz", "There are list, show"),
        ("show", "Write %emr show COMPUTE."),
        ("detach", "Nothing is attached here"),
        ("restart", "Nothing is attached here"),
        ("attach", "required: compute"),
        ("attach analytics --lang cobol", "invalid choice: 'cobol'"),
        ("attach analytics --colour", "unrecognized arguments: --colour"),
        ("attach 'analytics", "No closing quotation"),
    ],
)
def test_what_is_written_wrongly_is_said_in_one_line(shell: Any, line: str, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        emr(shell, line)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("attach nosuch", "ComputeNotFound"),
        ("attach kerberos", "NotAttachable"),
        ("attach analytics", "RoleRequired"),
        ("attach open --role arn:aws:iam::123456789012:role/EMRAnalyst", "RoleUnsupported"),
        ("attach analytics --role arn:aws:iam::123456789012:role/EMRForbidden", "RoleDenied"),
    ],
)
def test_what_cannot_be_attached_is_refused_without_our_frames(shell: Any, line: str, name: str) -> None:
    with pytest.raises(CellError) as raised:
        emr(shell, line)
    assert type(raised.value).__name__ == name
    assert not any("File " in text for text in raised.value._render_traceback_())


def test_a_cell_without_an_attachment_says_how_to_make_one(shell: Any) -> None:
    for magic in ("spark", "sql"):
        with pytest.raises(UsageError, match="%emr attach COMPUTE"):
            shell.run_cell_magic(magic, "", "1")


def test_verbs_are_completed(shell: Any) -> None:
    with provisionalcompleter():
        found = {one.text for one in shell.Completer.completions("%emr re", 7)}
    assert "restart" in found
