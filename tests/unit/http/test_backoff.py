"""Pauses between attempts that fail."""

from __future__ import annotations

from jupyter_emr_connect.http.backoff import Backoff


def test_pauses_double_up_to_the_last_and_begin_anew() -> None:
    backoff = Backoff(0.25, 4.0)
    assert [backoff.next() for _ in range(7)] == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    backoff.reset()
    assert backoff.next() == 0.25
    slow = Backoff(1.0, 1.5, factor=1.25)
    assert [slow.next() for _ in range(3)] == [1.0, 1.25, 1.5]


def test_jitter_spreads_a_pause_around_itself() -> None:
    pauses = [Backoff(10.0, 10.0, jitter=0.25).next() for _ in range(200)]
    assert min(pauses) >= 7.5
    assert max(pauses) <= 12.5
    assert max(pauses) - min(pauses) > 2


def test_the_next_attempt_is_due_when_the_pause_is_over() -> None:
    now = [100.0]
    backoff = Backoff(2.0, 20.0, clock=lambda: now[0])
    assert backoff.left() == 0
    backoff.next()
    now[0] += 1.5
    assert backoff.left() == 0.5
    now[0] += 1.0
    assert backoff.left() == 0
    backoff.next()
    backoff.reset()
    assert backoff.left() == 0
