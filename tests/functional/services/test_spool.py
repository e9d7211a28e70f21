"""The spool on a real disk: torn at every byte, and with no room left."""

from __future__ import annotations

import json
import os
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_emr_connect.gateway.protocol.framing import Message, encode
from jupyter_emr_connect.gateway.protocol.message_file import MessageFile
from jupyter_emr_connect.services.recording import spool as spools
from jupyter_emr_connect.services.recording.spool import RecordKind, Spool
from tests.disks import small_disk


def message(number: int, text: str = "text") -> Message:
    header = json.dumps({"msg_id": f"k_1_{number}", "msg_type": "stream"}).encode()
    return Message("iopub", header, b"{}", b"{}", json.dumps({"text": text}).encode(), [b"\0\1"])


def ids(spool: Spool) -> list[str]:
    return [found.msg_id for _, found, _ in spool.read(0)]


def test_what_was_appended_is_read_back_also_by_the_next_process(tmp_path):
    spool = Spool(tmp_path / "folder" / "spool")
    assert spool.is_empty
    spool.append(RecordKind.REQUEST, message(1))
    spool.append(RecordKind.PUBLISHED, message(2, "ü" * 100_000))
    found = list(spool.read(0))
    assert [kind for kind, _, _ in found] == [RecordKind.REQUEST, RecordKind.PUBLISHED]
    assert bytes(found[1][1].content) == bytes(message(2, "ü" * 100_000).content)
    assert [bytes(part) for part in found[0][1].buffers] == [b"\0\1"]
    assert [one.msg_id for _, one, _ in spool.read(found[0][2])] == ["k_1_2"]
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.path.parent.stat().st_mode) == 0o700
    spool.close()
    again = Spool(spool.path)
    assert ids(again) == ["k_1_1", "k_1_2"]
    again.clear()
    assert (ids(again), again.is_empty) == ([], True)
    again.append(RecordKind.PUBLISHED, message(3))
    assert ids(again) == ["k_1_3"]
    again.remove()
    assert not spool.path.exists()


def test_two_owners_do_not_write_into_one_file(tmp_path):
    """As where a kernel is taken by force from a server that lives, and shares its folder."""
    former = Spool(tmp_path / "spool")
    former.append(RecordKind.REQUEST, message(1))
    taker = Spool(former.path)
    assert ids(taker) == ["k_1_1"]
    former.append(RecordKind.PUBLISHED, message(2, "the kernel is gone"))
    taker.append(RecordKind.PUBLISHED, message(3))
    assert (ids(former), ids(taker)) == (["k_1_1", "k_1_2"], ["k_1_1", "k_1_3"])
    former.remove()
    taker.close()
    again = Spool(taker.path)
    assert ids(again) == ["k_1_1", "k_1_3"]
    assert list(tmp_path.iterdir()) == [again.path]


def test_a_large_file_is_freed_by_a_thread_and_a_new_one_takes_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(spools, "LARGE_BYTES", 1000)
    cleared: list[MessageFile] = []
    monkeypatch.setattr(MessageFile, "clear", cleared.append)
    spool = Spool(tmp_path / "spool")
    spool.append(RecordKind.PUBLISHED, message(1, "x" * 1000))
    former = os.open(spool.path, os.O_RDONLY)
    spool.clear()
    assert not cleared  # which waits until the disk has freed it all
    assert os.fstat(former).st_size > 1000
    os.close(former)
    assert (ids(spool), spool.is_empty, spool.path.stat().st_size) == ([], True, 0)
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600
    spool.append(RecordKind.PUBLISHED, message(2))
    taker = Spool(spool.path)  # has a copy, since the new file is locked as the former was
    taker.append(RecordKind.PUBLISHED, message(3))
    assert (ids(spool), ids(taker)) == (["k_1_2"], ["k_1_2", "k_1_3"])
    taker.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_that_another_owner_has_replaced_is_cleared_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(spools, "LARGE_BYTES", 1000)
    former = Spool(tmp_path / "spool")
    former.append(RecordKind.PUBLISHED, message(1, "x" * 1000))
    taker = Spool(former.path)
    former.clear()
    assert (ids(former), ids(taker), ids(Spool(former.path))) == ([], ["k_1_1"], ["k_1_1"])


def test_torn_at_every_byte_it_keeps_the_whole_records_and_goes_on(tmp_path):
    whole = Spool(tmp_path / "whole")
    ends = [0]
    for number in range(3):
        whole.append(RecordKind.PUBLISHED, message(number))
        ends.append(whole.size)
    content = whole.path.read_bytes()
    whole.close()
    for length in range(len(content) + 1):
        path = tmp_path / "torn"
        path.write_bytes(content[:length])
        spool = Spool(path)
        kept = sum(1 for end in ends[1:] if end <= length)
        assert ids(spool) == [f"k_1_{number}" for number in range(kept)], length
        spool.append(RecordKind.PUBLISHED, message(9))
        assert ids(spool)[-1] == "k_1_9"
        spool.remove()


@pytest.mark.parametrize("junk", [b"\0" * 5000, b"junk", b"\xff" * 3000])
def test_junk_behind_the_records_is_cut_off(tmp_path, junk):
    spool = Spool(tmp_path / "spool")
    spool.append(RecordKind.PUBLISHED, message(1))
    spool.close()
    with spool.path.open("ab") as file:
        file.write(junk)
    assert ids(Spool(spool.path)) == ["k_1_1"]
    spool.path.write_bytes(junk)
    assert Spool(spool.path).is_empty


def test_a_file_of_an_earlier_version_is_read(tmp_path):
    """As a server that was killed left it: the format, written here by hand, must not change."""
    path = tmp_path / "spool"
    content = b"EMRSPL1\n"
    for kind, number in ((1, 1), (2, 2), (4, 1)):
        frame = encode(message(number), "v1")
        content += struct.pack("<BQ", kind, len(frame)) + frame
    path.write_bytes(content)
    found = [(kind, message.msg_id) for kind, message, _ in Spool(path).read(0)]
    assert found == [(RecordKind.REQUEST, "k_1_1"), (RecordKind.PUBLISHED, "k_1_2"), (RecordKind.SAVED, "k_1_1")]
    assert path.read_bytes() == content


FULL = """
import resource, signal, sys
from pathlib import Path
from tests.functional.services.test_spool import RecordKind, Spool, ids, message
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(Path(sys.argv[1]))
spool.append(RecordKind.PUBLISHED, message(1))
if sys.argv[2] == "disk":
    filler = Path(sys.argv[1]).with_name("filler")
    try:
        filler.write_bytes(b"x" * 100_000)
    except OSError:
        pass
else:
    resource.setrlimit(resource.RLIMIT_FSIZE, (spool.size + 100, resource.RLIM_INFINITY))
try:
    spool.append(RecordKind.PUBLISHED, message(2, "x" * 10_000))
except OSError as error:
    print(error.strerror)
print(ids(spool), spool.path.stat().st_size == spool.size)
if sys.argv[2] == "disk":
    filler.unlink()
else:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spool.append(RecordKind.PUBLISHED, message(3))
print(ids(spool))
"""


def run_full(spool, limit):
    words = [sys.executable, "-c", FULL, str(spool), limit]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[3])
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_file_that_may_not_grow_is_as_before_and_goes_on_when_it_may(tmp_path):
    said = run_full(tmp_path / "spool", "file")
    assert said == ["File too large", "['k_1_1'] True", "['k_1_1', 'k_1_3']"]


def test_on_a_full_disk_the_file_is_as_before_and_goes_on_when_there_is_room(tmp_path):
    with small_disk(tmp_path / "disk", "size=64k") as disk:
        said = run_full(disk / "spool", "disk")
    assert said == ["No space left on device", "['k_1_1'] True", "['k_1_1', 'k_1_3']"]
