"""How a gateway kernel stands, as local clients (IOPub ``emr_connect_status``) and other processes (ledger) see it."""

from __future__ import annotations

from ..gateway.bridge import Bridge
from ..store.ledger import now_text
from .entry import Entry


class Standing:
    """A kernel's ``state``, since when, and why: ``cause`` is a word for programs, ``reason`` a sentence for people.

    States: ``starting``, ``connected``, ``reconnecting``, ``detached``, ``gone``. Of its connection's states local
    clients are told by the bridge. Used on the gateway loop.
    """

    def __init__(self, bridge: Bridge, entry: Entry) -> None:
        self.state = "starting"
        self.since = now_text()
        self.cause = ""
        self.reason = ""
        self._bridge = bridge
        self._entry = entry

    def to_json(self) -> dict[str, str]:
        """Return ``state``, ``since``, ``cause`` and ``reason``; read from any thread."""
        return {"state": self.state, "since": self.since, "cause": self.cause, "reason": self.reason}

    async def become(self, state: str, cause: str, reason: str = "") -> None:
        """Change it, also in the ledger."""
        self.set(state, cause, reason)
        link = self._bridge.link
        await self._entry.note(state, cause, reason, link.session_id if link else None)

    def set(self, state: str, cause: str, reason: str = "") -> None:
        """Change it here alone; the ledger is written in another way."""
        if state != self.state:
            self.since = now_text()
        self.state, self.cause, self.reason = state, cause, reason

    def tell(self, state: str, cause: str, reason: str) -> None:
        """Change it, and tell local clients, of what is no matter of the connection."""
        self.set(state, cause, reason)
        self._bridge.publish("emr_connect_status", {**self.to_json(), "fix": ""})
