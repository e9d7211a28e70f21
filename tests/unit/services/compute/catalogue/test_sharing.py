"""Computes that several sources see: shown once, described once, and never lost between two lists."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import AccessDenied, CredentialsExpired
from jupyter_emr_connect.services.compute.catalogue import Changes, LiveCatalogue, jobs
from jupyter_emr_connect.services.compute.catalogue.listing import Listing
from jupyter_emr_connect.services.compute.catalogue.sharing import distinct, seen_in, want
from tests.unit.services.compute.catalogue.lists import NOW, Clock, FakeLister, FakeSource, compute


class Two:
    """Two profiles that see one account."""

    def __init__(self, tmp_path):
        rows = [compute("j-A"), compute("j-B")]
        self.listers = FakeLister(rows), FakeLister(rows)
        self.sources = FakeSource("first"), FakeSource("second")
        config = EMRConnect(state_file=str(tmp_path / "state.sqlite"))
        self.catalogue = LiveCatalogue(config, self.sources, listers=[], clock=Clock())
        self.listings = [Listing(*one) for one in zip(self.sources, self.listers, strict=True)]
        self.state = self.catalogue._state
        self.state.listings = self.listings

    def read(self):
        for one in self.listings:
            jobs.read_list(self.state, one)

    def describe(self, *which):
        for one in which or (0, 1):
            jobs.describe_some(self.state, self.listings[one])

    @property
    def asked(self):
        return [sorted(one.asked) for one in self.listers]

    @property
    def shown(self):
        return {one.id: one for one in distinct(self.listings)}


@pytest.fixture
def two(tmp_path) -> Two:
    return Two(tmp_path)


def test_they_are_shown_and_described_once(two):
    two.read()
    two.describe(1, 0, 1)
    assert two.asked == [["j-A", "j-B"], []]
    assert {one.profile for one in two.shown.values()} == {"first"}
    assert all(one.attachable for one in two.shown.values())
    for one in two.listings:
        assert not one.queue
    for compute_id in two.shown:
        want(two.listings, "ec2", compute_id, NOW + 1)
    assert not any(one.wanted for one in two.listings)


def test_what_the_first_may_not_describe_the_second_does(two):
    two.listers[0].refused["j-A"] = AccessDenied("may not")
    two.read()
    two.describe(1, 0, 1)
    assert two.asked == [["j-A", "j-B"], ["j-A"]]
    assert {key: one.profile for key, one in two.shown.items()} == {"j-A": "second", "j-B": "first"}
    assert two.shown["j-A"].attachable


def test_what_the_first_can_no_longer_list_comes_from_the_second(two):
    two.read()
    two.describe()
    two.sources[0].error = CredentialsExpired("over")
    two.listers[1].listed = [[compute("j-A", state="RUNNING"), compute("j-C")]]
    two.read()
    two.describe(1)
    assert two.asked[1] == ["j-C"]
    assert two.shown["j-A"].state == "RUNNING"
    assert two.shown["j-C"].profile == "second"
    assert two.shown["j-C"].attachable


def test_the_same_id_in_two_accounts_is_two_computes(two):
    two.listers[1].listed = [[compute("j-A", account="210987654321")]]
    two.read()
    two.describe()
    assert len(distinct(two.listings)) == 3
    assert two.asked == [["j-A", "j-B"], ["j-A"]]


def test_what_has_ended_is_not_shown_as_alive(two):
    two.read()
    ended = Listing(two.sources[0], two.listers[0], ended=True)
    ended.upsert([compute("j-A", state="TERMINATED")], NOW)
    two.listings.append(ended)
    assert two.shown["j-A"].state == "TERMINATED"
    assert two.shown["j-B"].state == "WAITING"


def test_a_compute_is_known_with_the_source_that_could_describe_it(two):
    two.listers[0].refused["j-A"] = AccessDenied("may not")
    two.read()
    two.describe()
    assert two.catalogue.known("ec2", "j-A").profile == "second"
    assert two.catalogue.known("ec2", "j-B").profile == "first"
    assert two.catalogue.known("eks", "j-A") is None
    assert two.catalogue.known("ec2", "j-X") is None


def test_changes_are_told_as_one_sees_them_who_looks_at_these_lists(two):
    two.read()
    live = two.listings[:1]
    ended = Listing(two.sources[0], two.listers[0], ended=True)
    ended.upsert([compute("j-X", state="TERMINATED")], NOW)
    changes = Changes(added=("ec2/j-A",), changed=("ec2/j-X", "eks/v/e"), removed=("ec2/j-B", "ec2/j-Y"))
    assert seen_in(live, changes) == Changes(("ec2/j-A",), ("ec2/j-B",), ("ec2/j-X", "ec2/j-Y"))
    assert seen_in([*live, ended], changes) == Changes(("ec2/j-A",), ("ec2/j-X", "ec2/j-B"), ("ec2/j-Y",))
    assert seen_in(live, Changes()) == Changes()
