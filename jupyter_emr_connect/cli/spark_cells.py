"""What sparkmagic makes of a cell, and what it says of one that failed: for ``jupyter emr run``.

Facts of sparkmagic 0.23: ``kernels/wrapperkernel/usercodeparser.py``, ``kernels/kernelmagics.py`` (``configure``) and
``livyclientlib/command.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

# Magics that need a Spark session, and so start one; what bears no `%` does so too, all others run in the kernel alone.
STARTS_SESSION = frozenset(
    {"%%spark", "%spark", "%%sql", "%%pretty", "%%send_to_spark", "%send_to_spark", "%%send", "%send", "%matplot"}
)
# `%%configure` says these on stderr and goes on, so that its settings are dropped in a cell that is "ok".
REFUSED_SETTINGS = re.compile(r"A session has already been started.*|Could not parse JSON.*")
STATEMENT_FAILED = "SparkStatementException"
SHOWN_CHARS = 300


def configures(source: str) -> bool:
    """Say whether a cell is ``%%configure``: the settings of the Spark session."""
    return _magic(source) == "%%configure"


def starts_session(source: str) -> bool:
    """Say whether a cell needs the Spark session, so that ``%%configure`` after it comes too late."""
    magic = _magic(source)
    return bool(source.strip()) and (not magic or magic in STARTS_SESSION)


def _magic(source: str) -> str:
    """Return the magic that a cell begins with, empty for none; sparkmagic sees one in the first column alone."""
    return source.split(None, 1)[0] if source.startswith("%") else ""


def leading_settings(cells: Sequence[NotebookNode]) -> int:
    """Return the index after the last ``%%configure`` cell that comes before any cell with a Spark session."""
    after = 0
    for index, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        if configures(cell.source):
            after = index + 1
        elif starts_session(cell.source):
            break
    return after


def refusal_of_settings(cell: NotebookNode) -> str | None:
    """Return what sparkmagic said of a ``%%configure`` cell whose settings it dropped; None where it took them."""
    if not configures(cell.source):
        return None
    stderr = "".join(output.text for output in cell.outputs if output.get("name") == "stderr")
    refused = REFUSED_SETTINGS.search(stderr)
    return refused.group().strip()[:SHOWN_CHARS] if refused else None


def error_line(name: str, value: str) -> str:
    """Return a cell's error in one line; ``name`` and ``value`` are of its ``error`` message.

    For every failed Spark statement sparkmagic's name is the same, and its value is the statement's message with the
    traceback below, which ends with the error's own name in Python. Py4J puts Java's error below its own message.
    """
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    first, *below = lines or ["no message"]
    if name == STATEMENT_FAILED:
        named = (re.fullmatch(r"(?:\w+\.)*(\w+): (.*)", line) for line in below)
        name = next((found[1] for found in named if found and found[2] == first), "")
    if below and below[0].startswith(": "):
        first = first.rstrip(".") + below[0]
    return (f"{name}: {first}" if name else first)[:SHOWN_CHARS]


PARAMETER = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)


def with_parameters(code: str, parameters: Mapping[str, Any]) -> str:
    """Return a cell with the values of ``${name}`` in it, if it is ``%%configure`` or ``%%sql``; others as they are.

    Names that are no parameter stay, for Spark SQL has variables of that form too. In settings, which are JSON, a value
    is written so that it may stand within quotes or, a number or truth value, without.
    """
    is_json = configures(code)
    if not is_json and _magic(code) != "%%sql":
        return code

    def written(found: re.Match[str]) -> str:
        if found[1] not in parameters:
            return found[0]
        value = parameters[found[1]]
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)[1:-1] if is_json else value
        return "null" if value is None else json.dumps(value, ensure_ascii=False)

    return PARAMETER.sub(written, code)
