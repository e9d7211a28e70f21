"""Whether a process elsewhere lives: by its heartbeat as it is seen to change, and not by what its clock says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_emr_connect.models import Owner
from jupyter_emr_connect.services.kernels.processes import STALE_AFTER_S, Heartbeats

OWNER = Owner("o", "far", "m", 1, "1", 1000.0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("beat", [0.0, 1000.0, 1e12])
def test_silence_is_known_after_a_while_whatever_the_time_of_the_last_heartbeat(beat: float) -> None:
    heartbeats = Heartbeats(clock := Clock())
    owner = replace(OWNER, heartbeat_at=beat)
    assert heartbeats.beats(owner) is None
    clock.now = STALE_AFTER_S
    assert heartbeats.beats(owner) is None
    clock.now = STALE_AFTER_S + 0.1
    assert heartbeats.beats(owner) is False


def test_a_change_is_life_also_to_an_earlier_time() -> None:
    heartbeats = Heartbeats(clock := Clock())
    assert heartbeats.beats(OWNER) is None
    clock.now = 5.0
    back = replace(OWNER, heartbeat_at=10.0)
    assert heartbeats.beats(back) is True
    clock.now = 5.0 + STALE_AFTER_S
    assert heartbeats.beats(back) is True
    clock.now += 0.1
    assert heartbeats.beats(back) is False
    assert heartbeats.beats(OWNER) is True  # it was suspended, and goes on


def test_each_owner_is_watched_by_itself() -> None:
    heartbeats = Heartbeats(clock := Clock())
    heartbeats.beats(OWNER)
    clock.now = STALE_AFTER_S + 1
    assert heartbeats.beats(replace(OWNER, id="other")) is None
    assert heartbeats.beats(OWNER) is False
