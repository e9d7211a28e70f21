"""The audit of the command line and of ``%emr``: their events go where a Jupyter server's go."""

from __future__ import annotations

import logging
from typing import Any

from ..config import load_config
from ..services.audit import Audit, EventSink, register_schemas
from .logins import user_name

log = logging.getLogger(__name__)


class SilentSink:
    """What takes events where nobody listens."""

    def register_event_schema(self, schema: Any) -> None:
        """Do nothing."""

    def emit(self, *, schema_id: str, data: dict[str, Any]) -> None:
        """Do nothing."""


def open_audit(source: str) -> Audit:
    """Return the audit of this process's user, who acts by ``source`` (``cli``, ``magic``).

    ``c.EventLogger.handlers`` of the configuration files get the events.
    A user can run a command or a cell without these files: only what a server does is surely told.
    """
    loaded = load_config()
    sink: EventSink = SilentSink()
    if loaded.EventLogger.get("handlers"):
        from jupyter_events import EventLogger

        sink = EventLogger(config=loaded)
        register_schemas(sink)
    return Audit(sink, log, source, user=user_name())
