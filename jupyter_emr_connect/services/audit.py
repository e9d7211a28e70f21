"""Events for an administrator's audit (``jupyter_events``): every change of who, what and where, and what was refused.

The server extension emits them for its REST API and for what Jupyter does to files, the command line for its commands.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .. import events
from ..errors import EMRConnectError
from ..models import Attachment, KernelRecord
from .credentials.known_callers import known_arn

BASE = "https://events.jupyter.org/jupyter_emr_connect"
SUBJECTS = ("attachments", "identity", "kernels")  # each with a schema in events/
LONGEST = 1000  # characters of what a client sent


class EventSink(Protocol):
    """What takes the events: an ``EventLogger`` of jupyter_events."""

    def register_event_schema(self, schema: Any) -> None:
        """Take note of a schema, by the path of its file."""

    def emit(self, *, schema_id: str, data: dict[str, Any]) -> Any:
        """Give an event to the handlers and listeners."""


@dataclass
class AuditedKernel:
    """Which kernel an event is about: its id as the client gave it, and its row of the ledger once that is found."""

    id: str
    record: KernelRecord | None = None


def register_schemas(sink: EventSink) -> None:
    """Make our schemas known to a sink; called once for each, before its first event."""
    for subject in SUBJECTS:
        sink.register_event_schema(Path(events.__file__).parent / subject / "v1.yaml")


class Audit:
    """Emits the events, after the fact; a sink that fails is logged and breaks nothing.

    ``source`` says what the changes come by: ``rest``, ``contents``, ``cli`` or ``magic``; ``user`` who makes them,
    where each event does not name another. In a server it is called on its loop.
    """

    def __init__(self, sink: EventSink, log: logging.Logger, source: str, *, user: str | None = None) -> None:
        self._sink = sink
        self._log = log
        self._source = source
        self._user = user

    def attachment(
        self,
        action: str,
        what: Attachment,
        path: str,
        *,
        user: str | None = None,
        former_path: str | None = None,
        refusal: EMRConnectError | None = None,
    ) -> None:
        """Tell of an attachment; ``path`` is the API path (of the command line: absolute), ``user`` Jupyter's."""
        data = {
            "path": path,
            "former_path": former_path,
            "compute": what.compute,
            "runtime_role": what.runtime_role,
            "transport": what.transport,
            **_caller(what.profile, what.region),
        }
        self._emit("attachments", action, data, user, refusal)

    def identity(
        self,
        action: str,
        profile: str | None,
        *,
        former_profile: str | None,
        user: str | None = None,
        refusal: EMRConnectError | None = None,
    ) -> None:
        """Tell of a change of the AWS profile that a whole server acts with."""
        data = {**_caller(profile or None, None), "former_profile": former_profile or None}
        data["former_caller"] = _caller(former_profile or None, None)["caller"]
        self._emit("identity", action, data, user, refusal)

    def kernel(
        self,
        action: str,
        which: AuditedKernel,
        *,
        force: bool = False,
        user: str | None = None,
        refusal: EMRConnectError | None = None,
    ) -> None:
        """Tell of a kernel that changed hands or was deleted; ``force``: it was to be taken from a living process."""
        data: dict[str, Any] = {"kernel_id": which.id, "force": force}
        if record := which.record:
            data |= {"kernel_id": record.kernel_id, "path": record.path, "compute": record.compute}
            data |= {"runtime_role": record.runtime_role, **_caller(record.profile, record.region)}
        self._emit("kernels", action, data, user, refusal)

    @contextmanager
    def kernel_change(
        self, action: str, kernel_id: str, *, force: bool, user: str | None = None
    ) -> Iterator[AuditedKernel]:
        """Tell of what a block does to a kernel, or of its refusal; the block says which kernel it is."""
        about = AuditedKernel(kernel_id)
        try:
            yield about
        except EMRConnectError as error:
            self.kernel("refused", about, force=force, user=user, refusal=error)
            raise
        self.kernel(action, about, force=force, user=user)

    def _emit(
        self, subject: str, action: str, data: dict[str, Any], user: str | None, refusal: EMRConnectError | None
    ) -> None:
        if refusal:
            data |= {"code": refusal.code, "hop": refusal.hop}
        data = {"action": action, "source": self._source, "user": user or self._user, **data}
        shown = {
            name: value[:LONGEST] if isinstance(value, str) else value
            for name, value in data.items()
            if value is not None
        }
        try:
            self._sink.emit(schema_id=f"{BASE}/{subject}/v1", data=shown)
        except Exception:  # a listener's or a handler's defect, which is none of the client's
            self._log.exception("The audit event %r could not be emitted.", action)


def _caller(profile: str | None, region: str | None) -> dict[str, str | None]:
    return {"profile": profile, "caller": known_arn(profile, region)}
