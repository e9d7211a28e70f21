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
    held = ReorderBuffer(memory)
    for number, text in ((3, "c"), (1, "a"), (2, "b"), (2, "b2"), (9, "z" * 500), (4, "d")):
        held.add(number, message(text, b"\0\xff" * 10))
    assert len(held) == 6
    found = list(held.drain())
    assert [bytes(one.content).decode() for one in found] == ["a", "b", "b2", "c", "d", "z" * 500]
    assert all([bytes(part) for part in one.buffers] == [b"\0\xff" * 10] for one in found)
    assert len(held) == 0
    held.add(1, message("again"))
    assert [bytes(one.content) for one in held.drain()] == [b"again"]


@pytest.mark.parametrize("memory", [0, 1_000_000])
def test_another_process_comes_after_the_one_before(memory: int) -> None:
    held = ReorderBuffer(memory)
    held.add(20, message("b"))
    held.add(19, message("a"))
    held.start_epoch()
    held.add(2, message("d"))
    held.add(1, message("c"))
    assert [bytes(one.content) for one in held.drain()] == [b"a", b"b", b"c", b"d"]


FULL = """
import errno, resource, signal, sys, tempfile
from jupyter_emr_connect.gateway.protocol.framing import Message
from jupyter_emr_connect.gateway.delivery.reorder_buffer import ReorderBuffer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if len(sys.argv) > 1:
    tempfile.tempdir = sys.argv[1]
else:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
held = ReorderBuffer(0)
def message(text): return Message("iopub", b"{}", b"{}", b"{}", text.encode())
held.add(1, message("x" * 100))
try:
    held.add(2, message("y" * 5000))
except OSError as error:
    print(errno.errorcode[error.errno])
held.add(3, message("z" * 100))
print([bytes(one.content[:1]).decode() for one in held.drain()])
"""


def run_full(*words: str) -> list[str]:
    run = subprocess.run([sys.executable, "-c", FULL, *words], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_a_file_that_may_not_grow_takes_nothing_and_spoils_nothing() -> None:
    assert run_full() == ["EFBIG", "['x', 'z']"]


def test_a_full_disk_takes_nothing_and_spoils_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=4k") as disk:
        assert run_full(str(disk)) == ["ENOSPC", "['x', 'z']"]
