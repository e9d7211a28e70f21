"""Live catalogues before the emulated AWS, and computes to put into it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.sandbox.world.world import ACCOUNT, REGION, ClusterSpec
from jupyter_emr_connect.services.compute.catalogue import LiveCatalogue, Query, View
from jupyter_emr_connect.services.compute.sources import Source

PATIENCE = 40.0
STANDARD = {"analytics", "open", "kerberos", "old", "interactive", "notebooks"}
"""The names of what lives in the sandbox's own account."""


@contextmanager
def catalogue(path: Any, *sources: Source, **settings: Any) -> Iterator[LiveCatalogue]:
    """Yield a catalogue with its state file in the folder ``path``, closed at the end."""
    settings.setdefault("state_file", str(path / "state" / "state.sqlite"))
    made = LiveCatalogue(EMRConnect(**settings), list(sources) or None)
    try:
        yield made
    finally:
        made.close()


def until(live: LiveCatalogue, enough: Callable[[View], Any], query: Query | None = None, **first: Any) -> View:
    """Look at the list until it is as a test expects; ``first`` are arguments of the first look alone."""
    changed, query = threading.Event(), query or Query()
    end, deadline = live.subscribe(changed.set), time.monotonic() + PATIENCE
    view = live.view(query, **first)
    try:
        while not enough(view):
            assert time.monotonic() < deadline, (view.head(), [one.name for one in view.items][:20])
            changed.wait(0.1)
            changed.clear()
            view = live.view(query)
        return view
    finally:
        end()


def read(live: LiveCatalogue, query: Query | None = None) -> View:
    """Return the list once all of it is read."""
    return until(live, lambda view: view.complete and not view.refreshing, query)


def read_all(live: LiveCatalogue, query: Query | None = None) -> View:
    """Return the list once all of it is read and described."""
    return until(live, lambda view: view.complete and not view.to_describe, query)


def refreshed(live: LiveCatalogue) -> View:
    """Return the list after AWS was asked again (``polling.FRESH_FOR_S`` must be 0)."""
    return until(live, lambda view: view.complete and not view.refreshing and not view.to_describe, refresh=True)


def names(view: View) -> set[str]:
    """Return the names in a view."""
    return {one.name for one in view.items}


def add_clusters(cloud: Any, count: int, prefix: str = "many", **fields: Any) -> list[ClusterSpec]:
    """Put clusters without engines into the world, the first of them the newest."""
    now = datetime.now(timezone.utc)
    place = fields.get("region", REGION)[:2].upper()
    found = []
    for number in range(count):
        spec = ClusterSpec(
            id=f"j-{prefix.upper()}{place}{number:05}",
            name=f"{prefix}-{number}",
            address="127.0.45.250",
            engines=False,
            created_at=now - timedelta(seconds=number),
            **{"account": ACCOUNT, **fields},
        )
        cloud.world.clusters[spec.id] = spec
        found.append(spec)
    return found


def change(cloud: Any, name: str, **fields: Any) -> None:
    """Change a cluster of the world."""
    key = cloud.id(name)
    cloud.world.clusters[key] = replace(cloud.world.clusters[key], **fields)
