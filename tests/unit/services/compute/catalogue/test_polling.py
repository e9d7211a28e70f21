"""When a list is due again."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.errors import Throttled
from jupyter_emr_connect.services.compute.catalogue.listing import Listing
from jupyter_emr_connect.services.compute.catalogue.polling import (
    IDLE_AFTER_S,
    IDLE_INTERVAL_S,
    INTERVAL_PER_PAGE_S,
    INTERVAL_S,
    MAX_BACK_OFF_S,
    STOP_AFTER_S,
    interval,
)
from tests.unit.services.compute.catalogue.lists import NOW, FakeLister, FakeSource


@pytest.mark.parametrize(
    ("unseen_for", "pages", "failures", "seconds"),
    [
        (0, 1, 0, INTERVAL_S),
        (IDLE_AFTER_S, 1, 0, INTERVAL_S),
        (IDLE_AFTER_S + 1, 1, 0, IDLE_INTERVAL_S),
        (STOP_AFTER_S, 1, 0, IDLE_INTERVAL_S),
        (STOP_AFTER_S + 1, 1, 0, None),
        (0, 100, 0, 100 * INTERVAL_PER_PAGE_S),
        (0, 1, 1, 2 * INTERVAL_S),
        (0, 1, 3, 8 * INTERVAL_S),
        (0, 1, 99, MAX_BACK_OFF_S),
        (0, 100, 9, 100 * INTERVAL_PER_PAGE_S),
    ],
)
def test_the_pause_between_two_lists(unseen_for, pages, failures, seconds):
    assert interval(unseen_for=unseen_for, pages=pages, failures=failures) == seconds


def test_polling_takes_at_most_half_of_what_aws_refills():
    for pages in (5, 50, 500):
        pause = interval(unseen_for=0, pages=pages, failures=0)
        assert pages / pause <= 0.5 / 2


@pytest.fixture
def listing() -> Listing:
    return Listing(FakeSource(), FakeLister(), looked_at=NOW)


def test_a_list_is_due_at_once_then_after_its_pause_and_never_twice_at_a_time(listing):
    assert listing.is_due(NOW)
    listing.running_since = NOW
    assert not listing.is_due(NOW + 1000)
    listing.finish(NOW + 1, pages=1, error=None, listed_at=NOW)
    assert not listing.is_due(NOW + INTERVAL_S)
    assert listing.is_due(NOW + 1 + INTERVAL_S)


def test_a_refresh_makes_it_due_but_not_where_nobody_looks(listing):
    listing.finish(NOW, pages=1, error=None, listed_at=NOW)
    listing.forced = True
    assert listing.is_due(NOW + 1)
    assert not listing.is_due(NOW + STOP_AFTER_S + 1)


def test_a_list_that_goes_on_failing_is_read_less_and_less(listing):
    gaps, now = [], NOW
    for _ in range(8):
        listing.looked_at = now
        listing.finish(now, pages=0, error=Throttled("slow down"), listed_at=now)
        begun = now
        while not listing.is_due(now):
            now, listing.looked_at = now + 1, now
        gaps.append(now - begun)
    assert gaps == sorted(gaps)
    assert gaps[0] == 2 * INTERVAL_S
    assert gaps[-1] == MAX_BACK_OFF_S
