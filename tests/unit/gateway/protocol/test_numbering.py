"""Numbers that come twice, late, or not at all."""

from __future__ import annotations

import random

import pytest

from jupyter_emr_connect.gateway.protocol.numbering import MessageNumbers, split


@pytest.mark.parametrize(
    ("msg_id", "found"),
    [
        ("5ad8-1f_1434_17", ("5ad8-1f_1434", 17)),
        ("5ad8-1f_3", ("5ad8-1f", 3)),
        ("5ad8-1f", ("5ad8-1f", 0)),
        ("a_b", ("a_b", 0)),
        ("_7", ("_7", 0)),
        ("a_²", ("a_²", 0)),
        ("", ("", 0)),
    ],
)
def test_an_id_is_split_into_prefix_and_number(msg_id: str, found: tuple[str, int]) -> None:
    assert split(msg_id) == found


def test_each_number_counts_once() -> None:
    sequence = MessageNumbers()
    assert [sequence.add("k", n) for n in (5, 6, 6, 8, 7, 7, 5)] == [True, True, False, True, True, False, False]
    assert sequence.missing() == {}
    assert sequence.tops() == {"k": 8}


def test_what_was_overtaken_by_the_first_is_new_once() -> None:
    sequence = MessageNumbers()
    assert [sequence.add("k", n) for n in (5, 4, 4)] == [True, True, False]


def test_unnumbered_messages_are_always_new() -> None:
    sequence = MessageNumbers()
    assert [sequence.add("x", 0), sequence.add("x", 0)] == [True, True]


def test_gaps_are_known_by_their_bounds() -> None:
    sequence = MessageNumbers()
    for n in (1, 10, 5, 20):
        sequence.add("k", n)
    assert sequence.missing() == {"k": [(2, 4), (6, 9), (11, 19)]}
    assert sequence.gap_below("k", 3)
    assert not sequence.gap_below("k", 2)


def test_what_is_forgiven_is_not_missed_and_still_welcome_once() -> None:
    sequence = MessageNumbers()
    for n in (1, 10):
        sequence.add("k", n)
    sequence.forgive({"k": 4, "other": 9})
    assert sequence.missing() == {"k": [(5, 9)]}
    assert [sequence.add("k", 3), sequence.add("k", 3)] == [True, False]


def test_what_is_given_up_is_not_missed_even_before_it_is_overtaken() -> None:
    sequence = MessageNumbers()
    for n in (1, 10):
        sequence.add("k", n)
    sequence.give_up([("k", 4, 6), ("k", 12, 14), ("other", 1, 9)])
    assert sequence.missing() == {"k": [(2, 3), (7, 9), (11, 11)]}
    assert [sequence.add("k", n) for n in (5, 13, 13, 15)] == [True, True, False, True]
    assert sequence.missing() == {"k": [(2, 3), (7, 9), (11, 11)]}


def test_what_lacks_of_a_range_is_what_has_not_come_and_is_waited_for() -> None:
    sequence = MessageNumbers()
    for n in (1, 4, 9):
        sequence.add("k", n)
    sequence.give_up([("k", 6, 6)])
    asked = [("k", 1, 4), ("k", 5, 7), ("k", 8, 12), ("k", 20, 21), ("other", 1, 9)]
    lacks = [("k", 2, 3), ("k", 5, 5), ("k", 7, 7), ("k", 8, 8), ("k", 10, 12), ("k", 20, 21), ("other", 1, 9)]
    assert sequence.lacking(asked) == lacks


def test_prefixes_count_for_themselves() -> None:
    sequence = MessageNumbers()
    assert [sequence.add("k_1", 1), sequence.add("k_2", 1), sequence.add("k_1", 1)] == [True, True, False]


def test_another_process_may_go_on() -> None:
    sequence = MessageNumbers()
    sequence.resume({"k": 100})
    assert [sequence.add("k", n) for n in (100, 7, 101)] == [False, False, True]


@pytest.mark.parametrize("seed", range(20))
def test_any_order_ends_with_nothing_missing(seed: int) -> None:
    chance = random.Random(seed)
    numbers = [*range(1, 200), *chance.choices(range(1, 200), k=100)]
    chance.shuffle(numbers)
    sequence = MessageNumbers()
    new = [n for n in numbers if sequence.add("k", n)]
    assert sorted(new) == list(range(1, 200))
    assert sequence.missing() == {}
