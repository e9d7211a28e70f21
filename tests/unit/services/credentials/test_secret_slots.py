"""Which of a role's secrets is sent when, from the first to the end of the second, on a clock of the test's own."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from jupyter_emr_connect.models import BasicPair
from jupyter_emr_connect.services.credentials.secret_slots import SecretSlot

LIFE_S = 900.0
EARLY_S = 300.0


class Clock:
    """The time, in seconds since 1970, and AWS, which makes pairs that live for :data:`LIFE_S` from it on."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.asked = 0

    def __call__(self) -> float:
        return self.now

    def ask(self) -> BasicPair:
        self.asked += 1
        return BasicPair(f"user-{self.asked}", "password", datetime.fromtimestamp(self.now + LIFE_S, timezone.utc))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slot(clock: Clock) -> SecretSlot[BasicPair]:
    slot: SecretSlot[BasicPair] = SecretSlot("role on j-1", clock=clock)
    slot.renewed(clock.ask, EARLY_S).result()
    return slot


def sent(slot: SecretSlot[BasicPair], clock: Clock) -> str:
    """Return the user of the pair that is sent now; the slot is renewed first where it is due."""
    return (slot.usable(EARLY_S) or slot.renewed(clock.ask, EARLY_S).result()).username


def test_a_secret_is_renewed_before_its_end_and_sent_until_the_next_has_spread(
    slot: SecretSlot[BasicPair], clock: Clock
) -> None:
    clock.now += LIFE_S - EARLY_S - 1
    assert (sent(slot, clock), clock.asked) == ("user-1", 1)
    clock.now += 1
    slot.renewed(clock.ask, EARLY_S).result()
    assert (sent(slot, clock), clock.asked) == ("user-1", 2)
    clock.now += 9
    assert sent(slot, clock) == "user-1"
    clock.now += 1
    assert (sent(slot, clock), clock.asked) == ("user-2", 2)


def test_a_secret_is_renewed_at_half_of_its_life_at_the_latest_early(slot: SecretSlot[BasicPair], clock: Clock) -> None:
    assert slot.due_in(LIFE_S) == LIFE_S / 2
    clock.now += LIFE_S / 2
    assert slot.usable(LIFE_S) is None


def test_a_secret_that_is_about_to_end_is_not_sent_while_another_spreads(
    slot: SecretSlot[BasicPair], clock: Clock
) -> None:
    clock.now += LIFE_S - 1
    slot.renewed(clock.ask, EARLY_S).result()
    assert sent(slot, clock) == "user-2"


def test_a_secret_is_good_until_its_end_or_its_refusal(slot: SecretSlot[BasicPair], clock: Clock) -> None:
    clock.now += LIFE_S - 2
    assert slot.usable(EARLY_S) is None
    assert slot.good() == slot.secret
    clock.now += 1
    assert slot.good() is None
    slot.renewed(clock.ask, EARLY_S).result()
    assert slot.secret is not None
    slot.refuse(slot.secret)
    assert slot.good() is None
    assert slot.due_in(EARLY_S) == 0
