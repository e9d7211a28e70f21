"""What the values of options of ``jupyter emr sandbox`` mean."""

from __future__ import annotations

import time
from datetime import datetime

from ..errors import ConfigurationError


def key_value(text: str) -> tuple[str, str]:
    """Return what ``--option KEY=VALUE`` of ``sandbox fault`` means; raises ConfigurationError."""
    key, found, value = text.partition("=")
    if not found or key not in ("service", "region", "action"):
        message = f"{text!r} is not service=, region= or action=."
        raise ConfigurationError(message, fix="For example: --option service=elasticmapreduce.")
    return key, value


def moment(text: str) -> float:
    """Return the moment that ``sandbox log --since`` means, in seconds since the epoch; raises ConfigurationError."""
    try:
        if text.endswith("s"):
            return time.time() - float(text[:-1])
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        message = f"{text!r} is not a time."
        raise ConfigurationError(message, fix="Write 30s, 2026-01-31T12:00:00 or seconds since 1970.") from None
