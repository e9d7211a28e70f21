"""The slot of a secret: nobody waits for ever for one that makes no sense, and any loop may let it go."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest

from jupyter_emr_connect.errors import AWSError
from jupyter_emr_connect.services.credentials.secret_slots import RenewalTimings, SecretSlot


@dataclass(frozen=True)
class Token:
    """A secret that is good for ``life`` seconds from when it was made."""

    made: datetime
    life: float

    @property
    def expires_at(self) -> datetime:
        return self.made + timedelta(seconds=self.life)

    def seconds_left(self, now: datetime | None = None) -> float:
        return (self.expires_at - (now or datetime.now(timezone.utc))).total_seconds()


class Holder:
    """A connection that needs the secret."""


def new(life: float = 60.0) -> Token:
    return Token(datetime.now(timezone.utc), life)


@contextmanager
def another_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    loop.set_debug(True)  # it refuses what another thread does to its tasks
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


def wait_until_stopped(loop: asyncio.AbstractEventLoop) -> None:
    while loop.is_running():
        time.sleep(0.01)


async def test_a_secret_that_makes_no_sense_is_an_error_for_those_who_wait() -> None:
    """Its end has no time zone, so that nobody can say how long it is good for."""
    slot: SecretSlot[Token] = SecretSlot("a role")
    renewed: Future[Token] = slot.renewed(lambda: Token(datetime.now(), 60.0), 5.0)
    with pytest.raises(AWSError, match="TypeError"):
        await asyncio.wait_for(asyncio.wrap_future(renewed), 20)


async def test_another_loop_keeps_a_secret_fresh_and_lets_it_go() -> None:
    asked: list[int] = []

    def ask() -> Token:
        asked.append(1)
        return new(0.5)

    slot: SecretSlot[Token] = SecretSlot("a role", RenewalTimings(look_every_s=0.1))
    here, there = Holder(), Holder()
    with another_loop() as loop:

        async def hold() -> None:
            slot.hold(there, ask, 0.25)

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(hold(), loop))
        slot.hold(here, ask, 0.25)
        keeper = slot.keeper
        assert keeper is not None
        assert keeper.get_loop() is loop  # one keeps it for all
        slot.release(there)
        slot.release(here)
        for _ in range(100):
            if keeper.done():
                break
            await asyncio.sleep(0.05)
        assert keeper.cancelled()
    assert slot.keeper is None


async def test_a_secret_whose_keeper_was_on_a_loop_that_has_stopped_is_kept_fresh_by_the_next() -> None:
    renewed = asyncio.Event()
    here, asked = asyncio.get_running_loop(), threading.Event()

    def ask() -> Token:
        if asked.is_set():
            here.call_soon_threadsafe(renewed.set)
        return new(0.5)

    slot: SecretSlot[Token] = SecretSlot("a role", RenewalTimings(look_every_s=0.1))
    owners = Holder(), Holder()
    with another_loop() as loop:

        async def hold() -> None:
            slot.hold(owners[0], ask, 0.25)

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(hold(), loop))
        former = slot.keeper
        assert former is not None
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(wait_until_stopped, loop)
        asked.set()
        slot.hold(owners[1], ask, 0.25)
        await asyncio.wait_for(renewed.wait(), 60)
        keeper = slot.keeper
        assert keeper is not None
        assert keeper.get_loop() is here
        for owner in owners:
            slot.release(owner)
        await asyncio.wait({keeper})
        former.cancel()
        await asyncio.to_thread(loop.run_until_complete, asyncio.gather(former, return_exceptions=True))
    assert keeper.cancelled()


async def test_keeping_it_fresh_survives_what_nobody_foresaw(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[int] = []

    class Odd(Token):
        def seconds_left(self, now: datetime | None = None) -> float:
            if len(asked) == 1 and not slipped:
                slipped.append(1)
                text = "a slip of the clock"
                raise ArithmeticError(text)
            return super().seconds_left(now)

    slipped: list[int] = []

    def ask() -> Token:
        asked.append(1)
        return Token(datetime.now(timezone.utc), 1.2)

    slot: SecretSlot[Token] = SecretSlot(
        "a role", RenewalTimings(first_pause_s=0.1, last_pause_s=0.1, look_every_s=0.1)
    )
    slot.secret = Odd(datetime.now(timezone.utc), 0.0)
    asked.append(1)
    owner = Holder()
    slot.hold(owner, ask, 0.6)
    for _ in range(200):
        if len(asked) >= 2:
            break
        await asyncio.sleep(0.05)
    assert len(asked) >= 2
    assert "a slip of the clock" in caplog.text
    slot.release(owner)
