"""Messages that wait, in memory and on the disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_emr_connect.gateway.delivery.reorder_buffer import ReorderBuffer
from jupyter_emr_connect.gateway.protocol.framing import Message
from tests.disks import small_disk


def message(text: str, *buffers: bytes) -> Message:
    return Message("iopub", b'{"msg_id": "a_1"}', b"{}", b"{}", text.encode(), buffers)


@pytest.mark.parametrize("memory", [0, 100, 1_000_000])
def test_they_come_back_by_number_then_as_they_came(memory: int) -> None:
    buffer = ReorderBuffer(memory)
    for number, text in ((3, "c"), (1, "a"), (2, "b"), (2, "b2"), (9, "z" * 500), (4, "d")):
        buffer.add(number, message(text, b"\0\xff" * 10))
    assert len(buffer) == 6
    found = list(buffer.drain())
    assert [bytes(message.content).decode() for message in found] == ["a", "b", "b2", "c", "d", "z" * 500]
    assert all([bytes(part) for part in message.buffers] == [b"\0\xff" * 10] for message in found)
    assert len(buffer) == 0
    buffer.add(1, message("again"))
    assert [bytes(message.content) for message in buffer.drain()] == [b"again"]


@pytest.mark.parametrize("memory", [0, 1_000_000])
def test_another_process_comes_after_the_one_before(memory: int) -> None:
    buffer = ReorderBuffer(memory)
    buffer.add(20, message("b"))
    buffer.add(19, message("a"))
    buffer.start_epoch()
    buffer.add(2, message("d"))
    buffer.add(1, message("c"))
    assert [bytes(message.content) for message in buffer.drain()] == [b"a", b"b", b"c", b"d"]


FULL = """
import errno, resource, signal, sys, tempfile
from jupyter_emr_connect.gateway.protocol.framing import Message
from jupyter_emr_connect.gateway.delivery.reorder_buffer import ReorderBuffer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if len(sys.argv) > 1:
    tempfile.tempdir = sys.argv[1]
else:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
buffer = ReorderBuffer(0)
def message(text): return Message("iopub", b"{}", b"{}", b"{}", text.encode())
buffer.add(1, message("x" * 100))
try:
    buffer.add(2, message("y" * 5000))
except OSError as error:
    print(errno.errorcode[error.errno])
buffer.add(3, message("z" * 100))
print([bytes(message.content[:1]).decode() for message in buffer.drain()])
"""


def run_full(*words: str) -> list[str]:
    run = subprocess.run([sys.executable, "-c", FULL, *words], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_a_file_that_may_not_grow_takes_nothing_and_spoils_nothing() -> None:
    assert run_full() == ["EFBIG", "['x', 'z']"]


def test_a_full_disk_takes_nothing_and_spoils_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=4k") as disk:
        assert run_full(str(disk)) == ["ENOSPC", "['x', 'z']"]
