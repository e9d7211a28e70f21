"""AWS's API rates as token buckets, per account, region and action. Called by the app once the caller is known.

Source of the figures: "Amazon EMR endpoints and quotas" in the AWS General Reference.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .failures import FailureKind, Refusal


@dataclass(frozen=True)
class BucketRate:
    """A bucket of ``burst`` tokens that gains ``refill`` tokens a second."""

    burst: float
    refill: float


ALL = "*"
"""The action under which a service's rates name the bucket that all its calls share."""

EMR_RATES: Mapping[str, BucketRate] = {
    ALL: BucketRate(200, 200),
    "ListClusters": BucketRate(20, 0.5),
    "DescribeCluster": BucketRate(10, 1),
    "DescribeSecurityConfiguration": BucketRate(5, 0.5),
    "GetClusterSessionCredentials": BucketRate(5, 0.5),
    "ListInstances": BucketRate(10, 0.5),
    "ListInstanceGroups": BucketRate(10, 1),
    "ListInstanceFleets": BucketRate(5, 0.5),
    "RunJobFlow": BucketRate(10, 0.5),
    "TerminateJobFlows": BucketRate(10, 0.5),
}
"""The bursts of RunJobFlow and TerminateJobFlows, and the refill of all calls together, are not documented there."""


Owner = tuple[str, str, str]
"""(account, region, service)."""


class TokenBuckets:
    """The token buckets of one sandbox; ``clock`` gives seconds and may be any that does not run backwards."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._levels: dict[tuple[Owner, str], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, owner: Owner, rates: Mapping[str, BucketRate], action: str) -> None:
        """Take a token for ``action`` of ``owner`` (account, region, service), or raise :class:`Refusal`.

        A refused call takes nothing, from neither the action's bucket nor the shared one.
        """
        wanted = [(name, rates[name]) for name in (ALL, action) if name in rates]
        now = self._clock()
        with self._lock:
            left = {(owner, name): self._level((owner, name), rate, now) - 1 for name, rate in wanted}
            if any(level < 0 for level in left.values()):
                raise Refusal(FailureKind.THROTTLED)
            for key, level in left.items():
                self._levels[key] = (level, now)

    def _level(self, key: tuple[Owner, str], rate: BucketRate, now: float) -> float:
        level, then = self._levels.get(key, (rate.burst, now))
        return min(rate.burst, level + max(0.0, now - then) * rate.refill)
