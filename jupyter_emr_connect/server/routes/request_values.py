"""Reading what a client sent: query values and JSON bodies, each bounded and of the type that openapi.yaml says."""

from __future__ import annotations

import json
from typing import Any

from ...errors import RequestError

LONGEST_TEXT = 4096  # characters of any one value
FLAGS = {"true": True, "1": True, "false": False, "0": False}
FIX = "Correct the request; GET openapi.yaml describes it."


def query_value(arguments: dict[str, list[bytes]], name: str) -> str | None:
    """Return a query value, None when it is left out; one name twice, control characters and no UTF-8 are refused.

    Query parameters that nobody asks for are ignored: JupyterLab appends a time stamp to URLs, tokens travel there.
    """
    values = arguments.get(name, [])
    if len(values) > 1:
        message = f"The query parameter {name!r} is given {len(values)} times."
        raise RequestError(message, fix="Give it once.")
    if not values:
        return None
    try:
        text = values[0].decode("utf-8")
    except UnicodeDecodeError:
        message = f"The query parameter {name!r} is not UTF-8."
        raise RequestError(message, fix=FIX) from None
    return checked_text(name, text)


def flag(name: str, text: str | None) -> bool | None:
    """Return a query value that is ``true`` or ``false`` (or ``1``, ``0``), None when it is left out or empty."""
    if not text:
        return None
    if text.lower() not in FLAGS:
        message = f"{name!r} is neither true nor false."
        raise RequestError(message, fix=FIX)
    return FLAGS[text.lower()]


def number(name: str, text: str | None, *, least: int, most: int) -> int | None:
    """Return a query value that is a whole number within bounds, None when it is left out or empty."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most):
        message = f"{name!r} is no whole number from {least:,} to {most:,}."
        raise RequestError(message, fix=FIX)
    return int(text)


def words(text: str | None) -> tuple[str, ...]:
    """Return the values of a query parameter that takes several, parted by commas."""
    return tuple(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))


def json_object(body: bytes) -> dict[str, Any]:
    """Return a request's JSON object; one key twice is refused, since two roles at once would hide one of them."""
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_single, parse_constant=_no_constant)
    except RecursionError:
        message = "The body is nested too deeply."
        raise RequestError(message, fix=FIX) from None
    except ValueError as error:
        message = f"The body is not JSON: {error}."
        raise RequestError(message, fix="Send a JSON object in UTF-8.") from None
    if not isinstance(value, dict):
        message = f"The body is not a JSON object but {_kind(value)}."
        raise RequestError(message, fix=FIX)
    return value


def fields(body: bytes, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> dict[str, str | None]:
    """Return the fields of a request's body, all text; optional ones may be null. Others are refused by name."""
    value = json_object(body)
    for name in value:
        if name not in required + optional:
            message = f"The body has an unknown field {name[:80]!a}."
            raise RequestError(message, fix=f"Those there are: {', '.join(required + optional)}.")
    for name in required:
        if name not in value:
            message = f"The body lacks the field {name!r}."
            raise RequestError(message, fix=FIX)
    return {name: _text(name, found, null=name in optional) for name, found in value.items()}


def checked_text(name: str, text: str) -> str:
    """Return a value when it is of bounded length and can be kept; control characters are left to each field."""
    if len(text) > LONGEST_TEXT:
        message = f"{name!r} is {len(text):,} characters long; {LONGEST_TEXT:,} is the most."
        raise RequestError(message, fix=FIX)
    if any("\ud800" <= char <= "\udfff" or char == "\0" for char in text):
        message = f"{name!r} has characters that are none (a surrogate or NUL)."
        raise RequestError(message, fix=FIX)
    return text


def _text(name: str, value: object, *, null: bool) -> str | None:
    if isinstance(value, str):
        return checked_text(name, value)
    if value is None and null:
        return None
    hint = " Only one can be given." if isinstance(value, list) else ""
    message = f"{name!r} must be text, not {_kind(value)}.{hint}"
    raise RequestError(message, fix=FIX)


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "one key is given twice"
        raise ValueError(message)
    return found


def _no_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)
