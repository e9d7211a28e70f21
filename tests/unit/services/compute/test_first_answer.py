"""Asking many places at once."""

from __future__ import annotations

import threading

import pytest

from jupyter_emr_connect.errors import ComputeNotFound
from jupyter_emr_connect.services.compute import first_answer as asking
from jupyter_emr_connect.services.compute.first_answer import ask_all


def test_answers_come_in_the_order_of_the_places():
    assert ask_all(range(50), lambda place: place * 2) == [place * 2 for place in range(50)]
    assert ask_all([], lambda place: place) == []


def test_an_error_of_ours_is_an_answer_and_a_defect_is_raised():
    error = ComputeNotFound("no")

    def question(place):
        if place:
            raise error
        return place

    assert ask_all([0, 1], question) == [0, error]
    with pytest.raises(ZeroDivisionError):
        ask_all([1, 0], lambda place: 1 // place)


def test_a_place_that_hangs_is_not_waited_for_once_it_is_found(monkeypatch):
    monkeypatch.setattr(asking, "GRACE", 0.1)
    go = threading.Event()

    def question(place):
        if place in (0, 2):
            go.wait(30)
        return place

    assert ask_all(range(3), question, found=lambda answer: answer == 1) == [1]
    go.set()


def test_a_place_named_earlier_counts_first():
    second = threading.Event()

    def question(place):
        if place == 0:
            second.wait(30)
        else:
            second.set()
        return place

    assert ask_all([0, 1], question, found=lambda answer: True)[0] == 0


def test_no_more_places_are_asked_once_it_is_found(monkeypatch):
    monkeypatch.setattr(asking, "AT_ONCE", 1)
    asked = []
    assert ask_all(range(100), lambda place: asked.append(place) or place, found=lambda answer: answer == 0) == [0]
    assert len(asked) < 100
