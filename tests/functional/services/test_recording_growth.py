"""A recording is read in one thread while runs begin in another."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_emr_connect.gateway.protocol.framing import Message
from jupyter_emr_connect.services.recording.recording import Recording


def request(number: int) -> Message:
    header = {"msg_id": f"s_{number}", "msg_type": "execute_request", "session": "s"}
    content = {"code": "1", "silent": False}
    return Message("shell", json.dumps(header).encode(), b"{}", b"{}", json.dumps(content).encode())


@pytest.fixture
def threads_change_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_it_is_read_and_released_while_runs_begin(tmp_path: Path, threads_change_often: None) -> None:
    recording = Recording(tmp_path / "k", limit=10**9, publish=lambda *words: None, log=logging.getLogger(__name__))
    for number in range(200):
        recording.requested(request(number))
    ended = threading.Event()

    def begin_others() -> None:
        for number in range(200, 600):
            recording.requested(request(number))
        ended.set()

    thread = threading.Thread(target=begin_others)
    thread.start()
    while not ended.is_set():
        recording.catch_up()
        recording.release()
    thread.join()
    recording.catch_up()
    assert len(recording.runs) == 600
    assert all(run.outputs is not None for run in recording.runs.values())
