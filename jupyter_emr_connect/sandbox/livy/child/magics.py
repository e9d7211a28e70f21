"""Livy's magics in Python code: ``%json``, ``%table`` and ``%matplot``."""

from __future__ import annotations

import base64
import datetime
import decimal
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

TABLE = "application/vnd.livy.table.v1+json"


class MagicError(Exception):
    """A magic failed; ``cause`` is what the user sees."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class UnknownMagic(Exception):
    """There is no such magic."""

    __module__ = "builtins"  # a traceback names the class without a module, as Livy's does


def run(line: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run ``json NAME`` and the like; return results by MIME type, raise ``MagicError``."""
    magic, _, rest = line.partition(" ")
    handler = _MAGICS.get(magic)
    try:
        if not magic:
            message = "magic command not specified"
            raise UnknownMagic(message)
        if handler is None:
            message = f"unknown magic command '{magic}'"
            raise UnknownMagic(message)
        return handler(_value(rest.strip(), names))
    except Exception as error:
        raise MagicError(error) from error


def _value(name: str, names: dict[str, Any]) -> Any:
    if name not in names:
        message = f"name '{name}' is not defined"
        raise NameError(message)
    return names[name]


def _json(value: Any) -> dict[str, Any]:
    json.dumps(value, allow_nan=False)  # raises what the user should see
    return {"application/json": value}


def _matplot(pyplot: Any) -> dict[str, Any]:
    picture = io.BytesIO()
    pyplot.gcf().savefig(picture, format="png")
    return {"image/png": base64.b64encode(picture.getvalue()).decode("ascii")}


def _table(value: Any) -> dict[str, Any]:
    rows = value if isinstance(value, (list, tuple)) else [value]
    headers: dict[Any, dict[str, str]] = {}
    data = []
    for row in rows:
        cells = []
        for name, raw in _cells(row):
            cell, kind = _convert(raw)
            header = headers.setdefault(name, {"name": str(name), "type": kind})
            if header["type"] == "NULL_TYPE":
                header["type"] = kind
            elif kind not in ("NULL_TYPE", header["type"]):
                message = "table rows have different types"
                raise TypeError(message)
            cells.append(cell)
        data.append(cells)
    return {TABLE: {"headers": [headers[name] for name in sorted(headers)], "data": data}}


def _cells(row: Any) -> Iterable[tuple[Any, Any]]:
    if hasattr(row, "asDict"):
        row = row.asDict()
    if isinstance(row, dict):
        return sorted(row.items())
    return enumerate(row if isinstance(row, (list, tuple)) else [row])


def _convert(value: Any) -> tuple[Any, str]:
    """Return a cell as JSON and the name of its type."""
    if isinstance(value, (list, tuple)):
        return [_convert(item)[0] for item in value], "ARRAY_TYPE"
    if isinstance(value, dict):
        return {str(key): _convert(item)[0] for key, item in value.items()}, "MAP_TYPE"
    for kind, (types, convert) in _TYPES.items():
        if isinstance(value, types):
            return convert(value), kind
    return str(value), "STRING_TYPE"


def _same(value: Any) -> Any:
    return value


# In order: a bool is an int, a datetime is a date.
_TYPES: dict[str, tuple[type, Callable[[Any], Any]]] = {
    "NULL_TYPE": (type(None), _same),
    "BOOLEAN_TYPE": (bool, _same),
    "INT_TYPE": (int, _same),
    "DOUBLE_TYPE": (float, _same),
    "STRING_TYPE": (str, _same),
    "DECIMAL_TYPE": (decimal.Decimal, str),
    "TIMESTAMP_TYPE": (datetime.datetime, str),
    "DATE_TYPE": (datetime.date, str),
}

_MAGICS: dict[str, Callable[[Any], dict[str, Any]]] = {"json": _json, "table": _table, "matplot": _matplot}
