"""How a gateway kernel stands, as local clients (IOPub ``emr_connect_status``) and other processes (ledger) see it."""

from __future__ import annotations

from ..gateway.bridge import Bridge
from ..store.ledger import now_text
from .entry import Entry


class Standing:
    """A kernel's ``state``, since when, and why: ``reason`` is a word, ``message`` a sentence.

    States: ``starting``, ``connected``, ``reconnecting``, ``detached``, ``gone``. Used on the gateway loop.
    """

    def __init__(self, bridge: Bridge, entry: Entry) -> None:
        self.state = "starting"
        self.since = now_text()
        self.reason = ""
        self.message: str | None = None
        self._bridge = bridge
        self._entry = entry

    def to_json(self) -> dict[str, str | None]:
        """Return ``state``, ``since``, ``reason`` and ``message``; read from any thread."""
        return {"state": self.state, "since": self.since, "reason": self.reason, "message": self.message}

    async def become(self, state: str, reason: str, message: str | None = None) -> None:
        """Change it, for both."""
        self.publish(state, reason, message)
        await self._entry.note(state, reason, message)

    def publish(self, state: str, reason: str, message: str | None = None) -> None:
        """Change it for local clients; the ledger is written in its own way by the caller."""
        if state != self.state:
            self.since = now_text()
        self.state, self.reason, self.message = state, reason, message
        self._bridge.publish("emr_connect_status", {**self.to_json(), "compute": self._entry.record.compute})
