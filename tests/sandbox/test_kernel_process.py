"""A gateway kernel as a process on the ports of a connection file, as a front end without provisioners starts it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.conftest import Sandbox
from tests.free_ports import free_ports
from tests.sandbox.kernels import attached_to

pytestmark = pytest.mark.sandbox

KERNELSPEC = Path(__file__).parents[2] / "kernels" / "emr-python" / "kernel.json"
WAIT = 60


@pytest.fixture(autouse=True)
def attached(sandbox: Sandbox) -> Iterator[None]:
    with attached_to(sandbox, "open"):
        yield


class Process:
    """The kernel's process, and a client on the ports that were chosen for it before it started."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.file, _ = write_connection_file(str(folder / "kernel-1.json"), key=b"a key", **free_ports())
        argv = json.loads(KERNELSPEC.read_text())["argv"]
        command = [sys.executable, *(word.replace("{connection_file}", self.file) for word in argv[1:])]
        self.process = subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True)
        self.client = BlockingKernelClient(connection_file=self.file)
        self.client.load_connection_file()

    def connect(self, *, ready: bool = True) -> None:
        """Connect once the ports are there, which is before the kernel is; and wait for that when ``ready``."""
        end = time.monotonic() + WAIT
        while True:
            assert self.process.poll() is None, self.ended()
            assert time.monotonic() < end
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.client.hb_port), 1):
                break
            time.sleep(0.05)
        self.client.start_channels()
        while ready:
            try:
                self.client.wait_for_ready(timeout=WAIT)
                break
            except RuntimeError:  # a heartbeat that a busy machine answers after a second is taken for a death
                if self.process.poll() is not None or time.monotonic() > end:
                    raise

    def run(self, code: str, on_text: Callable[[], None] = lambda: None) -> tuple[str, str]:
        """Run a cell; return its status and what it printed. ``on_text`` is called at the first print."""
        said: list[str] = []

        def hook(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                if not said:
                    on_text()
                said.append(message["content"]["text"])

        reply = self.client.execute_interactive(code, output_hook=hook, timeout=WAIT)
        return reply["content"]["status"], "".join(said)

    def ended(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and what was written to stderr."""
        _, said = self.process.communicate(timeout=WAIT)
        return self.process.returncode, said


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start the process in the test's folder; ``env`` is added to this process's."""
    started: list[Process] = []

    def start(**env: str) -> Process:
        started.append(Process(tmp_path, {**os.environ, **env}))
        return started[-1]

    yield start
    for one in started:
        if one.client.channels_running:
            one.client.stop_channels()
        one.process.terminate()
        one.process.communicate(timeout=WAIT)  # also of one that has ended: it closes the pipe


def ledger() -> list[str]:
    return [record.kernel_id for record in Ledger(Database(EMRConnect().state_file)).all() if record.state != "gone"]


def test_it_runs_cells_takes_interrupts_and_its_end_deletes_the_kernel(
    start: Callable[..., Process], on_gateway: Callable[[], set[str]], tmp_path: Path
) -> None:
    (tmp_path / "zmq.py").write_text("raise RuntimeError")  # the notebook's folder may hold any file
    kernel = start()
    kernel.connect()
    assert kernel.run("x = 6 * 7; print(x)") == ("ok", "42\n")
    (remote,) = on_gateway()
    assert remote in ledger()

    def interrupt() -> None:
        kernel.process.send_signal(signal.SIGINT)

    status, said = kernel.run("import time; print('on', flush=True); time.sleep(600)", interrupt)
    assert (status, said) == ("error", "on\n")
    assert kernel.run("print(x)") == ("ok", "42\n")
    kernel.process.terminate()
    assert kernel.ended() == (0, "")
    assert on_gateway() == set()
    assert remote not in ledger()


def test_a_request_to_shut_down_ends_the_process_and_deletes_the_kernel(
    start: Callable[..., Process], on_gateway: Callable[[], set[str]]
) -> None:
    kernel = start()
    kernel.connect()
    kernel.client.shutdown()
    assert kernel.client.get_control_msg(timeout=WAIT)["msg_type"] == "shutdown_reply"
    assert kernel.ended() == (0, "")
    assert on_gateway() == set()


def test_a_process_that_is_asked_to_end_while_the_kernel_starts_leaves_none(
    start: Callable[..., Process], on_gateway: Callable[[], set[str]]
) -> None:
    kernel = start()
    kernel.connect(ready=False)
    kernel.process.terminate()
    code, _ = kernel.ended()
    assert code == 0
    assert on_gateway() == set()


@pytest.mark.parametrize("named", [False, True], ids=["by its directory", "by its notebook"])
def test_it_runs_where_the_folder_of_its_notebook_is_attached_to(
    start: Callable[..., Process], sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """VS Code starts it in the notebook's folder; others say which notebook, and that they are its parent."""
    monkeypatch.delenv("EMR_CONNECT_COMPUTE")
    folder = tmp_path / "work" if named else tmp_path
    folder.mkdir(exist_ok=True)
    assert sandbox.cli("attach", "open", str(folder)).returncode == 0
    env = {"JPY_SESSION_NAME": str(folder / "n.ipynb"), "JPY_PARENT_PID": str(os.getpid())} if named else {}
    try:
        before = ledger()
        start(**env).connect()
        (kernel_id,) = set(ledger()) - set(before)
        record = Ledger(Database(EMRConnect().state_file)).get(kernel_id)
        assert record
        assert (record.compute, record.path) == (sandbox.compute("open")["id"], env.get("JPY_SESSION_NAME"))
    finally:
        sandbox.cli("detach", str(folder))


def test_why_it_does_not_start_is_said_in_plain_words(start: Callable[..., Process]) -> None:
    """A front end shows what a kernel's process wrote to stderr before its end."""
    code, said = start(EMR_CONNECT_COMPUTE="no-such-compute").ended()
    assert code == 1
    assert "no-such-compute" in said
    assert "jupyter emr list" in said
    assert len(said.splitlines()) == 1


def test_a_port_that_is_taken_is_said(start: Callable[..., Process], tmp_path: Path) -> None:
    first = start()
    first.connect()
    command = [sys.executable, "-m", "jupyter_emr_connect.kernel", "-f", first.file, "--kernel", "emr-python"]
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=WAIT)
    assert second.returncode == 1
    assert "Address already in use" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    first.process.terminate()
    assert first.ended() == (0, "")
