"""Pages of the REST-JSON services and of EC2: so many rows and an opaque token (EMR's own are by ``Marker``)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from .failures import FailureKind, Refusal
from .service import Call

Row = TypeVar("Row")


def page(
    rows: Sequence[Row], call: Call, *, most: int, names: tuple[str, str] = ("maxResults", "nextToken")
) -> tuple[list[Row], dict[str, Any]]:
    """Return one page of ``rows`` (at most ``most``) and, where more follow, the ``nextToken`` member for the next.

    ``names`` are the service's own for the two members. Raises :class:`Refusal` for a token that this operation did
    not give, and for a ``maxResults`` below 1.
    """
    size, token = names
    wanted = int(call.params.get(size, most))
    if wanted < 1:
        message = f"1 validation error detected: Value '{wanted}' at '{size}' failed to satisfy constraint: "
        raise Refusal(FailureKind.INVALID_PARAMETER, f"{message}Member must have value greater than or equal to 1")
    start = _position(call, token)
    end = start + min(wanted, most)
    more = {token: _token(call.action, end)} if end < len(rows) else {}
    return list(rows[start:end]), more


def _token(action: str, position: int) -> str:
    return base64.urlsafe_b64encode(f"{action}:{position}".encode()).decode()


def _position(call: Call, name: str) -> int:
    token = str(call.params.get(name, ""))
    if not token:
        return 0
    try:
        action, _, number = base64.b64decode(token.encode(), b"-_", validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        action, number = "", ""
    if action != call.action or not (number.isascii() and number.isdigit()) or _token(action, int(number)) != token:
        raise Refusal(FailureKind.INVALID_PARAMETER, f"The {name} '{token[:80]}' is not valid.")
    return int(number)
