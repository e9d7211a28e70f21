"""How clusters, virtual clusters, endpoints and applications pass from state to state with time.

Moved on whenever a call of their service asks, by the AWS front's clock; there is no thread for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Generic, TypeVar

from ..world.eks import EndpointSpec, VirtualClusterSpec
from ..world.serverless import ApplicationSpec
from ..world.world import ClusterSpec

TRANSITION_S = 2.0
"""How long each passing state lasts (the real services take up to minutes)."""

Clock = Callable[[], float]
"""Gives seconds since the epoch."""

Spec = TypeVar("Spec", bound=Any)


class ResourceLifecycle(Generic[Spec]):
    """Changes the specs in one table of the world; every method may be called from any thread.

    ``table`` maps ids to frozen specs, ``following`` says which state a passing state leads to, and ``arrived`` may
    change more than the state (times, reasons) when one is reached, at a moment in seconds since the epoch.
    """

    def __init__(
        self,
        table: dict[str, Spec],
        clock: Clock,
        following: Mapping[str, str],
        arrived: Callable[[Spec, float], Spec] = lambda spec, moment: spec,
    ) -> None:
        self._table = table
        self._clock = clock
        self._following = following
        self._arrived = arrived
        self._due: dict[str, float] = {}
        self._created: dict[tuple[str, ...], str] = {}
        self._lock = threading.Lock()

    def add(self, spec: Spec, token: tuple[str, ...] = ()) -> Spec:
        """Add a spec, whose passing state begins now, and return it.

        ``token`` makes it idempotent: the same one again returns the spec that the first call added.
        """
        with self._lock:
            earlier = self._table.get(self._created.get(token, "")) if token else None
            if earlier is not None:
                return earlier
            if token:
                self._created[token] = spec.id
            self._table[spec.id] = spec
            self._schedule(spec)
            return spec

    def created_with(self, token: tuple[str, ...]) -> str | None:
        """Return the id of the resource that was added with this token, or None."""
        with self._lock:
            return self._created.get(token)

    def change(self, key: str, update: Callable[[Spec], Spec]) -> Spec:
        """Replace a spec by what ``update`` makes of it (which may raise), and return the new one."""
        with self._lock:
            before = self._table[key]
            spec = update(before)
            self._table[key] = spec
            if spec.state != before.state:
                self._schedule(spec)
            return spec

    def advance(self) -> None:
        """Move on every resource whose time has come."""
        if not self._due:
            return
        now = self._clock()
        with self._lock:
            for key, due in list(self._due.items()):
                while due <= now:
                    due = self._step(key, due)

    def _schedule(self, spec: Spec) -> None:
        if spec.state in self._following:
            self._due[spec.id] = self._clock() + TRANSITION_S
        else:
            self._due.pop(spec.id, None)

    def _step(self, key: str, moment: float) -> float:
        """Move one spec on; returns when it is due again."""
        spec = self._table.get(key)
        state = self._following.get(spec.state, "") if spec is not None else ""
        if spec is None or not state:
            del self._due[key]
            return float("inf")
        self._table[key] = self._arrived(replace(spec, state=state), moment)
        if state not in self._following:
            del self._due[key]
            return float("inf")
        self._due[key] = moment + TRANSITION_S
        return self._due[key]


def cluster_lifecycle(table: dict[str, ClusterSpec], clock: Clock) -> ResourceLifecycle[ClusterSpec]:
    """Return the lifecycle of EMR's clusters: STARTING → BOOTSTRAPPING → WAITING, TERMINATING → TERMINATED."""
    following = {"STARTING": "BOOTSTRAPPING", "BOOTSTRAPPING": "WAITING", "TERMINATING": "TERMINATED"}
    reasons = {"WAITING": "Cluster ready to run steps.", "TERMINATED": "Terminated by user request"}

    def arrived(spec: ClusterSpec, moment: float) -> ClusterSpec:
        when = datetime.fromtimestamp(moment, timezone.utc)
        return replace(
            spec,
            state_reason=reasons.get(spec.state, ""),
            ready_at=when if spec.state == "WAITING" else spec.ready_at,
            ended_at=when if spec.state == "TERMINATED" else spec.ended_at,
        )

    return ResourceLifecycle(table, clock, following, arrived)


def virtual_cluster_lifecycle(
    table: dict[str, VirtualClusterSpec], clock: Clock
) -> ResourceLifecycle[VirtualClusterSpec]:
    """Return the lifecycle of virtual clusters: they run at once; TERMINATING → TERMINATED."""
    return ResourceLifecycle(table, clock, {"TERMINATING": "TERMINATED"})


def endpoint_lifecycle(table: dict[str, EndpointSpec], clock: Clock) -> ResourceLifecycle[EndpointSpec]:
    """Return the lifecycle of managed endpoints: CREATING → ACTIVE, TERMINATING → TERMINATED."""
    return ResourceLifecycle(table, clock, {"CREATING": "ACTIVE", "TERMINATING": "TERMINATED"})


def application_lifecycle(table: dict[str, ApplicationSpec], clock: Clock) -> ResourceLifecycle[ApplicationSpec]:
    """Return the lifecycle of Serverless applications (reference 3.1): each state in -ING leads to that in -ED."""
    following = {"CREATING": "CREATED", "STARTING": "STARTED", "STOPPING": "STOPPED"}

    def arrived(spec: ApplicationSpec, moment: float) -> ApplicationSpec:
        return replace(spec, state_details="", updated_at=datetime.fromtimestamp(moment, timezone.utc))

    return ResourceLifecycle(table, clock, following, arrived)
