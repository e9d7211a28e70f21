"""The JSON that REST and ``--json`` share: a list of a resource, what could not be read, and when it was read."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from ..errors import AWSError, EMRConnectError

PART_CHARS = 64 * 1024


def list_body(items: Iterable[dict[str, Any]], errors: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return the body of a list that was read now; ``errors`` are of :func:`error_entry`."""
    return {"items": list(items), "errors": list(errors), "as_of": iso(time.time())}


def json_parts(value: Any) -> Iterator[bytes]:
    """Yield the JSON of a value in parts of some :data:`PART_CHARS` characters.

    In parts, since ``json.dumps`` holds up all threads until it is done: a second for the outputs of a large notebook.
    """
    parts: list[str] = []
    size = 0
    for text in _json_texts(value):
        parts.append(text)
        size += len(text)
        if size >= PART_CHARS:
            yield "".join(parts).encode()
            parts, size = [], 0
    yield "".join(parts).encode()


def _json_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and len(value) > PART_CHARS:
        yield '"'
        for start in range(0, len(value), PART_CHARS):
            yield json.dumps(value[start : start + PART_CHARS])[1:-1]
        yield '"'
    elif isinstance(value, dict):
        for number, (name, item) in enumerate(value.items()):
            yield f"{',' if number else '{'}{json.dumps(str(name))}:"
            yield from _json_texts(item)
        yield "}" if value else "{}"
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield "," if number else "["
            yield from _json_texts(item)
        yield "]" if value else "[]"
    else:
        yield json.dumps(value)


def error_entry(error: EMRConnectError, *, kind: str | None = None, region: str | None = None) -> dict[str, Any]:
    """Return one of a list's ``errors``; ``kind`` and ``region`` of the computes concerned, None for all of them."""
    return {
        "kind": kind,
        "region": region,
        "code": error.code,
        "message": error.message,
        "iam_action": error.iam_action if isinstance(error, AWSError) else None,
        "fix": error.fix,
    }


def iso(moment: float | None) -> str | None:
    """Return seconds since the epoch as ISO 8601 in UTC."""
    return None if moment is None else datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="milliseconds")
