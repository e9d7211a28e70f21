"""What waits to be sent."""

from __future__ import annotations

import asyncio

from jupyter_emr_connect.gateway.connection.send_queue import FULL_BYTES, SendQueue
from jupyter_emr_connect.gateway.protocol.framing import Message


def message(name: str, size: int = 0, channel: str = "shell") -> Message:
    return Message(channel, f'{{"msg_id": "{name}"}}'.encode(), b"{}", b"{}", b"x" * size)


async def test_order_is_kept_and_the_urgent_goes_first() -> None:
    outbox = SendQueue(lambda full: None)
    for name in ("a", "b"):
        outbox.put(message(name))
    looked_at = await outbox.next()
    outbox.put(message("urgent"), first=True)
    assert not outbox.take(looked_at)
    sent = []
    while outbox.ids():
        one = await outbox.next()
        assert outbox.take(one)
        sent.append(one.msg_id)
    assert sent == ["urgent", "a", "b"]


async def test_what_is_not_the_shells_goes_before_and_is_not_held() -> None:
    outbox = SendQueue(lambda full: None)
    outbox.put(message("cell"))
    outbox.put(message("interrupt", channel="control"))
    outbox.put(message("answer", channel="stdin"))
    outbox.hold()
    outbox.put(message("question"), first=True)
    sent = []
    for _ in range(3):
        sent.append((one := await outbox.next()).msg_id)
        assert outbox.take(one)
    assert (sent, outbox.ids()) == (["question", "interrupt", "answer"], ["cell"])
    waiting = asyncio.ensure_future(outbox.next())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    outbox.release()
    assert (await asyncio.wait_for(waiting, 5)).msg_id == "cell"


async def test_it_says_when_it_is_full_and_when_no_longer() -> None:
    told: list[bool] = []
    outbox = SendQueue(told.append)
    large = message("large", FULL_BYTES + 1)
    outbox.put(message("small"))
    outbox.put(large)
    assert told == [True]
    outbox.forget("large")
    assert told == [True, False]
    assert outbox.ids() == ["small"]


async def test_one_who_waits_is_woken() -> None:
    outbox = SendQueue(lambda full: None)
    waiting = asyncio.ensure_future(outbox.next())
    await asyncio.sleep(0)
    outbox.put(message("a"))
    assert (await asyncio.wait_for(waiting, 5)).msg_id == "a"
