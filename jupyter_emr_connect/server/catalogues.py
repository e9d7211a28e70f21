"""The server's one live catalogue: made when somebody first looks, made anew when the profile changes."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from ..config import EMRConnect

if TYPE_CHECKING:
    from ..services.compute.catalogue import LiveCatalogue, Query, View

KEPT_BODIES = 4
ROWS_A_PART = 200


class Catalogues:
    """Holds the catalogue of one server, and the JSON of its last answers: many tabs ask the same."""

    def __init__(self, config: EMRConnect) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._catalogue: LiveCatalogue | None = None
        self._bodies: OrderedDict[tuple[str, Query], list[bytes]] = OrderedDict()

    def get(self) -> LiveCatalogue:
        """Return the catalogue; blocks for the import of boto3's users the first time. Raises ConfigurationError."""
        from ..services.compute.catalogue import LiveCatalogue

        with self._lock:
            if self._catalogue is None:
                self._catalogue = LiveCatalogue(self._config)
            return self._catalogue

    def close(self, wait: float = 0.0) -> None:
        """Stop the catalogue, waiting ``wait`` seconds at most for calls to AWS; the next look makes another."""
        with self._lock:
            catalogue, self._catalogue = self._catalogue, None
            self._bodies.clear()
        if catalogue is not None:
            catalogue.close(wait)

    def body(self, view: View, query: Query) -> list[bytes]:
        """Return the JSON of a view in parts of some 100 kB; its rows are encoded once for each version and query.

        In parts, since thousands of rows are megabytes, which the server would else hold several times while it sends.
        """
        key = (view.version, query)
        with self._lock:
            items = self._bodies.get(key)
        if items is None:
            items = [_encode(view, first) for first in range(0, len(view.items), ROWS_A_PART)]
            with self._lock:
                self._bodies[key] = items
                while len(self._bodies) > KEPT_BODIES:
                    self._bodies.popitem(last=False)
        head = json.dumps(view.head())
        return [b'{"items":[', *items, f"],{head[1:]}".encode()]


def _encode(view: View, first: int) -> bytes:
    """Return the JSON of some rows, one by one, so that the event loop gets its turn meanwhile."""
    rows = ",".join(json.dumps(one.to_json()) for one in view.items[first : first + ROWS_A_PART])
    return f"{',' if first else ''}{rows}".encode()
