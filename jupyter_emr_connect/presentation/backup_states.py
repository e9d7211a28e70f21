"""The table of backups' states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .text import printable


def status_table(items: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the items of ``GET backups/status``."""
    headers = ["PATH", "STATE", "SAVED AT", "WAITING SINCE", "MESSAGE"]
    names = ("path", "state", "saved_at", "waiting_since", "message")
    return headers, [[printable(str(item[name] or "-")) for name in names] for item in items]
