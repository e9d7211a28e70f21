"""``jupyter-emr`` commands for tests: each in a process of its own, forked from one that has all the imports.

A command so takes some 50 ms instead of a second, and is as alone as any process: arguments, environment, standard
streams, exit code and handlers at exit are its own. Tests of signals, terminals and start-up use true processes.
"""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any


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


def _be_command(words: list[str], env: dict[str, str], streams: list[str]) -> None:
    """Do in the forked process what the console script does."""
    os.environ.clear()
    os.environ.update(env)
    for number, path in ((0, os.devnull), *enumerate(streams, 1)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    from jupyter_emr_connect.cli.main import main

    try:
        main(words)
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out; the gateway's event loop has one
