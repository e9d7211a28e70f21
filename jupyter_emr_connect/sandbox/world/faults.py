"""The faults that are on in a sandbox. All methods may be called from any thread."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """A fault that is on: ``argument`` is what stands behind a colon in its name (``slow:200``, ``deny:ACTION``)."""

    name: str
    argument: str
    rate: float
    compute: str | None
    until: float | None
    options: dict[str, str] = field(default_factory=dict)


class FaultBoard:
    """Which faults are on; ``actions`` hold the faults that are done once (``kill-gateway`` …) by who can do them.

    One fault may be on several times, for other computes or ``options``: the same again replaces the one before.
    """

    def __init__(self) -> None:
        self.actions: dict[str, Callable[[str | None], int]] = {}
        self._faults: dict[tuple[str, str, str | None, frozenset[tuple[str, str]]], Fault] = {}
        self._lock = threading.Lock()
        self._cleared = threading.Condition(self._lock)

    def set(
        self,
        name: str,
        *,
        rate: float = 1.0,
        seconds: float | None = None,
        compute: str | None = None,
        options: dict[str, str] | None = None,
    ) -> None:
        """Switch a lasting fault on, for a share of the requests and a time."""
        base, _, argument = name.partition(":")
        until = None if seconds is None else time.time() + seconds
        fault = Fault(base, argument, rate, compute, until, options or {})
        with self._lock:
            self._faults[base, argument, compute, frozenset(fault.options.items())] = fault

    def clear(self, name: str | None = None, compute: str | None = None, options: dict[str, str] | None = None) -> None:
        """Switch a fault off, of those with this argument, compute and options where given; without a name, any."""
        base, _, argument = (name or "").partition(":")
        wanted = frozenset((options or {}).items())
        with self._lock:
            for key in list(self._faults):
                named = name is None or (key[0] == base and argument in ("", key[1]))
                if named and compute in (None, key[2]) and wanted <= key[3]:
                    del self._faults[key]
            self._cleared.notify_all()

    def wait_while_on(self, fault: Fault, seconds: float) -> None:
        """Wait for ``seconds``, or until this fault is switched off: a delayed request then goes on at once."""
        with self._lock:
            self._cleared.wait_for(lambda: not any(active is fault for active in self._faults.values()), seconds)

    def active(self) -> list[Fault]:
        """Return the faults that are on now."""
        now = time.time()
        with self._lock:
            self._faults = {k: f for k, f in self._faults.items() if f.until is None or f.until > now}
            return list(self._faults.values())

    def hits(self, name: str, compute: str | None = None) -> list[Fault]:
        """Return the faults of this name that hit this request (chance decides, by their rate)."""
        return [
            fault
            for fault in self.active()
            if fault.name == name
            and fault.compute in (None, compute)
            and (fault.rate >= 1 or random.random() < fault.rate)  # noqa: S311 - chance, not secrecy
        ]
