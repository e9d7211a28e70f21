"""What IAM answered is kept for five minutes."""

from __future__ import annotations

from jupyter_emr_connect.services.roles.answer_cache import MAX_ANSWERS, AnswerCache


def test_values_are_forgotten_in_time():
    now = [0.0]
    memory = AnswerCache(300, lambda: now[0])
    memory.put("key", "value")
    now[0] = 299
    assert memory.get("key") == "value"
    now[0] = 301
    assert memory.get("key") is None


def test_the_oldest_make_room():
    memory = AnswerCache(300, lambda: 0.0)
    for number in range(MAX_ANSWERS + 1):
        memory.put(number, number)
    assert memory.get(0) is None
    assert memory.get(1) == 1
    assert memory.get(MAX_ANSWERS) == MAX_ANSWERS
