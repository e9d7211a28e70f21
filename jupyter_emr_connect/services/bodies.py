"""The JSON that REST and ``--json`` share: a list of a resource, what could not be read, and when it was read."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from ..errors import AWSError, EMRConnectError


def list_body(items: Iterable[dict[str, Any]], errors: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return the body of a list that was read now; ``errors`` are of :func:`error_entry`."""
    return {"items": list(items), "errors": list(errors), "as_of": iso(time.time())}


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
