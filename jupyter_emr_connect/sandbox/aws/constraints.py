"""The constraints of a service's model that botocore leaves to AWS: patterns, enumerations, greatest lengths.

Called by the app for services that are ``strict``, once the parameters have their types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .failures import FailureKind, Refusal


def check(shape: Any, value: Any, path: str = "") -> None:
    """Raise :class:`Refusal` (ValidationException) where ``value`` does not satisfy ``shape`` of botocore's model."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        for name, each in value.items():
            if name in shape.members and each is not None:
                check(shape.members[name], each, f"{path}.{name}" if path else name)
        return
    _length(shape.metadata, value, path)
    if kind == "list":
        for each in value:
            check(shape.member, each, f"{path}.member")
    elif kind == "map":
        for name, each in value.items():
            check(shape.key, name, f"{path}.key")
            check(shape.value, each, f"{path}.value")
    elif kind == "string":
        _text(shape, value, path)


def _length(metadata: Mapping[str, Any], value: Any, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | list | dict):
        return
    number = isinstance(value, int | float)
    size = value if isinstance(value, int | float) else len(value)
    what = "value" if number else "length"
    if "max" in metadata and size > metadata["max"]:
        _refuse(value, path, f"Member must have {what} less than or equal to {metadata['max']}")
    if "min" in metadata and size < metadata["min"]:
        _refuse(value, path, f"Member must have {what} greater than or equal to {metadata['min']}")


def _text(shape: Any, value: str, path: str) -> None:
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        _refuse(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    pattern = shape.metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    if compiled is not None and not compiled.fullmatch(value):
        _refuse(value, path, f"Member must satisfy regular expression pattern: {pattern}")


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Return the pattern, or None for one that only Java reads."""
    try:
        return re.compile(pattern, re.ASCII)
    except re.error:
        return None


def _refuse(value: Any, path: str, constraint: str) -> None:
    given = str(value)[:80]
    message = f"1 validation error detected: Value '{given}' at '{path}' failed to satisfy constraint: {constraint}"
    raise Refusal(FailureKind.INVALID_PARAMETER, message)
