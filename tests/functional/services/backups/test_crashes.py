"""Killed at any instant, a server loses no save, and the next one writes none twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

SAVER = Path(__file__).with_name("saver.py")
KILLS = 6


@pytest.mark.slow
def test_a_server_killed_at_random_instants_loses_nothing_and_writes_nothing_twice(folder, bucket):
    dice = random.Random(20261130)
    store = folder.store.file.with_name("state.sqlite")
    for seed in range(KILLS):
        words = [str(folder.root), str(store), folder.config.backup_location, str(seed)]
        process = subprocess.Popen([sys.executable, str(SAVER), *words], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.2 + dice.random())  # whatever it does then
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    folder.begin_anew()
    folder.scan()
    folder.work()
    here = {f"team/{file.name}": file.read_text() for file in folder.root.glob("*.ipynb")}
    assert bucket.puts() > KILLS
    assert {key: bucket.text(key) for key in here} == here
    assert {row.state for row in folder.store.below("")} == {"in S3"}
    for key in sorted(bucket.keys()):
        assert all(former != later for former, later in pairwise(bucket.versions(key)))
    assert folder.scan() == 0
