"""The states of a kernel's connection, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum

from ...errors import EMRConnectError, GatewayError, GatewayRefused

# Of a kernel that its gateway does not know any more nobody can tell which it was, whoever notices it.
NOT_THERE = (
    "The gateway no longer has the kernel: it was restarted, or it deleted the kernel (idle for too long, or shut down "
    "by someone else)."
)
DEFECT_REASON = "Something unexpected happened on the connection ({}); it is opened again."
DEFECT_FIX = "If it stays so, report it with what the log says of it."


class LinkState(Enum):
    """Where the connection is in its life; ``websocket.py`` has the diagram."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    GONE = "gone"
    CLOSED = "closed"


@dataclass(frozen=True)
class LinkStatus:
    """A state, when it began (ISO 8601, UTC), and why.

    ``cause`` is one word for programs: ``network``, ``credentials``, ``gateway`` or ``defect`` (ours; the log has it)
    while reconnecting; ``culled``, ``restarted``, ``credentials`` or ``unreachable`` once gone; ``credentials`` while
    connected, when they cannot be renewed at the moment. ``reason`` is a sentence for people, ``fix`` what they can do.
    """

    state: LinkState
    cause: str = ""
    reason: str = ""
    fix: str = ""
    since: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))

    @property
    def advice(self) -> str:
        """The reason and what to do, in one line."""
        return f"{self.reason} {self.fix}".strip()

    def to_json(self) -> dict[str, str]:
        """Return the content of the IOPub message ``emr_connect_status``."""
        details = {"cause": self.cause, "reason": self.reason, "fix": self.fix}
        return {"state": self.state.value, "since": self.since, **details}


def cause_of(error: EMRConnectError, otherwise: str) -> str:
    """Return the one word for what keeps us from connecting."""
    if isinstance(error, GatewayRefused) or not isinstance(error, GatewayError):
        return "credentials"
    return otherwise
