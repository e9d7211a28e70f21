"""Events for an administrator's audit (``jupyter_events``): who attached what under which role, what was refused."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from .. import events
from ..errors import EMRConnectError
from ..models import Attachment

SCHEMA = Path(events.__file__).parent / "attachments" / "v1.yaml"
SCHEMA_ID = "https://events.jupyter.org/jupyter_emr_connect/attachments/v1"
LONGEST = 1000  # characters of what a client sent


class Audit:
    """Emits the events; a logger that fails is logged and breaks nothing."""

    def __init__(self, event_logger: Any, log: logging.Logger) -> None:
        self._logger = event_logger
        self._log = log
        event_logger.register_event_schema(SCHEMA)

    def emit(self, action: str, what: Attachment, path: str, *, refusal: EMRConnectError | None = None) -> None:
        """Tell of an attachment; ``path`` is the API path. Called by handlers, after the fact."""
        from ..services.credentials.identity import known_arn

        data = {
            "action": action,
            "path": path,
            "compute": what.compute,
            "runtime_role": what.runtime_role,
            "transport": what.transport,
            "profile": what.profile,
            "caller": known_arn(what.profile, what.region),
            "code": refusal.code if refusal else None,
            "hop": refusal.hop if refusal else None,
        }
        shown = {name: value[:LONGEST] for name, value in data.items() if value is not None}
        try:
            self._logger.emit(schema_id=SCHEMA_ID, data=shown)
        except Exception:  # a listener's or a handler's defect, which is none of the client's
            self._log.exception("The audit event %r could not be emitted.", action)
