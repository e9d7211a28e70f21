"""Pages of the REST-JSON services: ``maxResults`` rows and an opaque ``nextToken`` (EMR's own are by ``Marker``)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from .failures import Kind, Refusal
from .service import Call

Row = TypeVar("Row")


def page(rows: Sequence[Row], call: Call, *, most: int) -> tuple[list[Row], dict[str, Any]]:
    """Return one page of ``rows`` (at most ``most``) and, where more follow, the ``nextToken`` member for the next.

    Raises :class:`Refusal` for a token that this operation did not give, and for a ``maxResults`` below 1.
    """
    wanted = int(call.params.get("maxResults", most))
    if wanted < 1:
        message = f"1 validation error detected: Value '{wanted}' at 'maxResults' failed to satisfy constraint: "
        raise Refusal(Kind.INVALID_PARAMETER, f"{message}Member must have value greater than or equal to 1")
    start = _position(call)
    end = start + min(wanted, most)
    more = {"nextToken": _token(call.action, end)} if end < len(rows) else {}
    return list(rows[start:end]), more


def _token(action: str, position: int) -> str:
    return base64.urlsafe_b64encode(f"{action}:{position}".encode()).decode()


def _position(call: Call) -> int:
    token = str(call.params.get("nextToken", ""))
    if not token:
        return 0
    try:
        action, _, number = base64.b64decode(token.encode(), b"-_", validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        action, number = "", ""
    if action != call.action or not (number.isascii() and number.isdigit()) or _token(action, int(number)) != token:
        raise Refusal(Kind.INVALID_PARAMETER, f"The nextToken '{token[:80]}' is not valid.")
    return int(number)
