"""The queue between a kernel's loop and a browser's: order, the file, and what happens when the disk is full."""

from __future__ import annotations

import random

import pytest

from jupyter_emr_connect.gateway.protocol.framing import Message
from jupyter_emr_connect.gateway.protocol.message_queue import MessageQueue


def numbered(number: int, size: int = 10) -> Message:
    return Message("iopub", b'{"msg_id": "k_%d"}' % number, b"{}", b"{}", b'"%s"' % (b"x" * size), [b"b%d" % number])


def number_of(message: Message) -> int:
    assert bytes(message.buffers[0]) == b"b" + message.msg_id[2:].encode()
    return int(message.msg_id[2:])


def emptied(queue: MessageQueue) -> list[int]:
    found: list[int] = []
    while taken := queue.take(1):
        found += map(number_of, taken)
    return found


def test_order_is_kept_whichever_way_each_message_goes() -> None:
    queue, chance = MessageQueue(), random.Random(5)
    put = took = 0
    for _ in range(3000):
        if chance.random() < 0.55:
            assert queue.put(numbered(put), to_file=chance.random() < 0.3)
            put += 1
        else:
            for message in queue.take(chance.choice([1, 500, 5000])):
                assert number_of(message) == took
                took += 1
    assert emptied(queue) == list(range(took, put))
    assert not queue
    assert queue.waiting == 0
    queue.close()


def test_it_says_how_much_waits_and_takes_about_what_is_asked() -> None:
    queue = MessageQueue()
    for number in range(10):
        queue.put(numbered(number, 1000), to_file=number >= 5)
    assert 10_000 < queue.waiting < 12_000
    assert len(queue.take(3000)) == 3
    assert len(queue.take(1)) == 1
    assert queue.waiting < 8000
    queue.close()
    assert not queue
    assert queue.waiting == 0


def test_without_room_on_disk_the_rest_is_lost_and_counted_until_the_file_was_read() -> None:
    queue = MessageQueue(disk_bytes=5000)
    kept = [number for number in range(10) if queue.put(numbered(number, 1000), to_file=True)]
    assert kept == [0, 1, 2, 3]
    assert not queue.put(numbered(99, 1), to_file=True)  # it would fit, but come after what is lost
    assert queue.take_lost() == 0
    assert emptied(queue) == kept
    assert queue.take_lost() == 7
    assert queue.take_lost() == 0
    assert queue.put(numbered(100, 1000), to_file=True)
    assert emptied(queue) == [100]


def test_a_disk_that_is_full_loses_messages_and_no_kernel(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    queue = MessageQueue()
    assert queue.put(numbered(0))
    assert not queue.put(numbered(1), to_file=True)
    assert emptied(queue) == [0]
    assert queue.take_lost() == 1
