"""Commands and Jupyter servers for tests: each in a process of its own, forked from one that has all the imports.

A command so takes some 50 ms instead of a second, a server a third of what it takes, and each is as alone as any
process: arguments, environment, standard streams, exit code and handlers at exit are its own. Tests of a command's
signals, of terminals and of start-up use true processes.
"""

from __future__ import annotations

import atexit
import ctypes
import faulthandler
import functools
import multiprocessing
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

M_MMAP_THRESHOLD = -3  # of glibc's malloc.h


@functools.cache
def _forks() -> Any:
    """Return what forks; its process starts with the first command, wherever the test of that one stands."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.command_imports"])
    folder = Path.cwd()
    os.chdir(Path(__file__).parents[1])  # where `tests` is; a command begins in the folder of its own test
    try:
        forkserver.ensure_running()
    finally:
        os.chdir(folder)
    return context


def run_command(words: Sequence[str], env: Mapping[str, str], timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """Run ``jupyter-emr`` with these words, without input; raises ``TimeoutExpired`` as ``subprocess.run`` does."""
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("out", "err")]
        process = _forks().Process(target=_be_command, args=(list(words), dict(env), [str(path) for path in streams]))
        process.start()
        try:
            process.join(timeout)
            if process.exitcode is None:
                raise subprocess.TimeoutExpired(list(words), timeout, *(path.read_bytes() for path in streams))
        finally:
            process.kill()
        out, err = (path.read_text("utf-8") for path in streams)
        return subprocess.CompletedProcess(list(words), process.exitcode, out, err)


class ServerProcess:
    """A ``jupyter server``, with what tests use of :class:`subprocess.Popen`.

    ``words`` are its options; it writes to ``log``, and says there what its threads are at when SIGABRT ends it.
    """

    def __init__(self, words: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path) -> None:
        self._process = _forks().Process(target=_be_server, args=(list(words), dict(env), str(cwd), str(log)))
        self._process.start()
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        code: int | None = self._process.exitcode
        return code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code; raises ``TimeoutExpired`` as ``subprocess`` does."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("jupyter server", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _be_command(words: list[str], env: dict[str, str], streams: list[str]) -> None:
    """Do in the forked process what the console script does."""
    _become(env, [os.devnull, *streams])
    from jupyter_emr_connect.cli.main import main

    try:
        main(words)
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out; the gateway's event loop has one


def _be_server(words: list[str], env: dict[str, str], cwd: str, log: str) -> None:
    """Do in the forked process what ``jupyter server`` does."""
    os.chdir(cwd)
    _become(env, [os.devnull, log, log])
    if threshold := env.get("MALLOC_MMAP_THRESHOLD_"):  # glibc reads it as a process starts, which this one did before
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, int(threshold))
    faulthandler.enable()
    from jupyter_server.serverapp import main

    try:
        main(words)
    finally:
        atexit._run_exitfuncs()


def _become(env: dict[str, str], streams: list[str]) -> None:
    """Take this environment, and these files as standard input, output and errors."""
    os.environ.clear()
    os.environ.update(env)
    for number, path in enumerate(streams):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
