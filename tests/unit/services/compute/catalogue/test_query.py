"""Filters, words, order and pages of the list."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.errors import ConfigurationError
from jupyter_emr_connect.services.compute.catalogue import Query
from jupyter_emr_connect.services.compute.catalogue.query import SORTS
from tests.unit.services.compute.catalogue.lists import compute, described

ROWS = [
    compute("j-A", name="Étoile", created_at="2026-01-02T00:00:00+00:00", tags={"team": "Größe ß"}),
    compute("j-B", name="alpha", state="STARTING", created_at="2026-01-03T00:00:00+00:00", region="eu-west-1"),
    compute("j-C", name="beta\x00\x1b[31m", created_at=None, account="210987654321", tags={"t\tag": "\x07"}),
    described(compute("v/e", kind="eks", name="x" * 10_000, created_at="2026-01-01T00:00:00+00:00")),
    compute("00fapp", kind="serverless", name="", state="HIBERNATING", applications=("Spark",)),
]


def ids(**query):
    return [one.id for one in Query(**query).matching(ROWS)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"j-A", "j-B", "j-C", "v/e", "00fapp"}),
        ({"kinds": ("eks", "serverless")}, {"v/e", "00fapp"}),
        ({"regions": ("eu-west-1",)}, {"j-B"}),
        ({"accounts": ("210987654321",)}, {"j-C"}),
        ({"states": ("STARTING", "HIBERNATING")}, {"j-B", "00fapp"}),
        ({"states": ("starting",)}, {"j-B"}),
        ({"attachable": True}, {"v/e"}),
        ({"attachable": False, "kinds": ("eks",)}, set()),
        ({"q": "ÉTOILE"}, {"j-A"}),
        ({"q": "grösse TEAM"}, {"j-A"}),
        ({"q": "beta\x00"}, {"j-C"}),
        ({"q": "x" * 9_000}, {"v/e"}),
        ({"q": "spark 00f"}, {"00fapp"}),
        ({"q": "emr-7.0.0"}, {"v/e"}),
        ({"q": "210987654321"}, {"j-C"}),
        ({"q": "alpha beta"}, set()),
        ({"q": "  "}, {"j-A", "j-B", "j-C", "v/e", "00fapp"}),
        ({"q": "y" * 10_000}, set()),
    ],
)
def test_what_matches(query, found):
    assert set(ids(**query)) == found


@pytest.mark.parametrize("field", SORTS)
def test_every_order_goes_both_ways_and_is_the_same_each_time(field):
    assert ids(sort=field) == ids(sort=f"-{field}")[::-1]
    assert [one.id for one in Query(sort=field).matching(ROWS[::-1])] == ids(sort=field)


def test_the_newest_come_first_and_what_has_no_date_last():
    assert ids() == ["j-B", "j-A", "v/e", "j-C", "00fapp"]


def test_pages_are_cut_from_what_matches():
    found = Query(sort="name").matching(ROWS)
    assert Query(offset=1, limit=2).page(found) == found[1:3]
    assert Query(offset=4, limit=99).page(found) == found[4:]
    assert Query(offset=99, limit=1).page(found) == []
    assert Query(offset=2).page(found) == found[2:]


@pytest.mark.parametrize(
    "query",
    [
        {"kinds": ("vm",)},
        {"kinds": ("ec2", "x" * 10_000)},
        {"sort": "colour"},
        {"sort": "--name"},
        {"sort": "x" * 10_000},
        {"offset": -1},
        {"limit": 0},
        {"limit": -5},
    ],
)
def test_what_cannot_be_asked_is_refused(query):
    with pytest.raises(ConfigurationError) as caught:
        Query(**query)
    assert caught.value.fix
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("state", ["TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS", "terminated"])
def test_asking_for_a_state_of_the_end_asks_for_what_has_ended(state):
    assert Query(states=(state,)).wants_ended


def test_asking_for_what_lives_does_not():
    assert not Query(states=("WAITING", "ACTIVE")).wants_ended


def test_a_list_whose_region_is_not_known_could_match():
    query = Query(regions=("eu-west-1",), kinds=("ec2",))
    assert query.covers("ec2", None)
    assert query.covers("ec2", "eu-west-1")
    assert not query.covers("ec2", "us-east-1")
    assert not query.covers("eks", "eu-west-1")
