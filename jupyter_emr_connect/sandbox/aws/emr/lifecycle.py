"""How clusters come and go over time: STARTING → BOOTSTRAPPING → WAITING, TERMINATING → TERMINATED.

Moved on whenever an EMR call asks, by the front's clock; no thread of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone

from ...world.world import ClusterSpec, World

STAGE = 2.0
"""Seconds that each passing state lasts (real EMR takes minutes)."""

_NEXT = {"STARTING": "BOOTSTRAPPING", "BOOTSTRAPPING": "WAITING", "TERMINATING": "TERMINATED"}
_REASONS = {"WAITING": "Cluster ready to run steps.", "TERMINATED": "Terminated by user request"}


class Lifecycle:
    """Changes clusters in ``world.clusters``; every method may be called from any thread."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        self._world = world
        self._clock = clock
        self._due: dict[str, float] = {}
        self._lock = threading.Lock()

    def launch(self, spec: ClusterSpec) -> None:
        """Add a cluster that starts now."""
        with self._lock:
            self._world.clusters[spec.id] = spec
            self._due[spec.id] = self._clock() + STAGE

    def change(self, cluster_id: str, update: Callable[[ClusterSpec], ClusterSpec]) -> None:
        """Replace a cluster by what ``update`` makes of it."""
        with self._lock:
            self._world.clusters[cluster_id] = update(self._world.clusters[cluster_id])

    def terminate(self, cluster_id: str) -> None:
        """Begin to end a cluster; its Basic pairs die at once. Does nothing to one that has ended."""
        with self._lock:
            spec = self._world.clusters[cluster_id]
            if spec.state in ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"):
                return
            reason = "Terminated by user request"
            self._world.clusters[cluster_id] = replace(spec, state="TERMINATING", state_reason=reason)
            self._due[cluster_id] = self._clock() + STAGE
        self._world.pairs.expire(cluster_id)

    def advance(self) -> None:
        """Move on every cluster whose time has come."""
        now = self._clock()
        with self._lock:
            for cluster_id, due in list(self._due.items()):
                while due <= now and cluster_id in self._due:
                    self._step(cluster_id, due)
                    due = self._due.get(cluster_id, now + 1)

    def _step(self, cluster_id: str, moment: float) -> None:
        spec = self._world.clusters.get(cluster_id)
        state = _NEXT.get(spec.state, "") if spec is not None else ""
        if spec is None or not state:
            del self._due[cluster_id]
            return
        when = datetime.fromtimestamp(moment, timezone.utc)
        self._world.clusters[cluster_id] = replace(
            spec,
            state=state,
            state_reason=_REASONS.get(state, ""),
            ready_at=when if state == "WAITING" else spec.ready_at,
            ended_at=when if state == "TERMINATED" else spec.ended_at,
        )
        if state in _NEXT:
            self._due[cluster_id] = moment + STAGE
        else:
            del self._due[cluster_id]
