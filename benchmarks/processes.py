"""The Jupyter servers of a benchmark, and what one of them costs: CPU seconds and memory of that process alone."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import psutil

LIMITLESS = "1000000000000"


@contextmanager
def jupyter_server(
    *words: str, extension: bool = True, python: str = sys.executable
) -> Iterator[tuple[psutil.Process, str]]:
    """Run a Jupyter server on a free port; yields its process and address. It never throws output away."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    limits = [f"--ZMQChannelsWebsocketConnection.iopub_{kind}_rate_limit={LIMITLESS}" for kind in ("data", "msg")]
    common = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    access = ["--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", "--ServerApp.password="]
    loaded = f"--ServerApp.jpserver_extensions=jupyter_emr_connect={extension}"
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        state = f"--EMRConnect.state_file={folder}/state.sqlite"
        command = [python, "-m", "jupyter_server", *common, *access, *limits, loaded, state, *words]
        process = subprocess.Popen(command, cwd=folder, stderr=log, stdout=log)
        try:
            yield psutil.Process(process.pid), f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def cpu(process: psutil.Process) -> float:
    """Return the CPU seconds that a process has taken, user and system."""
    times = process.cpu_times()
    return float(times.user + times.system)


class Peak:
    """A thread that looks at a process's resident memory every 5 ms; ``added`` is the most above the beginning."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._begin = self._most = process.memory_info().rss
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def added(self) -> float:
        """Megabytes."""
        return (self._most - self._begin) / 1e6

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            self._most = max(self._most, self._process.memory_info().rss)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()


def quiet(seconds: float, process: psutil.Process) -> tuple[float, float]:
    """Leave a process alone for some seconds; return its share of one core and its resident bytes then."""
    begun, spent = time.monotonic(), cpu(process)
    time.sleep(seconds)
    return (cpu(process) - spent) / (time.monotonic() - begun), float(process.memory_info().rss)
