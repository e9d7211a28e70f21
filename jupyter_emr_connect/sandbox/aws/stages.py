"""How endpoints, virtual clusters and applications pass from state to state with time.

Moved on whenever a call of their service asks, by the front's clock; no thread of its own. (EMR's clusters have
``emr.lifecycle``.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

STAGE = 2.0
"""Seconds that each passing state lasts (the real services take up to minutes)."""

Spec = TypeVar("Spec", bound=Any)


class ResourceStages(Generic[Spec]):
    """Changes the specs in one table of the world; every method may be called from any thread.

    ``table`` returns the table (id → frozen spec), ``following`` says which state a passing state leads to, and
    ``arrived`` may change more than the state (times) when one is reached, at a moment in seconds since the epoch.
    """

    def __init__(
        self,
        table: Callable[[], dict[str, Spec]],
        clock: Callable[[], float],
        following: Mapping[str, str],
        arrived: Callable[[Spec, float], Spec] = lambda spec, moment: spec,
    ) -> None:
        self._table = table
        self._clock = clock
        self._following = following
        self._arrived = arrived
        self._due: dict[str, float] = {}
        self._made: dict[tuple[str, ...], str] = {}
        self._lock = threading.Lock()

    def add(self, spec: Spec, token: tuple[str, ...] = ()) -> Spec:
        """Add a spec, whose passing state begins now, and return it.

        ``token`` makes it idempotent: the same one again returns the spec that the first made.
        """
        with self._lock:
            table = self._table()
            earlier = table.get(self._made.get(token, "")) if token else None
            if earlier is not None:
                return earlier
            if token:
                self._made[token] = spec.id
            table[spec.id] = spec
            self._schedule(spec)
            return spec

    def made_by(self, token: tuple[str, ...]) -> str | None:
        """Return the id of what this token has made, or None."""
        with self._lock:
            return self._made.get(token)

    def change(self, key: str, update: Callable[[Spec], Spec]) -> Spec:
        """Replace a spec by what ``update`` makes of it (which may raise), and return the new one."""
        with self._lock:
            before = self._table()[key]
            spec = update(before)
            if spec is not before:
                self._table()[key] = spec
                self._schedule(spec)
            return spec

    def advance(self) -> None:
        """Move on everything whose time has come."""
        if not self._due:
            return
        now = self._clock()
        with self._lock:
            for key, due in list(self._due.items()):
                while due <= now:
                    due = self._step(key, due)

    def _schedule(self, spec: Spec) -> None:
        if spec.state in self._following:
            self._due[spec.id] = self._clock() + STAGE
        else:
            self._due.pop(spec.id, None)

    def _step(self, key: str, moment: float) -> float:
        """Move one spec on; returns when it is due again."""
        table = self._table()
        spec = table.get(key)
        state = self._following.get(spec.state, "") if spec is not None else ""
        if spec is None or not state:
            del self._due[key]
            return float("inf")
        table[key] = spec = self._arrived(replace(spec, state=state), moment)
        if state not in self._following:
            del self._due[key]
            return float("inf")
        self._due[key] = moment + STAGE
        return self._due[key]
