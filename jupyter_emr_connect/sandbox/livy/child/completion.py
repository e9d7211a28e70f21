"""Completion of names in Python code."""

from __future__ import annotations

import builtins
import keyword
import re
from typing import Any

_DOTTED = re.compile(r"[^\W\d]\w*(?:\.\w*)*$")


def complete(names: dict[str, Any], code: str, cursor: int) -> list[str]:
    """Return the names that can stand for the last part of the dotted name before the cursor; runs no calls."""
    found = _DOTTED.search(code[:cursor])
    if not found:
        return []
    *path, prefix = found.group().split(".")
    candidates = _members(names, path) if path else {*names, *dir(builtins), *keyword.kwlist}
    hidden = not prefix.startswith("_")
    return sorted(n for n in candidates if n.startswith(prefix) and not (hidden and n.startswith("_")))


def _members(names: dict[str, Any], path: list[str]) -> set[str]:
    value = names.get(path[0], getattr(builtins, path[0], None))
    try:
        for part in path[1:]:
            value = getattr(value, part)
        return set(dir(value)) if value is not None else set()
    except Exception:  # of a property of the user's
        return set()
