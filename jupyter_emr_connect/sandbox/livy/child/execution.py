"""Runs a statement of Python code and makes the ``output`` that Livy's REST interface shows."""

from __future__ import annotations

import ast
import re
import traceback
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from . import magics

FILENAME = "<stdin>"
_TOP_FRAME = re.compile(rf'\s*File "{FILENAME}", line \d+, in <module>')


@dataclass(frozen=True)
class Outcome:
    """How code ended: results by MIME type, or an error as Livy names it."""

    data: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None


def failure(name: str, value: str, lines: list[str]) -> Outcome:
    """Return the outcome of an error."""
    return Outcome(error={"ename": name, "evalue": value, "traceback": lines})


def execute(code: str, names: dict[str, Any]) -> Outcome:
    """Run ``code`` with the global names ``names``; whatever it raises becomes the outcome, SystemExit too."""
    try:
        parts = _parts(code)
    except (SyntaxError, ValueError) as error:
        return _raised(error, None)
    data: dict[str, Any] = {}
    for part in parts:
        try:
            data = magics.run(part, names) if isinstance(part, str) else _run(part, names)
        except magics.MagicError as error:
            return _raised(error.cause, None)
        except BaseException as error:  # all of it is the user's
            return _raised(error, error.__traceback__)
    return Outcome(data=data)


def output(outcome: Outcome, statement: int, stdout: str, stderr: str) -> dict[str, Any]:
    """Return Livy's ``output``; printed text comes before nothing else, and is left out beside other results."""
    if outcome.error is not None:
        return {"status": "error", "execution_count": statement, **outcome.error}
    text = (stdout + stderr).rstrip()
    data = dict(outcome.data)
    if text or not data:
        data["text/plain"] = text
    return {"status": "ok", "execution_count": statement, "data": data}


def _parts(code: str) -> list[ast.Module | str]:
    """Split into code and lines with a magic; code that parses as Python has no magics."""
    try:
        return [_parse(code)]
    except SyntaxError:
        if not any(line.startswith("%") for line in code.split("\n")):
            raise
    parts: list[ast.Module | str] = []
    plain: list[str] = []
    for line in [*code.rstrip().split("\n"), None]:
        if line is not None and not line.startswith("%"):
            plain.append(line)
            continue
        if plain:
            parts.append(_parse("\n".join(plain)))
            plain = []
        if line is not None:
            parts.append(line[1:])
    return parts


def _parse(code: str) -> ast.Module:
    return ast.parse(code, FILENAME)


def _run(tree: ast.Module, names: dict[str, Any]) -> dict[str, Any]:
    """Run all but the last node as a program, the last as typed at a prompt, so that its value is shown."""
    for node in tree.body[:-1]:
        exec(compile(ast.Module([node], []), FILENAME, "exec", dont_inherit=True), names)  # noqa: S102 - our task
    for node in tree.body[-1:]:
        exec(compile(ast.Interactive([node]), FILENAME, "single", dont_inherit=True), names)  # noqa: S102
    return {}


def _raised(error: BaseException, trace: TracebackType | None) -> Outcome:
    """Describe an error as Livy does: without our frames and the statement's own top frame."""
    lines = traceback.format_exception(type(error), error, trace, chain=False)
    top = next((i for i, line in enumerate(lines) if _TOP_FRAME.match(line)), None)
    if top is not None:
        lines = lines[:1] + lines[top + 1 :]
    return failure(type(error).__name__, str(error), lines)
