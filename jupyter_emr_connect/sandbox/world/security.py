"""Security configurations of EMR: a name and a JSON text, per account and region."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

Owner = tuple[str, str]
"""(account, region)."""


@dataclass(frozen=True)
class StoredSecurityConfiguration:
    """A stored security configuration; ``document`` is the JSON text as EMR hands it out."""

    name: str
    document: str
    created_at: datetime


class StoredSecurityConfigurations:
    """All security configurations of one sandbox; every method may be called from any thread."""

    def __init__(self) -> None:
        self._stored: dict[tuple[Owner, str], StoredSecurityConfiguration] = {}
        self._lock = threading.Lock()

    def get(self, owner: Owner, name: str) -> StoredSecurityConfiguration | None:
        """Return one by name, or None."""
        with self._lock:
            return self._stored.get((owner, name))

    def put(self, owner: Owner, configuration: StoredSecurityConfiguration) -> bool:
        """Store one; False when the name is taken."""
        with self._lock:
            key = (owner, configuration.name)
            return self._stored.setdefault(key, configuration) is configuration

    def remove(self, owner: Owner, name: str) -> bool:
        """Delete one; False when there is none."""
        with self._lock:
            return self._stored.pop((owner, name), None) is not None

    def of(self, owner: Owner) -> list[StoredSecurityConfiguration]:
        """Return an owner's configurations by name."""
        with self._lock:
            found = [each for (whose, _), each in self._stored.items() if whose == owner]
        return sorted(found, key=lambda each: each.name)
