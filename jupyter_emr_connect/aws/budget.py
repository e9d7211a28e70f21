"""AWS's account-wide call rates as one budget of this process: every attempt of every session takes a token here.

A token bucket per (account, region, service, operation), with the rates that AWS documents (reference 1.2). A call that
finds its bucket empty waits for its turn instead of being throttled. Work that nobody waits for runs inside
:func:`background`: it leaves half of each bucket to the user's own gestures.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """``burst`` calls at once, then ``refill`` calls a second."""

    burst: float
    refill: float


RATES: Mapping[tuple[str, str], Rate] = {
    ("emr", "ListClusters"): Rate(20, 0.5),
    ("emr", "DescribeCluster"): Rate(10, 1),
    ("emr", "DescribeSecurityConfiguration"): Rate(5, 0.5),
    ("emr", "GetClusterSessionCredentials"): Rate(5, 0.5),
    ("emr", "ListInstances"): Rate(10, 0.5),
    ("emr", "ListInstanceGroups"): Rate(10, 1),
    ("emr", "ListInstanceFleets"): Rate(5, 0.5),
    # Restoring a folder reads one object after the other; S3 takes ten times as many (see below).
    ("s3", "GetObject"): Rate(500, 500),
    ("s3", "HeadObject"): Rate(500, 500),
}
# For operations without a rate of their own, by service. S3 takes 3,500 writes and 5,500 reads a second for each prefix
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html).
SERVICE_RATES: Mapping[str, Rate] = {"s3": Rate(200, 100)}
# What AWS does not document is held to a pace that no service of AWS's is known to refuse.
DEFAULT_RATE = Rate(20, 5)
# AWS counts a call when it arrives, we when it leaves: seconds by which one call may take longer than another.
SKEW_S = 0.5
LONGEST_WAIT_S = 60.0
LEAST_PAUSE_S = 0.001
RESERVE_SHARE = 0.5

_reserve: ContextVar[float] = ContextVar("emr_connect_reserve", default=0.0)

Owner = tuple[str, str, str]
"""(account or caller, region, service)."""


def rate_of(service: str, operation: str) -> Rate:
    """Return the operation's own rate, else its service's, else that of all others."""
    return RATES.get((service, operation)) or SERVICE_RATES.get(service, DEFAULT_RATE)


@contextmanager
def background(reserve: float = RESERVE_SHARE) -> Iterator[None]:
    """Mark the calls made inside as such that nobody waits for; ``reserve`` is the share of a bucket they leave."""
    token = _reserve.set(reserve)
    try:
        yield
    finally:
        _reserve.reset(token)


class Budget:
    """The buckets; ``clock`` gives seconds and ``sleep`` waits them (tests turn both by hand). Safe from any thread."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._levels: dict[tuple[Owner, str], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, owner: Owner, operation: str) -> float:
        """Take a token, waiting for it if need be; returns the seconds waited (at most ``LONGEST_WAIT_S``)."""
        waited = 0.0
        while waited < LONGEST_WAIT_S and (pause := self._try(owner, operation)) > 0:
            pause = min(pause, LONGEST_WAIT_S - waited)
            self._sleep(pause)
            waited += pause
        return waited

    def free(self, owner: Owner, operation: str) -> int:
        """Return how many calls could leave now without waiting."""
        rate = rate_of(owner[2], operation)
        floor = rate.burst * _reserve.get()
        with self._lock:
            return max(0, int(self._level((owner, operation), rate) - floor))

    def drain(self, owner: Owner, operation: str) -> None:
        """Empty a bucket: AWS has throttled a call, so others in the account have used it up."""
        with self._lock:
            self._levels[owner, operation] = (0.0, self._clock())

    def clear(self) -> None:
        """Fill all buckets anew."""
        with self._lock:
            self._levels.clear()

    def _try(self, owner: Owner, operation: str) -> float:
        """Take a token and return 0, or return the seconds after which one may be there."""
        rate = rate_of(owner[2], operation)
        # Background work keeps its hands off the first part of a bucket and so gets what flows in above it.
        floor = rate.burst * _reserve.get()
        with self._lock:
            level = self._level((owner, operation), rate)
            short = floor + 1 - level
            self._levels[owner, operation] = (level - 1 if short <= 0 else level, self._clock())
        return max(LEAST_PAUSE_S, short / rate.refill) if short > 0 else 0.0

    def _level(self, key: tuple[Owner, str], rate: Rate) -> float:
        full = rate.burst - SKEW_S * rate.refill
        level, then = self._levels.get(key, (full, 0.0))
        return min(full, level + max(0.0, self._clock() - then) * rate.refill)


BUDGET = Budget()
"""The one budget of this process."""
