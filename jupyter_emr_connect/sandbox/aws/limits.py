"""AWS's API rates as token buckets, per account, region and action. Called by the app once the caller is known.

Source of the figures: "Amazon EMR endpoints and quotas" in the AWS General Reference.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .failures import Kind, Refusal


@dataclass(frozen=True)
class Rate:
    """A bucket of ``burst`` tokens that gains ``refill`` tokens a second."""

    burst: float
    refill: float


ALL = "*"
"""The action under which a service's rates name the bucket that all its calls share."""

EMR_RATES: Mapping[str, Rate] = {
    ALL: Rate(200, 200),
    "ListClusters": Rate(20, 0.5),
    "DescribeCluster": Rate(10, 1),
    "DescribeSecurityConfiguration": Rate(5, 0.5),
    "GetClusterSessionCredentials": Rate(5, 0.5),
    "ListInstances": Rate(10, 0.5),
    "ListInstanceGroups": Rate(10, 1),
    "ListInstanceFleets": Rate(5, 0.5),
    "RunJobFlow": Rate(10, 0.5),
    "TerminateJobFlows": Rate(10, 0.5),
}
"""The bursts of RunJobFlow and TerminateJobFlows, and the refill of all calls together, are not documented there."""


Owner = tuple[str, str, str]
"""(account, region, service)."""


class Buckets:
    """The buckets of one sandbox; ``clock`` gives seconds and may be any that does not run backwards."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._levels: dict[tuple[Owner, str], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, owner: Owner, rates: Mapping[str, Rate], action: str) -> None:
        """Take a token for ``action`` of ``owner`` (account, region, service), or raise :class:`Refusal`.

        A refused call takes nothing, from neither the action's bucket nor the shared one.
        """
        wanted = [(name, rates[name]) for name in (ALL, action) if name in rates]
        now = self._clock()
        with self._lock:
            left = {(owner, name): self._level((owner, name), rate, now) - 1 for name, rate in wanted}
            if any(level < 0 for level in left.values()):
                raise Refusal(Kind.THROTTLED)
            for key, level in left.items():
                self._levels[key] = (level, now)

    def _level(self, key: tuple[Owner, str], rate: Rate, now: float) -> float:
        level, then = self._levels.get(key, (rate.burst, now))
        return min(rate.burst, level + max(0.0, now - then) * rate.refill)
