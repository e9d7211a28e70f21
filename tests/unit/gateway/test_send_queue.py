"""What waits to be sent."""

from __future__ import annotations

import asyncio

from jupyter_emr_connect.gateway.connection.send_queue import FULL_BYTES, SendQueue
from jupyter_emr_connect.gateway.protocol.framing import Message


def message(name: str, size: int = 0, channel: str = "shell") -> Message:
    return Message(channel, f'{{"msg_id": "{name}"}}'.encode(), b"{}", b"{}", b"x" * size)


async def test_order_is_kept_and_the_urgent_goes_first() -> None:
    send_queue = SendQueue(lambda full: None)
    for name in ("a", "b"):
        send_queue.put(message(name))
    looked_at = await send_queue.next()
    send_queue.put(message("urgent"), first=True)
    assert not send_queue.take(looked_at)
    sent = []
    while send_queue.ids():
        one = await send_queue.next()
        assert send_queue.take(one)
        sent.append(one.msg_id)
    assert sent == ["urgent", "a", "b"]


async def test_what_is_not_the_shells_goes_before_and_is_not_held() -> None:
    send_queue = SendQueue(lambda full: None)
    send_queue.put(message("cell"))
    send_queue.put(message("interrupt", channel="control"))
    send_queue.put(message("answer", channel="stdin"))
    send_queue.hold()
    send_queue.put(message("question"), first=True)
    sent = []
    for _ in range(3):
        sent.append((one := await send_queue.next()).msg_id)
        assert send_queue.take(one)
    assert (sent, send_queue.ids()) == (["question", "interrupt", "answer"], ["cell"])
    waiting = asyncio.ensure_future(send_queue.next())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    send_queue.release()
    assert (await asyncio.wait_for(waiting, 30)).msg_id == "cell"


async def test_it_says_when_it_is_full_and_when_no_longer() -> None:
    told: list[bool] = []
    send_queue = SendQueue(told.append)
    large = message("large", FULL_BYTES + 1)
    send_queue.put(message("small"))
    send_queue.put(large)
    assert told == [True]
    send_queue.forget("large")
    assert told == [True, False]
    assert send_queue.ids() == ["small"]


async def test_one_who_waits_is_woken() -> None:
    send_queue = SendQueue(lambda full: None)
    waiting = asyncio.ensure_future(send_queue.next())
    await asyncio.sleep(0)
    send_queue.put(message("a"))
    assert (await asyncio.wait_for(waiting, 30)).msg_id == "a"
