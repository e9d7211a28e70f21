"""The rows of one list: what a list read anew changes, and which rows are described next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_emr_connect.errors import AccessDenied, Throttled
from jupyter_emr_connect.services.compute.catalogue.listing import Listing, ListingRow, merge
from jupyter_emr_connect.services.compute.catalogue.polling import DESCRIBE_AGAIN_AFTER_S
from tests.unit.services.compute.catalogue.lists import NOW, FakeLister, FakeSource, compute, described


@pytest.fixture
def listing() -> Listing:
    return Listing(FakeSource(), FakeLister())


def test_a_new_row_is_not_described():
    assert merge(None, compute(), NOW) == ListingRow(compute())


def test_a_row_that_has_not_changed_is_the_same_object():
    for known in (ListingRow(compute()), ListingRow(described(compute()), NOW - 5)):
        assert merge(known, compute(), NOW) is known


def test_a_changed_state_is_to_be_described_again_and_promises_nothing():
    known = ListingRow(described(compute(), tags={"a": "b"}), NOW - 5)
    row = merge(known, compute(state="TERMINATING", state_reason="by user", reason="it ends"), NOW)
    assert row.described_at is None
    assert (row.compute.state, row.compute.state_reason) == ("TERMINATING", "by user")
    assert (row.compute.attachable, row.compute.reason) == (False, "it ends")
    assert row.compute.tags == {"a": "b"}


def test_described_facts_stay_while_the_state_does():
    known = ListingRow(described(compute(), tags={"a": "b"}), NOW - 5)
    row = merge(known, compute(name="renamed"), NOW)
    assert (row.compute.name, row.compute.tags, row.described_at) == ("renamed", {"a": "b"}, NOW - 5)


def test_a_list_that_tells_all_leaves_nothing_to_describe(listing):
    complete = described(compute(), kind="eks")
    listing.upsert([complete], NOW)
    assert not listing.queue
    assert merge(ListingRow(complete, NOW), complete, NOW + 9) == ListingRow(complete, NOW)
    assert merge(ListingRow(complete, NOW), replace(complete, tags={"x": "y"}), NOW + 9).described_at == NOW + 9


def test_rows_of_a_list_are_new_or_changed_or_neither(listing):
    added, changed = listing.upsert([compute("j-A"), compute("j-B")], NOW)
    assert [row.compute.id for row in added] == ["j-A", "j-B"]
    assert changed == []
    added, changed = listing.upsert([compute("j-A"), compute("j-B", state="RUNNING"), compute("j-C")], NOW)
    assert [row.compute.id for row in added] == ["j-C"]
    assert [row.compute.id for row in changed] == ["j-B"]
    assert list(listing.queue) == ["j-A", "j-C"]


def test_rows_that_are_gone_leave_nothing_behind(listing):
    listing.upsert([compute("j-A"), compute("j-B")], NOW)
    listing.want("j-A", NOW)
    listing.put_access_denied("j-B", "no", NOW)
    assert sorted(listing.retain(set())) == ["j-A", "j-B"]
    assert not listing.rows
    assert not {*listing.wanted, *listing.queue, *listing.access_denied, *listing.failing}


def test_a_description_of_a_row_that_has_gone_does_not_bring_it_back(listing):
    assert listing.put(described(compute()), NOW) is False
    assert listing.put_access_denied("j-A", "no", NOW) is False
    assert listing.rows == {}


def test_what_is_looked_at_goes_first_then_the_newest_and_what_failed_goes_last(listing):
    rows = [compute(f"j-{number}", created_at=f"2026-01-0{number}T00:00:00+00:00") for number in range(1, 7)]
    listing.upsert(rows, NOW)
    listing.want("j-2", NOW)
    listing.put_back([], "j-6")
    assert listing.next_to_describe(3) == ["j-2", "j-5", "j-4"]
    assert listing.next_to_describe(9) == ["j-3", "j-1", "j-6"]
    assert listing.next_to_describe(9) == []


def test_the_fewer_are_looked_at_the_sooner_they_are_described(listing):
    listing.upsert([compute(f"j-{number}") for number in range(5)], NOW)
    for one, among in (("j-0", 200), ("j-1", 200), ("j-2", 1), ("j-2", 200), ("j-3", 30)):
        listing.want(one, NOW, among)
    assert listing.next_to_describe(2) == ["j-2", "j-3"]
    assert sorted(listing.next_to_describe(2)) == ["j-0", "j-1"]
    assert listing.next_to_describe(2) == ["j-4"]


def test_nothing_is_described_where_the_rates_leave_no_room(listing):
    listing.upsert([compute()], NOW)
    assert listing.next_to_describe(0) == []
    assert list(listing.queue) == ["j-A"]


def test_a_described_row_is_not_described_again_because_somebody_looks(listing):
    listing.upsert([compute("j-A"), compute("j-B", state="STARTING")], NOW)
    listing.put(described(compute("j-A")), NOW)
    for one in ("j-A", "j-B"):
        listing.want(one, NOW + 2 * DESCRIBE_AGAIN_AFTER_S)
    assert not listing.wanted


@pytest.mark.parametrize("detail", ["unreachable", "unread"])
def test_what_was_out_of_reach_is_tried_again_after_a_while(listing, detail):
    listing.upsert([compute()], NOW)
    listing.put(described(compute(), details={detail: "no route"}), NOW)
    listing.want("j-A", NOW + DESCRIBE_AGAIN_AFTER_S)
    assert not listing.wanted
    listing.want("j-A", NOW + DESCRIBE_AGAIN_AFTER_S + 1)
    assert list(listing.wanted) == ["j-A"]


def test_what_was_refused_is_asked_for_by_one_call_in_a_while_and_all_at_once_when_it_is_granted(listing):
    rows = [compute(f"j-{number}") for number in range(4)]
    listing.upsert(rows, NOW)
    for row in rows:
        listing.put_access_denied(row.id, "Not known: denied.", NOW)
    assert not listing.queue
    for moment, asked in (
        (NOW + 1, []),
        (NOW + DESCRIBE_AGAIN_AFTER_S, ["j-0"]),
        (NOW + DESCRIBE_AGAIN_AFTER_S + 1, ["j-0"]),
    ):
        for row in rows:
            listing.want(row.id, moment)
        assert list(listing.wanted) == asked
    listing.put(described(rows[0]), NOW + DESCRIBE_AGAIN_AFTER_S + 2)
    assert set(listing.queue) == {"j-1", "j-2", "j-3"}
    assert not listing.access_denied


def test_a_refused_row_does_not_change_with_each_list(listing):
    listing.upsert([compute()], NOW)
    assert listing.put_access_denied("j-A", "Not known: denied.", NOW) is True
    assert listing.put_access_denied("j-A", "Not known: denied.", NOW) is False
    assert listing.upsert([compute()], NOW + 15) == ([], [])
    assert not listing.queue
    listing.upsert([compute(state="STARTING")], NOW + 30)
    listing.upsert([compute(state="WAITING")], NOW + 45)
    assert list(listing.queue) == ["j-A"]
    assert not listing.access_denied


def test_a_list_that_fails_keeps_what_is_known(listing):
    listing.upsert([compute()], NOW)
    assert listing.finish(NOW, pages=1, error=None, listed_at=NOW - 1)
    assert (listing.listed_at, listing.failures, listing.passed) == (NOW - 1, 0, True)
    assert not listing.finish(NOW + 15, pages=1, error=None, listed_at=NOW + 14)
    assert listing.finish(NOW + 30, pages=0, error=Throttled("slow down"), listed_at=NOW + 29)
    assert not listing.finish(NOW + 60, pages=0, error=Throttled("slow down"), listed_at=NOW + 59)
    assert listing.finish(NOW + 90, pages=0, error=AccessDenied("no"), listed_at=NOW + 89)
    assert (listing.listed_at, listing.failures, listing.pages) == (NOW + 14, 3, 1)
    assert list(listing.rows) == ["j-A"]
    assert listing.finish(NOW + 120, pages=2, error=None, listed_at=NOW + 119)
    assert (listing.error, listing.failures, listing.pages) == (None, 0, 2)


def test_a_describe_error_ends_when_nothing_is_to_be_described(listing):
    listing.upsert([compute()], NOW)
    listing.describe_error, listing.describe_failures = Throttled("slow down"), 2
    listing.finish(NOW, pages=1, error=None, listed_at=NOW)
    assert listing.describe_error is not None
    listing.retain(set())
    assert listing.finish(NOW, pages=1, error=None, listed_at=NOW)
    assert (listing.describe_error, listing.describe_failures) == (None, 0)
