"""The catalogue's jobs: reading a list, describing rows, and keeping both, with AWS's part played by the test."""

from __future__ import annotations

import logging

import pytest

from jupyter_emr_connect.errors import (
    AccessDenied,
    AWSError,
    AWSUnavailable,
    CredentialsExpired,
    EMRConnectError,
    Throttled,
)
from jupyter_emr_connect.services.compute.catalogue import jobs
from jupyter_emr_connect.services.compute.catalogue.listing import Listing
from jupyter_emr_connect.services.compute.catalogue.polling import MAX_BACK_OFF_S
from jupyter_emr_connect.services.compute.catalogue.state import CatalogueState
from jupyter_emr_connect.store.computes import UNUSED_AFTER_S, ComputeStore
from jupyter_emr_connect.store.database import Database
from tests.unit.services.compute.catalogue.lists import NOW, Clock, FakeLister, FakeSource, compute, described


class Bench:
    """A catalogue of one list, whose jobs the test runs itself."""

    def __init__(self, path, *pages):
        self.clock, self.lister = Clock(), FakeLister(*pages)
        self.source = FakeSource()
        self.state = CatalogueState(Database(path), self.clock)
        self.listing = Listing(self.source, self.lister)
        self.store = ComputeStore(Database(path))

    def read(self):
        jobs.read_list(self.state, self.listing)

    def describe(self):
        jobs.describe_some(self.state, self.listing)

    @property
    def rows(self):
        return {key: row.compute for key, row in self.listing.rows.items()}

    @property
    def kept(self):
        return {one.id: (one, moment) for one, moment in self.store.load(*self.listing.key)[1]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.sqlite"


def test_a_list_is_read_to_its_end_and_kept(path):
    bench = Bench(path, [compute("j-A")], [compute("j-B")])
    bench.read()
    assert set(bench.rows) == set(bench.kept) == {"j-A", "j-B"}
    assert (bench.listing.pages, bench.listing.listed_at, bench.listing.error) == (2, NOW, None)


def test_rows_that_are_gone_leave_the_list_and_the_file(path):
    bench = Bench(path, [compute("j-A"), compute("j-B")])
    bench.read()
    bench.lister.listed = [[compute("j-B")]]
    bench.read()
    assert set(bench.rows) == set(bench.kept) == {"j-B"}


@pytest.mark.parametrize("failure", [AWSUnavailable("cut"), Throttled("slow down"), KeyError("Id")])
def test_a_list_that_fails_in_the_middle_removes_nothing_and_shows_what_it_had(path, failure, caplog):
    bench = Bench(path, [compute("j-A"), compute("j-B")])
    bench.read()
    bench.lister.listed = [[compute("j-C")], failure, [compute("j-B")]]
    bench.clock.now += 15
    bench.read()
    assert set(bench.rows) == set(bench.kept) == {"j-A", "j-B", "j-C"}
    assert isinstance(bench.listing.error, EMRConnectError)
    assert bench.listing.listed_at == NOW
    assert bench.store.load(*bench.listing.key)[0] == NOW
    assert bench.listing.running_since is None


def test_a_job_with_a_defect_leaves_a_list_that_says_so_and_is_due_again(path, caplog):
    """Here the rows cannot be kept, since they hold what is no JSON."""
    bench = Bench(path, [compute("j-A", details={"what": object()}), compute("j-B")])
    bench.listing.running_since = NOW
    jobs.do(jobs.read_list, bench.state, bench.listing)
    assert isinstance(bench.listing.error, EMRConnectError)
    assert bench.listing.running_since is None
    bench.listing.looked_at = NOW
    assert bench.listing.is_due(NOW + MAX_BACK_OFF_S)
    bench.listing.describing = 1
    bench.listing.want("j-B", NOW)
    jobs.do(jobs.describe_some, bench.state, bench.listing)
    assert bench.listing.describing == 0
    assert "TypeError" in caplog.text


def restarted(path, bench, *pages):
    """Return the next process's bench, which has read the state file and nothing else yet."""
    after = Bench(path, *pages)
    after.clock.now = bench.clock.now + 60
    after.state.load(after.listing)
    return after


def test_a_first_list_that_a_restart_cuts_off_keeps_the_rows_that_it_had_as_not_complete(path):
    class Killed(BaseException):
        """The process ends here."""

    bench = Bench(path, [compute("j-A"), compute("j-B")], [compute("j-C")], Killed())
    with pytest.raises(Killed):
        bench.read()
    after = restarted(path, bench, [compute("j-A")], AWSUnavailable("cut"))
    assert set(after.rows) == {"j-A", "j-B", "j-C"}
    assert (after.listing.listed_at, after.listing.stored, after.listing.passed) == (None, True, False)
    after.read()  # cut off again: nothing shows that j-B and j-C are gone
    assert set(after.rows) == set(after.kept) == {"j-A", "j-B", "j-C"}
    assert after.store.load(*after.listing.key)[0] is None
    after.lister.listed = [[compute("j-A")], [compute("j-D")]]
    after.read()
    assert set(after.rows) == set(after.kept) == {"j-A", "j-D"}
    assert (after.listing.listed_at, after.listing.stored) == (after.clock.now, False)
    assert restarted(path, after).listing.listed_at == after.clock.now


def test_rows_of_lists_that_nobody_uses_any_more_are_dropped_also_of_unfinished_ones(path):
    cut = Bench(path, [compute("j-A")], AWSUnavailable("cut"))
    cut.source.profile = "other"
    cut.read()
    bench = Bench(path, [compute("j-B")])
    bench.clock.now += UNUSED_AFTER_S - 1
    bench.read()
    assert set(cut.kept) == {"j-A"}
    bench.clock.now += 2
    bench.read()
    assert (set(cut.kept), set(bench.kept)) == (set(), {"j-B"})


def test_a_session_that_cannot_be_made_is_the_lists_error(path):
    bench = Bench(path, [compute("j-A")])
    bench.source.error = CredentialsExpired("over", fix="log in")
    bench.read()
    bench.describe()
    assert bench.listing.error is bench.source.error
    assert bench.listing.describing == 0
    bench.source.error = None
    bench.read()
    assert bench.listing.error is None
    assert bench.listing.describe_error is bench.source.error or bench.listing.queue


def test_new_rows_are_described_and_kept_and_not_asked_for_again(path):
    bench = Bench(path, [compute("j-A"), compute("j-B", state="STARTING")])
    bench.read()
    bench.describe()
    assert bench.lister.asked == ["j-A"]
    assert bench.rows["j-A"].attachable
    assert bench.kept["j-A"] == (described(compute("j-A"), profile="p"), NOW)
    bench.read()
    bench.describe()
    assert bench.lister.asked == ["j-A"]


def test_a_description_outlives_the_list_that_was_being_read_meanwhile(path):
    """On a long list rows are described before it ends; the end must not write them as they were listed."""
    bench = Bench(path)
    pages = [[compute("j-A")], [compute("j-B")]]

    def listed(session, *, ended=False):
        yield pages[0]
        bench.describe()
        yield pages[1]

    bench.lister.listed = pages
    bench.lister.pages = listed
    bench.read()
    assert bench.kept["j-A"][1] == NOW
    assert bench.kept["j-B"][1] is None


def test_a_row_that_goes_while_it_is_described_stays_away(path):
    bench = Bench(path, [compute("j-A")])
    bench.read()

    def gone(compute_id):
        bench.lister.before = lambda _: None
        held, bench.lister.listed = bench.lister.listed, []
        bench.read()
        bench.lister.listed = held

    bench.lister.before = gone
    bench.describe()
    assert bench.rows == {}
    assert bench.kept == {}


def test_what_could_not_be_described_is_not_forgotten(path):
    rows = [compute(f"j-{number}") for number in range(4)]
    bench = Bench(path, rows)
    bench.read()
    bench.lister.refused["j-1"] = Throttled("slow down")
    bench.describe()
    assert set(bench.lister.asked) | set(bench.listing.queue) == {"j-0", "j-1", "j-2", "j-3"}
    assert isinstance(bench.listing.describe_error, Throttled)
    bench.clock.now = bench.listing.describe_at
    bench.describe()
    assert [row.id for row in bench.rows.values() if row.attachable] == ["j-0", "j-2", "j-3"]
    assert list(bench.listing.queue) == ["j-1"]
    bench.lister.refused.clear()
    bench.describe()
    assert all(row.attachable for row in bench.rows.values())
    assert bench.listing.describe_error is None


def test_a_description_that_goes_on_failing_is_tried_less_and_less(path):
    bench = Bench(path, [compute("j-A")])
    bench.read()
    bench.lister.refused["j-A"] = AWSUnavailable("down")
    pauses = []
    for _ in range(8):
        bench.describe()
        pauses.append(bench.listing.describe_at - bench.clock.now)
        bench.clock.now = bench.listing.describe_at
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (jobs.FAILURE_PAUSE_S, MAX_BACK_OFF_S)
    bench.lister.refused.clear()
    bench.describe()
    assert bench.listing.describe_at == bench.clock.now


@pytest.mark.parametrize("defect", [KeyError("Status"), RuntimeError("broken")])
def test_a_defect_does_not_stop_descriptions_for_ever(path, defect, caplog):
    bench = Bench(path, [compute("j-A"), compute("j-B")])
    bench.read()
    bench.lister.refused["j-A"] = defect
    bench.describe()
    assert bench.listing.describing == 0
    assert bench.listing.describe_error is not None
    bench.describe()
    assert bench.rows["j-B"].attachable
    assert caplog.records[0].levelno == logging.ERROR


@pytest.mark.parametrize(
    "error", [AccessDenied("may not", iam_action="elasticmapreduce:DescribeCluster"), AWSError("no")]
)
def test_a_refused_row_says_so_while_others_are_described(path, error):
    bench = Bench(path, [compute("j-A"), compute("j-B")])
    bench.read()
    bench.lister.refused["j-A"] = error
    bench.describe()
    assert bench.rows["j-A"].reason == f"Not known: {error.message}"
    assert bench.rows["j-B"].attachable
    assert bench.listing.describe_error is error
    bench.read()
    bench.describe()
    assert sorted(bench.lister.asked) == ["j-A", "j-B"]


def test_the_next_process_asks_for_what_was_refused(path):
    bench = Bench(path, [compute("j-A"), compute("j-B")])
    bench.read()
    bench.lister.refused["j-A"] = AccessDenied("may not")
    bench.describe()
    assert bench.kept["j-A"][1] is None
    assert bench.kept["j-B"][1] == NOW


def test_no_more_is_described_at_once_than_the_rates_leave_room_for(path):
    bench = Bench(path, [compute(f"j-{number}") for number in range(9)])
    bench.read()
    for room, asked in ((0, 0), (2, 2), (100, 2 + jobs.AT_ONCE)):
        bench.source.made.room = room
        bench.describe()
        assert len(bench.lister.asked) == asked
    assert bench.listing.describe_at == NOW


def test_a_closed_catalogue_reads_no_further_page(path):
    bench = Bench(path, [compute("j-A")], [compute("j-B")])
    bench.state.closed = True
    bench.read()
    assert bench.rows == {}
    assert bench.listing.error is None
