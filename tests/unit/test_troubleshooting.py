"""docs/troubleshooting.md has a row for every failure that a user can read: codes, errors in cells, remarks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jupyter_emr_connect import errors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
ROWS = re.findall(r"^\| (?!---)(.+) \|$", PAGE, re.MULTILINE)


def sources(folder: str, pattern: str) -> str:
    """Return the text of all files of a folder, without those of tests."""
    found = sorted((ROOT / folder).rglob(pattern))
    return "\n".join(path.read_text("utf-8") for path in found if "__tests__" not in path.parts)


PACKAGE = sources("jupyter_emr_connect", "*.py")
PLUGIN = sources("labextension/src", "*.ts*")


def codes() -> set[str]:
    found = [errors.EMRConnectError]
    for cls in found:
        found += cls.__subclasses__()
    return {cls.code for cls in found if cls.__module__ == errors.__name__}


def names_in_cells() -> set[str]:
    """Return the errors that this package itself writes into cells."""
    ended = set(re.findall(r'\.(?:abandon|fail)\((?:\w+, )?"error", "(\w+)"', PACKAGE))
    kept = sources("jupyter_emr_connect/gateway/delivery", "*.py") + sources("jupyter_emr_connect/provisioning", "*.py")
    return ended | set(re.findall(r'^[A-Z_]+ = \(\s*"([A-Z]\w+)",\s*"[A-Z]', kept, re.MULTILINE))


def has_row(code: str) -> bool:
    return any(f"`{code}`" in row for row in ROWS)


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_of_the_package_has_a_row(code: str) -> None:
    assert has_row(code)


@pytest.mark.parametrize("code", sorted(set(re.findall(r"\bcode: '([a-z-]+)'", PLUGIN))))
def test_every_code_of_the_plugin_has_a_row(code: str) -> None:
    assert has_row("http-…" if code == "http-" else code)


@pytest.mark.parametrize("name", sorted(names_in_cells()))
def test_every_error_in_a_cell_has_a_row(name: str) -> None:
    assert has_row(name)


@pytest.mark.parametrize("remark", sorted(set(re.findall(r"\[EMR Connect: ([a-z][^\n\"\\{]{20})", PACKAGE))))
def test_every_remark_below_a_cell_has_a_row(remark: str) -> None:
    assert any(f"[EMR Connect: {remark}" in row for row in ROWS)


def test_the_sources_are_seen() -> None:
    assert {
        "RequestLost",
        "ReplyLost",
        "NoReply",
        "ConnectionLost",
        "KernelDied",
        "KernelGone",
        "MessageTooLarge",
    } <= names_in_cells()
    assert "server-unreachable" in PLUGIN


def test_every_code_on_the_page_is_one() -> None:
    columns = [row.split(" | ")[1] for row in ROWS if len(row.split(" | ")) == 4]
    named = {code for column in columns for code in re.findall(r"`([a-z-]+)`", column)}
    assert named - {"http-"} <= codes() | set(re.findall(r"\bcode: '([a-z-]+)'", PLUGIN))


def spoken(source: str) -> str:
    """Return a source in which texts over several lines are joined."""
    return re.sub(r"\"\s*\n\s*f?\"|'\s*\+\s*\n\s*'", "", source).replace("\\", "")


SAID = spoken(PACKAGE) + spoken(PLUGIN)


@pytest.mark.parametrize("row", [row for row in ROWS if len(row.split(" | ")) == 4 and "*" in row.split(" | ")[0]])
def test_what_the_page_quotes_is_what_the_code_says(row: str) -> None:
    quotes = re.findall(r"\*([^*]+)\*", row.split(" | ")[0])
    fragments = [part.strip(" .") for quote in quotes for part in quote.split("…")]
    assert [part for part in fragments if part and part not in SAID] == []
