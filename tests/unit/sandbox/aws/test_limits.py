"""Token buckets, by a clock of the test's own."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.sandbox.aws.failures import FailureKind, Refusal
from jupyter_emr_connect.sandbox.aws.limits import ALL, EMR_RATES, BucketRate, TokenBuckets

OWNER = ("123456789012", "us-east-1", "elasticmapreduce")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def taken(buckets, action, number, rates=EMR_RATES, owner=OWNER):
    """Ask ``number`` times and return how often it was given."""
    return sum(take(buckets, owner, rates, action) is None for _ in range(number))


def take(buckets, owner, rates, action):
    """Ask once; return the refusal's kind, or None."""
    try:
        buckets.take(owner, rates, action)
    except Refusal as refusal:
        return refusal.kind
    return None


def test_a_throttled_call_says_so(clock):
    buckets = TokenBuckets(clock)
    taken(buckets, "ListClusters", 20)
    assert take(buckets, OWNER, EMR_RATES, "ListClusters") is FailureKind.THROTTLED


@pytest.mark.parametrize(
    ("action", "burst", "refill"),
    [
        ("ListClusters", 20, 0.5),
        ("DescribeCluster", 10, 1),
        ("DescribeSecurityConfiguration", 5, 0.5),
        ("GetClusterSessionCredentials", 5, 0.5),
        ("ListInstances", 10, 0.5),
        ("ListInstanceGroups", 10, 1),
        ("ListInstanceFleets", 5, 0.5),
    ],
)
def test_the_documented_rates(clock, action, burst, refill):
    buckets = TokenBuckets(clock)
    assert taken(buckets, action, 50) == burst
    clock.now += 10
    assert taken(buckets, action, 50) == min(burst, 10 * refill)
    clock.now += 10_000
    assert taken(buckets, action, 50) == burst


def test_100_clusters_cost_90_seconds_of_describe(clock):
    buckets, given = TokenBuckets(clock), 0
    while given < 100:
        given += taken(buckets, "DescribeCluster", 1)
        clock.now += 0.1
    assert 89 <= clock.now <= 92


def test_owners_have_their_own_buckets(clock):
    buckets = TokenBuckets(clock)
    assert taken(buckets, "ListClusters", 30) == 20
    assert taken(buckets, "ListClusters", 30, owner=("2", "us-east-1", "elasticmapreduce")) == 20
    assert taken(buckets, "ListClusters", 30, owner=("123456789012", "eu-west-1", "elasticmapreduce")) == 20


def test_a_refused_call_takes_nothing_from_the_shared_bucket(clock):
    rates = {ALL: BucketRate(10, 0), "A": BucketRate(2, 0)}
    buckets = TokenBuckets(clock)
    assert taken(buckets, "A", 50, rates) == 2
    assert taken(buckets, "B", 50, rates) == 8


def test_a_clock_that_runs_backwards_gives_nothing(clock):
    buckets = TokenBuckets(clock)
    taken(buckets, "ListClusters", 20)
    clock.now -= 100
    assert taken(buckets, "ListClusters", 5) == 0


def test_actions_without_a_rate_share_the_ceiling(clock):
    assert taken(TokenBuckets(clock), "ListSteps", 300) == 200
