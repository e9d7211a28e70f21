"""A recording is read in one thread while runs begin in another; what it held is freed by neither of the loops."""

from __future__ import annotations

import json
import logging
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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


def published(number: int, run: str, msg_type: str, **content: Any) -> Message:
    header = {"msg_id": f"k_1_{number}", "msg_type": msg_type, "session": "k"}
    parts = (header, {"msg_id": run}, {}, content)
    return Message("iopub", *(json.dumps(part).encode() for part in parts))


def shown(text: str) -> Message:
    return published(1, "s_1", "stream", name="stdout", text=text)


@pytest.mark.parametrize(
    "let_go",
    [
        pytest.param(lambda recording: recording.release(), id="a front end covers them"),
        pytest.param(lambda recording: recording.saved(list(recording.runs.values())), id="a front end has saved them"),
    ],
)
def test_memory_of_outputs_is_freed_by_a_thread(tmp_path: Path, let_go: Callable[[Recording], None]) -> None:
    """To free hundreds of megabytes takes tens of milliseconds, in which the server's loop would stand still."""
    recording = Recording(tmp_path / "k", limit=10**9, publish=lambda *words: None, log=logging.getLogger(__name__))
    recording.requested(request(1))
    recording.published(shown("text"))
    recording.catch_up()
    outputs = recording.runs["s_1"].outputs
    assert outputs is not None
    (item,) = outputs._items
    freed_by: list[int] = []
    freed = threading.Event()

    def note() -> None:
        freed_by.append(threading.get_ident())
        freed.set()

    weakref.finalize(item, note)
    del item, outputs
    let_go(recording)
    assert freed.wait(60)
    assert freed_by != [threading.get_ident()]
    recording.catch_up()
    assert [run.outputs and run.outputs.nodes() for run in recording.runs.values()] in (
        [],
        [[{"output_type": "stream", "name": "stdout", "text": "text"}]],
    )


def test_what_the_notebook_has_is_written_again_only_if_it_changes(tmp_path: Path) -> None:
    """Also when it is read from the spool again, which goes through all that a cell has shown."""
    recording = Recording(tmp_path / "k", limit=10**9, publish=lambda *words: None, log=logging.getLogger(__name__))
    display = {"data": {"text/plain": "0 %"}, "metadata": {}, "transient": {"display_id": "bar"}}
    recording.requested(request(1))
    recording.published(shown("text"))
    recording.published(published(2, "s_1", "display_data", **display))
    recording.published(published(3, "s_1", "status", execution_state="idle"))
    recording.catch_up()
    run = recording.runs["s_1"]
    run.written = run.version
    recording.settled([run])
    recording.release()
    recording.catch_up()
    assert run.settled

    recording.requested(request(2))
    recording.published(published(4, "s_2", "update_display_data", **display))
    recording.catch_up()
    assert not run.settled
