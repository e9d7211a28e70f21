"""The budget of AWS calls: bursts, waiting for one's turn, and work that nobody waits for."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.aws.budget import LONGEST_WAIT_S, RATES, SKEW_S, Budget, background, rate_of

OWNER = ("123456789012", "us-east-1", "emr")
LIST = RATES["emr", "ListClusters"]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def make() -> tuple[Budget, Clock]:
    clock = Clock()
    return Budget(clock, clock.sleep), clock


def test_a_burst_goes_at_once_and_then_one_call_in_two_seconds():
    budget, clock = make()
    burst = int(LIST.burst - SKEW_S * LIST.refill)
    assert [budget.take(OWNER, "ListClusters") for _ in range(burst)] == [0] * burst
    budget.take(OWNER, "ListClusters")
    assert [budget.take(OWNER, "ListClusters") for _ in range(2)] == pytest.approx([2, 2], abs=0.01)
    assert clock.now == pytest.approx(4 + SKEW_S, abs=0.02)


def test_calls_never_exceed_the_documented_rate():
    budget, clock = make()
    for _ in range(60):
        budget.take(OWNER, "ListClusters")
    assert LIST.burst + clock.now * LIST.refill >= 60


def test_regions_and_accounts_have_buckets_of_their_own():
    budget, _ = make()
    for _ in range(int(LIST.burst)):
        budget.take(OWNER, "ListClusters")
    assert budget.take(("123456789012", "eu-west-1", "emr"), "ListClusters") == 0
    assert budget.take(("210987654321", "us-east-1", "emr"), "ListClusters") == 0
    assert budget.take(OWNER, "DescribeCluster") == 0


def test_background_work_leaves_half_of_the_bucket_to_the_user():
    budget, clock = make()
    with background():
        for _ in range(9):
            assert budget.take(OWNER, "ListClusters") == 0
        assert budget.take(OWNER, "ListClusters") > 0
    now = clock.now
    assert [budget.take(OWNER, "ListClusters") for _ in range(10)] == [0] * 10
    assert clock.now == now


def test_background_work_may_leave_less():
    budget, _ = make()
    with background(0.2):
        left = budget.free(OWNER, "DescribeCluster")
        assert left == 7
        assert [budget.take(OWNER, "DescribeCluster") for _ in range(left)] == [0] * left
        assert budget.free(OWNER, "DescribeCluster") == 0
    assert budget.free(OWNER, "DescribeCluster") == 2


def test_a_throttled_bucket_is_empty():
    budget, _ = make()
    budget.drain(OWNER, "DescribeCluster")
    assert budget.take(OWNER, "DescribeCluster") == pytest.approx(1)


def test_a_call_that_arrives_sooner_than_those_before_is_not_throttled():
    """AWS refills from when a call arrives; the first may take half a second longer to get there than the last."""
    budget, clock = make()
    for _ in range(30):
        budget.take(OWNER, "ListClusters")
    assert LIST.burst + (clock.now - SKEW_S) * LIST.refill >= 30


def test_nobody_waits_for_ever():
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        budget.drain(OWNER, "ListClusters")  # somebody else is always quicker

    budget = Budget(clock, sleep)
    budget.drain(OWNER, "ListClusters")
    assert budget.take(OWNER, "ListClusters") == LONGEST_WAIT_S == clock.now


def test_a_service_without_documented_operations_has_a_rate_of_its_own():
    budget, clock = make()
    bucket = ("123456789012", "us-east-1", "s3")
    assert sum(budget.take(bucket, "PutObject") for _ in range(100)) == 0
    other = ("123456789012", "us-east-1", "iam")
    assert sum(budget.take(other, "GetRole") for _ in range(100)) > 10
    assert budget.take(bucket, "PutObject") == 0
    for _ in range(1000):
        budget.take(bucket, "PutObject")
    rate = rate_of("s3", "PutObject")
    assert rate.burst + clock.now * rate.refill >= 1100
