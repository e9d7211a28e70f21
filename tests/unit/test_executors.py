"""Threads for calls that block: how many there are, that slow calls hold up no other, that they end, and forks."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager

import pytest

from jupyter_emr_connect.executors import AWS, DNS, FILES, LEDGER, DaemonExecutor, run_in

WAIT = 10.0
SLOW = 2.0


class Clock:
    """Seconds that a test turns by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Blocked:
    """Calls that wait until the test lets them go."""

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
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"{name}-")]


def end_of(name: str) -> None:
    for thread in threads(name):
        thread.join(WAIT)
    assert not threads(name)


@contextmanager
def no_new_threads() -> Iterator[None]:
    """Let the system start no thread, as without memory for one: each is to have more than there are addresses."""
    before = threading.stack_size(1 << 50)
    try:
        yield
    finally:
        threading.stack_size(before)


@pytest.fixture
def blocked():
    calls = Blocked()
    yield calls
    calls.go.set()


def test_so_many_calls_run_at_a_time_and_the_others_after_them(blocked):
    executor = DaemonExecutor(2, "t-some")
    for _ in range(5):
        executor.submit(blocked)
    blocked.wait_for(2)
    assert not blocked.more
    assert len(threads("t-some")) == 2
    assert all(thread.daemon for thread in threads("t-some"))
    blocked.go.set()
    blocked.wait_for(3)
    executor.shutdown()
    end_of("t-some")


def test_calls_that_hang_hold_up_no_other(blocked):
    clock, done = Clock(), threading.Event()
    executor = DaemonExecutor(2, "t-hang", slow_after_s=SLOW, max_threads=8, clock=clock)
    executor.submit(blocked)
    executor.submit(blocked)
    blocked.wait_for(2)
    executor.submit(done.set)
    executor.relieve()
    assert not done.wait(0.05)
    clock.now += SLOW
    executor.relieve()
    assert done.wait(WAIT)
    blocked.go.set()
    executor.shutdown()
    end_of("t-hang")


def test_threads_that_hang_do_not_multiply_for_ever(blocked):
    clock, most = Clock(), 64
    executor = DaemonExecutor(2, "t-many", slow_after_s=SLOW, max_threads=most, clock=clock)
    for number in range(most + 20):
        executor.submit(blocked)
        if number < most:
            blocked.wait_for(1)
        clock.now += SLOW
    assert not blocked.more
    assert len(threads("t-many")) == most
    executor.shutdown(wait=False, cancel_futures=True)
    blocked.go.set()
    end_of("t-many")


def test_an_idle_thread_is_used_again():
    executor = DaemonExecutor(4, "t-idle")
    for number in range(20):
        assert executor.submit(lambda number=number: number).result(WAIT) == number
    assert len(threads("t-idle")) <= 2
    executor.shutdown()
    end_of("t-idle")


def test_threads_end_when_there_is_nothing_to_do():
    executor = DaemonExecutor(4, "t-end", idle_s=0.05)
    executor.submit(lambda: None)
    end_of("t-end")
    assert executor.submit(lambda: 1).result(WAIT) == 1


def test_a_call_that_fails_says_so_and_takes_no_thread_with_it():
    executor = DaemonExecutor(1, "t-fail")
    failed = executor.submit(lambda: {}["missing"])
    assert executor.submit(lambda: 1).result(WAIT) == 1
    with pytest.raises(KeyError):
        failed.result(WAIT)
    executor.shutdown()
    end_of("t-fail")


def test_what_has_not_begun_is_dropped_at_the_end(blocked):
    executor = DaemonExecutor(1, "t-close")
    first, *others = [executor.submit(blocked) for _ in range(3)]
    blocked.wait_for(1)
    executor.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(blocked)
    for other in others:
        with pytest.raises(CancelledError):
            other.result(WAIT)
    executor.shutdown(timeout=0.05)
    assert not first.done()
    blocked.go.set()
    executor.shutdown(timeout=WAIT)
    end_of("t-close")
    assert first.done()
    assert not blocked.more


def test_a_call_that_no_thread_can_be_started_for_is_refused_and_never_made():
    """Whoever is refused may make the call itself, which would then be made twice."""
    executor, made = DaemonExecutor(1, "t-none"), []
    with no_new_threads(), pytest.raises(RuntimeError):
        executor.submit(made.append, "refused")
    executor.submit(made.append, "taken").result(WAIT)
    assert made == ["taken"]
    executor.shutdown()
    end_of("t-none")


def test_a_call_that_a_thread_will_still_make_is_not_refused(blocked):
    """It is made once, by a thread that is there, though no other can be started."""
    executor, made = DaemonExecutor(2, "t-one"), []
    executor.submit(blocked)
    blocked.wait_for(1)
    with no_new_threads():
        taken = executor.submit(made.append, "taken")
    blocked.go.set()
    taken.result(WAIT)
    assert made == ["taken"]
    executor.shutdown()
    end_of("t-one")


async def test_a_call_that_nobody_waits_for_any_more_is_never_made(blocked):
    executor = DaemonExecutor(1, "t-leave")
    executor.submit(blocked)
    made: list[int] = []
    waiting = asyncio.ensure_future(run_in(executor, made.append, 1))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    blocked.go.set()
    assert await run_in(executor, lambda: made) == []
    executor.shutdown()


async def test_a_call_sees_the_callers_context():
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(1)
    executor = DaemonExecutor(1, "t-context")
    assert await run_in(executor, variable.get) == 1
    executor.shutdown()


@pytest.mark.parametrize("hanging", [LEDGER, DNS, AWS, FILES])
async def test_no_kind_of_call_queues_behind_another_that_hangs(blocked, hanging):
    for _ in range(100):
        hanging.submit(blocked)
    for executor in {LEDGER, DNS, AWS, FILES} - {hanging}:
        assert await asyncio.wait_for(run_in(executor, lambda: 1), WAIT) == 1
    blocked.go.set()


FORKED = """
import os, threading
from jupyter_emr_connect.executors import DaemonExecutor
executor, begun = DaemonExecutor(1, "t-fork"), threading.Event()
executor.submit(lambda: begun.set() or threading.Event().wait())
begun.wait()
child = os.fork()
if child == 0:
    os._exit(executor.submit(lambda: 7).result(10))
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_has_threads_of_its_own():
    assert subprocess.run([sys.executable, "-c", FORKED], timeout=60, check=False).returncode == 7


def test_a_process_ends_without_waiting_for_a_call_that_hangs():
    script = """
import threading
from jupyter_emr_connect.executors import AWS
begun = threading.Event()
AWS.submit(lambda: begun.set() or threading.Event().wait())
begun.wait()
"""
    subprocess.run([sys.executable, "-c", script], timeout=60, check=True)
