"""Large folders and large files: renamed, and sent."""

from __future__ import annotations

import os
import time

import pytest

from jupyter_emr_connect.services.backups.noting import FileChange
from tests.functional.services.backups.conftest import notebook_of

pytestmark = [pytest.mark.slow, pytest.mark.full, pytest.mark.faults]


@pytest.mark.timeout(1200)
def test_a_large_folder_is_renamed(folder, writer, bucket, soak):
    count = soak.choose(100, 2000)
    for number in range(count):
        folder.write(f"old/{number}.ipynb", notebook_of(str(number)))
    folder.scan()
    folder.work()
    (folder.root / "old").rename(folder.root / "new")
    began = time.monotonic()
    writer.take(FileChange("rename", "new", "old"))
    assert writer.settled(300)
    noted = time.monotonic() - began
    puts = bucket.puts()
    folder.work()
    assert bucket.keys() == {f"team/new/{number}.ipynb" for number in range(count)}
    assert bucket.puts() - puts == count
    assert {row.state for row in folder.store.below("")} == {"in S3"}
    soak.note(f"a folder of {count} notebooks renamed: noted in {noted:.1f} s, each under its new name alone")


@pytest.mark.timeout(1200)
def test_a_large_file_is_sent_whole(folder, bucket, cloud, soak):
    megabytes = soak.choose(80, 300)
    file = folder.root / "large.ipynb"
    file.write_bytes(os.urandom(1 << 20) * megabytes)
    folder.scan()
    folder.work()
    assert folder.state("large.ipynb")["state"] == "in S3"
    download = folder.worker.uploader().bucket.get("team/large.ipynb")
    assert download.version.size == megabytes << 20
    with file.open("rb") as opened:
        assert all(chunk == opened.read(len(chunk)) for chunk in download)
    assert folder.scan() == 0
    soak.note(f"a notebook of {megabytes} MB sent whole, in {cloud.calls('UploadPart')} parts")
