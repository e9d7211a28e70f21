"""A kernel's outputs on their way to a receiver on another loop: fast, slow, silent, gone and back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

import pytest

from jupyter_emr_connect.gateway.channels.in_process import LIMIT_BYTES, STALL_S, InProcessChannel, InProcessChannels
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.protocol.framing import Message

MEGABYTE = b"x" * 1_000_000
WAIT = 20


def numbered(number: int) -> Message:
    return Message("iopub", b'{"msg_id": "k_%d"}' % number, b"{}", b"{}", b"{}", [MEGABYTE])


class Receiver:
    """Takes while it is ``reading``; notes what it got and how much waited at most."""

    def __init__(self, stall_s: float = STALL_S) -> None:
        self.got: list[int] = []
        self.reading = True
        self.most = 0
        self.changed = asyncio.Event()
        self.channel = InProcessChannel(self.deliver, stall_s=stall_s)

    def deliver(self) -> None:
        while self.reading:
            self.most = max(self.most, self.channel._queue.waiting)
            taken = self.channel.take(1)
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


def publishing(channels: InProcessChannels, numbers: range) -> Awaitable[int]:
    """Offer messages as a bridge does; returns how many were offered without end of the wait."""

    async def publish() -> int:
        for number in numbers:
            channels.offer(numbered(number))
            await channels.room()
        return len(numbers)

    return asyncio.ensure_future(gateway_loop().call(publish()))


async def test_a_fast_receiver_gets_all_in_order_and_little_waits() -> None:
    channels, receiver = InProcessChannels(), Receiver()
    channels.add(receiver.channel)
    assert await asyncio.wait_for(publishing(channels, range(200)), WAIT) == 200
    await receiver.until(200)
    assert receiver.got == list(range(200))
    assert receiver.most <= LIMIT_BYTES + 2 * len(MEGABYTE)


async def test_a_slow_receiver_makes_the_kernel_wait_and_loses_nothing() -> None:
    channels, receiver = InProcessChannels(), Receiver()
    channels.add(receiver.channel)
    receiver.reading = False
    publisher = publishing(channels, range(100))
    await asyncio.sleep(1)
    assert not publisher.done()
    assert receiver.channel._queue.waiting <= LIMIT_BYTES + 2 * len(MEGABYTE)
    receiver.reading = True
    receiver.deliver()
    assert await asyncio.wait_for(publisher, WAIT) == 100
    await receiver.until(100)
    assert receiver.got == list(range(100))


async def test_one_that_takes_nothing_stops_no_other_for_long_and_gets_all_later() -> None:
    channels, silent, other = InProcessChannels(), Receiver(stall_s=0.3), Receiver()
    channels.add(silent.channel)
    channels.add(other.channel)
    silent.reading = False
    assert await asyncio.wait_for(publishing(channels, range(50)), WAIT) == 50
    await other.until(50)
    silent.reading = True
    silent.deliver()
    assert silent.got == other.got == list(range(50))
    # It reads again, so it is waited for again.
    silent.reading = False
    silent.channel.stall_s = WAIT * 2
    publisher = publishing(channels, range(50, 100))
    await asyncio.sleep(0.5)
    assert not publisher.done()
    silent.reading = True
    silent.deliver()
    await asyncio.wait_for(publisher, WAIT)
    await silent.until(100)
    assert silent.got == list(range(100))


@pytest.mark.slow
async def test_many_that_take_nothing_hold_up_no_longer_than_one() -> None:
    """A laptop that sleeps with ten tabs: a gateway hangs up on who reads nothing for 90 s."""
    channels, other = InProcessChannels(), Receiver()
    for _ in range(10):
        silent = Receiver(stall_s=2)
        silent.reading = False
        channels.add(silent.channel)
    channels.add(other.channel)
    begun = time.monotonic()
    assert await asyncio.wait_for(publishing(channels, range(20)), WAIT) == 20
    assert time.monotonic() - begun < 10  # one after the other would take 20
    await other.until(20)


async def test_one_that_has_left_finds_on_its_return_what_came() -> None:
    channels, receiver = InProcessChannels(), Receiver()
    channels.add(receiver.channel)
    receiver.reading = False
    publisher = publishing(channels, range(60))
    await asyncio.sleep(0.3)
    receiver.channel.leave()
    assert await asyncio.wait_for(publisher, WAIT) == 60
    receiver.reading = True
    receiver.channel.back(receiver.deliver)
    await receiver.until(60)
    assert receiver.got == list(range(60))


async def test_one_that_is_closed_holds_nobody_up() -> None:
    channels, receiver = InProcessChannels(), Receiver()
    channels.add(receiver.channel)
    receiver.reading = False
    publisher = publishing(channels, range(60))
    await asyncio.sleep(0.3)
    channels.remove(receiver.channel)
    receiver.channel.close()
    assert await asyncio.wait_for(publisher, WAIT) == 60
    assert receiver.got == []


def reply(number: int) -> Message:
    return Message("shell", b'{"msg_id": "k_%d"}' % number, b"{}", b"{}", b"{}")


async def answered(channels: InProcessChannels, message: Message, *identities: bytes) -> bool:
    """Let a bridge answer the one who asked; returns whether the reply went this way."""

    async def answer() -> bool:
        return channels.answer(message, list(identities))

    return await gateway_loop().call(answer())


async def test_a_reply_goes_to_the_one_who_asked_after_the_outputs_before_it() -> None:
    channels, mine, other = InProcessChannels(), Receiver(), Receiver()
    channels.add(mine.channel, b"mine")
    channels.add(other.channel, b"other")
    await publishing(channels, range(2))
    assert await answered(channels, reply(2), b"mine")
    await publishing(channels, range(3, 5))
    await mine.until(5)
    await other.until(4)
    assert (mine.got, other.got) == ([0, 1, 2, 3, 4], [0, 1, 3, 4])


async def test_nobody_else_is_given_a_reply() -> None:
    channels, first, second = InProcessChannels(), Receiver(), Receiver()
    channels.add(first.channel, b"mine")
    assert not await answered(channels, reply(0), b"unknown")
    assert not await answered(channels, reply(0))
    channels.add(second.channel, b"mine")  # the same session came back, and its old connection is closed later
    channels.remove(first.channel)
    assert await answered(channels, reply(1), b"mine")
    await second.until(1)
    second.channel.close()
    assert not await answered(channels, reply(2), b"mine")
    assert (first.got, second.got) == ([], [1])


async def test_a_reply_does_not_wait_behind_much_output_or_in_a_file() -> None:
    channels, receiver = InProcessChannels(), Receiver()
    channels.add(receiver.channel, b"mine")
    receiver.reading = False
    await publishing(channels, range(1))
    assert not await answered(channels, reply(1), b"mine")
    receiver.reading = True
    receiver.deliver()
    receiver.channel.leave()
    assert not await answered(channels, reply(1), b"mine")
    receiver.channel.back(receiver.deliver)
    assert await answered(channels, reply(1), b"mine")
    await receiver.until(2)


async def test_the_end_is_told_once_all_that_came_is_taken() -> None:
    channels, receiver = InProcessChannels(), Receiver()
    channels.add(receiver.channel)
    receiver.reading = False
    await asyncio.wait_for(publishing(channels, range(3)), WAIT)
    assert not receiver.channel.is_over

    async def end() -> None:
        channels.end()

    await gateway_loop().call(end())
    assert not receiver.channel.is_over
    receiver.reading = True
    receiver.deliver()
    assert receiver.got == [0, 1, 2]
    assert receiver.channel.is_over
