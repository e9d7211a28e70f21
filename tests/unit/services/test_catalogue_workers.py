"""The catalogue's threads: how many there are, that slow jobs hold up no other, and that they end."""

from __future__ import annotations

import threading

import pytest

from jupyter_emr_connect.services.compute.catalogue import workers as module
from jupyter_emr_connect.services.compute.catalogue.workers import SLOW_SECONDS, Workers
from tests.unit.services.lists import Clock

WAIT = 10.0


class Blocked:
    """Jobs that wait until the test lets them go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def __call__(self) -> None:
        self.begun.release()
        self.go.wait(WAIT)

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.begun.acquire(timeout=WAIT)

    @property
    def more(self) -> bool:
        return self.begun.acquire(timeout=0.05)


def threads(name: str) -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith(f"{name}-")]


def end_of(name: str) -> None:
    for one in threads(name):
        one.join(WAIT)
    assert not threads(name)


@pytest.fixture
def blocked():
    found = Blocked()
    yield found
    found.go.set()


def test_so_many_jobs_run_at_a_time_and_the_others_after_them(blocked):
    workers = Workers(2, "t-some", Clock())
    for _ in range(5):
        workers.submit(blocked)
    blocked.wait_for(2)
    assert not blocked.more
    assert len(threads("t-some")) == 2
    blocked.go.set()
    blocked.wait_for(3)
    workers.close()
    end_of("t-some")


def test_jobs_that_hang_hold_up_no_other(blocked):
    clock, done = Clock(), threading.Event()
    workers = Workers(2, "t-hang", clock)
    workers.submit(blocked)
    workers.submit(blocked)
    blocked.wait_for(2)
    workers.submit(done.set)
    workers.relieve()
    assert not done.wait(0.05)
    clock.now += SLOW_SECONDS
    workers.relieve()
    assert done.wait(WAIT)
    blocked.go.set()
    workers.close()
    end_of("t-hang")


def test_threads_that_hang_do_not_multiply_for_ever(blocked):
    clock = Clock()
    workers = Workers(2, "t-many", clock)
    for number in range(module.MOST_THREADS + 20):
        workers.submit(blocked)
        if number < module.MOST_THREADS:
            blocked.wait_for(1)
        clock.now += SLOW_SECONDS
    assert not blocked.more
    assert len(threads("t-many")) == module.MOST_THREADS
    workers.close()
    blocked.go.set()
    end_of("t-many")


def test_an_idle_thread_is_used_again():
    workers = Workers(4, "t-idle")
    for _ in range(20):
        done = threading.Event()
        workers.submit(done.set)
        assert done.wait(WAIT)
    assert len(threads("t-idle")) <= 2
    workers.close()
    end_of("t-idle")


def test_threads_end_when_there_is_nothing_to_do(monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    workers = Workers(4, "t-end")
    workers.submit(lambda: None)
    end_of("t-end")
    done = threading.Event()
    workers.submit(done.set)
    assert done.wait(WAIT)


def test_a_job_that_fails_takes_no_thread_with_it(caplog):
    workers = Workers(1, "t-fail")
    done = threading.Event()
    workers.submit(lambda: {}["missing"])
    workers.submit(done.set)
    assert done.wait(WAIT)
    assert "A job of the catalogue failed" in caplog.text
    workers.close()
    end_of("t-fail")


def test_what_has_not_begun_is_dropped_at_the_end(blocked):
    workers = Workers(1, "t-close", Clock())
    for _ in range(3):
        workers.submit(blocked)
    blocked.wait_for(1)
    workers.close()
    workers.submit(blocked)
    blocked.go.set()
    end_of("t-close")
    assert not blocked.more
