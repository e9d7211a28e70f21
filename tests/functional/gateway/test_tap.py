"""A kernel's outputs on their way to a receiver on another loop: fast, slow, silent, gone and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from jupyter_emr_connect.gateway.channels import in_process as module
from jupyter_emr_connect.gateway.channels.in_process import LIMIT, InProcessChannel, InProcessChannels
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.protocol.framing import Message

MEGABYTE = b"x" * 1_000_000
WAIT = 20


def numbered(number: int) -> Message:
    return Message("iopub", b'{"msg_id": "k_%d"}' % number, b"{}", b"{}", b"{}", [MEGABYTE])


class Receiver:
    """Takes while it is ``reading``; notes what it got and how much waited at most."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.reading = True
        self.most = 0
        self.changed = asyncio.Event()
        self.tap = InProcessChannel(self.deliver)

    def deliver(self) -> None:
        while self.reading:
            self.most = max(self.most, self.tap._queue.waiting)
            taken = self.tap.take(1)
            if not taken:
                break
            self.got += [int(message.msg_id[2:]) for message in taken]
        self.changed.set()

    async def until(self, count: int) -> None:
        async def enough() -> None:
            while len(self.got) < count:
                self.changed.clear()
                await self.changed.wait()

        await asyncio.wait_for(enough(), WAIT)


def publishing(taps: InProcessChannels, numbers: range) -> Awaitable[int]:
    """Offer messages as a bridge does; returns how many were offered without end of the wait."""

    async def publish() -> int:
        for number in numbers:
            taps.offer(numbered(number))
            await taps.room()
        return len(numbers)

    return asyncio.ensure_future(gateway_loop().call(publish()))


@pytest.fixture
def made() -> Callable[[], Receiver]:
    return Receiver


async def test_a_fast_receiver_gets_all_in_order_and_little_waits(made: Callable[[], Receiver]) -> None:
    taps, receiver = InProcessChannels(), made()
    taps.add(receiver.tap)
    assert await asyncio.wait_for(publishing(taps, range(200)), WAIT) == 200
    await receiver.until(200)
    assert receiver.got == list(range(200))
    assert receiver.most <= LIMIT + 2 * len(MEGABYTE)


async def test_a_slow_receiver_makes_the_kernel_wait_and_loses_nothing(made: Callable[[], Receiver]) -> None:
    taps, receiver = InProcessChannels(), made()
    taps.add(receiver.tap)
    receiver.reading = False
    publisher = publishing(taps, range(100))
    await asyncio.sleep(1)
    assert not publisher.done()
    assert receiver.tap._queue.waiting <= LIMIT + 2 * len(MEGABYTE)
    receiver.reading = True
    receiver.deliver()
    assert await asyncio.wait_for(publisher, WAIT) == 100
    await receiver.until(100)
    assert receiver.got == list(range(100))


async def test_one_that_takes_nothing_stops_no_other_for_long_and_gets_all_later(
    made: Callable[[], Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALL", 0.3)
    taps, silent, other = InProcessChannels(), made(), made()
    taps.add(silent.tap)
    taps.add(other.tap)
    silent.reading = False
    assert await asyncio.wait_for(publishing(taps, range(50)), WAIT) == 50
    await other.until(50)
    silent.reading = True
    silent.deliver()
    assert silent.got == other.got == list(range(50))
    # It reads again, so it is waited for again.
    silent.reading = False
    monkeypatch.setattr(module, "STALL", WAIT * 2)
    publisher = publishing(taps, range(50, 100))
    await asyncio.sleep(0.5)
    assert not publisher.done()
    silent.reading = True
    silent.deliver()
    await asyncio.wait_for(publisher, WAIT)
    await silent.until(100)
    assert silent.got == list(range(100))


async def test_one_that_has_left_finds_on_its_return_what_came(made: Callable[[], Receiver]) -> None:
    taps, receiver = InProcessChannels(), made()
    taps.add(receiver.tap)
    receiver.reading = False
    publisher = publishing(taps, range(60))
    await asyncio.sleep(0.3)
    receiver.tap.leave()
    assert await asyncio.wait_for(publisher, WAIT) == 60
    receiver.reading = True
    receiver.tap.back(receiver.deliver)
    await receiver.until(60)
    assert receiver.got == list(range(60))


async def test_one_that_is_closed_holds_nobody_up(made: Callable[[], Receiver]) -> None:
    taps, receiver = InProcessChannels(), made()
    taps.add(receiver.tap)
    receiver.reading = False
    publisher = publishing(taps, range(60))
    await asyncio.sleep(0.3)
    taps.remove(receiver.tap)
    receiver.tap.close()
    assert await asyncio.wait_for(publisher, WAIT) == 60
    assert receiver.got == []


def reply(number: int) -> Message:
    return Message("shell", b'{"msg_id": "k_%d"}' % number, b"{}", b"{}", b"{}")


async def answered(taps: InProcessChannels, message: Message, *identities: bytes) -> bool:
    """Let a bridge answer the one who asked; returns whether the reply went this way."""

    async def answer() -> bool:
        return taps.answer(message, list(identities))

    return await gateway_loop().call(answer())


async def test_a_reply_goes_to_the_one_who_asked_after_the_outputs_before_it(made: Callable[[], Receiver]) -> None:
    taps, mine, other = InProcessChannels(), made(), made()
    taps.add(mine.tap, b"mine")
    taps.add(other.tap, b"other")
    await publishing(taps, range(2))
    assert await answered(taps, reply(2), b"mine")
    await publishing(taps, range(3, 5))
    await mine.until(5)
    await other.until(4)
    assert (mine.got, other.got) == ([0, 1, 2, 3, 4], [0, 1, 3, 4])


async def test_nobody_else_is_given_a_reply(made: Callable[[], Receiver]) -> None:
    taps, first, second = InProcessChannels(), made(), made()
    taps.add(first.tap, b"mine")
    assert not await answered(taps, reply(0), b"unknown")
    assert not await answered(taps, reply(0))
    taps.add(second.tap, b"mine")  # the same session came back, and its old connection is closed later
    taps.remove(first.tap)
    assert await answered(taps, reply(1), b"mine")
    await second.until(1)
    second.tap.close()
    assert not await answered(taps, reply(2), b"mine")
    assert (first.got, second.got) == ([], [1])


async def test_a_reply_does_not_wait_behind_much_output_or_in_a_file(made: Callable[[], Receiver]) -> None:
    taps, receiver = InProcessChannels(), made()
    taps.add(receiver.tap, b"mine")
    receiver.reading = False
    await publishing(taps, range(1))
    assert not await answered(taps, reply(1), b"mine")
    receiver.reading = True
    receiver.deliver()
    receiver.tap.leave()
    assert not await answered(taps, reply(1), b"mine")
    receiver.tap.back(receiver.deliver)
    assert await answered(taps, reply(1), b"mine")
    await receiver.until(2)
