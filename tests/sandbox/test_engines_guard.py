"""The guard leaves nothing behind: real process trees, ended in every way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jupyter_emr_connect.sandbox.engines.process import GUARD

pytestmark = pytest.mark.sandbox

# A stubborn tree: children in sessions of their own, double-forked daemons, deaf to SIGTERM (the root too if its third
# argument says so); each writes its pid.
TREE = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
folder = sys.argv[1]
def note():
    open(os.path.join(folder, str(os.getpid())), "w").close()
def branch(depth):
    if os.fork() == 0:
        os.setsid()
        if depth:
            branch(depth - 1)
            if depth % 2:
                os._exit(0)
        note()
        time.sleep(300)
        os._exit(0)
note()
branch(3)
branch(0)
if sys.argv[3] != "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
time.sleep(float(sys.argv[2]))
"""
PARENT = """
import subprocess, sys, time
guard = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
guard.stdin.write(b"0\\n"); guard.stdin.flush()
print(guard.pid, flush=True)
time.sleep(300)
"""


def guarded(*command: str) -> list[str]:
    return [sys.executable, "-I", "-S", str(GUARD), "--", *command]


def start(*command: str, secret: bytes = b"", **options: object) -> subprocess.Popen[bytes]:
    guard = subprocess.Popen(guarded(*command), stdin=subprocess.PIPE, **options)  # type: ignore[call-overload]
    assert guard.stdin is not None
    guard.stdin.write(b"%d\n%b" % (len(secret), secret))
    guard.stdin.flush()
    return guard  # type: ignore[no-any-return]


def wait_for_pids(folder: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 10
    while len(list(folder.iterdir())) < count:
        assert time.monotonic() < deadline, "the tree did not grow"
        time.sleep(0.02)
    return [int(path.name) for path in folder.iterdir()]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def assert_all_end(pids: list[int], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while alive(pids):
        assert time.monotonic() < deadline, f"still running: {alive(pids)}"
        time.sleep(0.05)


@pytest.fixture
def pids(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "pids"
    folder.mkdir()
    yield folder
    for path in folder.iterdir():
        if psutil.pid_exists(int(path.name)):
            os.kill(int(path.name), signal.SIGKILL)


def test_kill_9_of_the_parent_ends_a_stubborn_tree(pids: Path) -> None:
    command = guarded(sys.executable, "-c", TREE, str(pids), "300", "deaf")
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *command], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    guard = int(parent.stdout.readline())
    tree = wait_for_pids(pids, 4)
    assert len(alive(tree)) == 4
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert_all_end([*tree, guard], 10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_guard_ends_a_stubborn_tree(pids: Path, number: signal.Signals) -> None:
    guard = start(sys.executable, "-c", TREE, str(pids), "300", "")
    tree = wait_for_pids(pids, 4)
    guard.send_signal(number)
    guard.communicate(timeout=60)
    assert_all_end(tree, 1)


def test_orphans_of_a_command_that_ends_by_itself_are_ended(pids: Path) -> None:
    guard = start(sys.executable, "-c", TREE, str(pids), "0.5", "")
    tree = wait_for_pids(pids, 4)
    assert guard.wait(timeout=60) == 0
    guard.communicate()
    assert_all_end(tree, 1)


def test_kill_9_of_the_guard_itself_ends_the_command() -> None:
    guard = start("/bin/sleep", "300")
    deadline = time.monotonic() + 5
    while not (children := psutil.Process(guard.pid).children()):
        assert time.monotonic() < deadline
    guard.kill()
    guard.communicate()
    assert_all_end([children[0].pid], 5)


@pytest.mark.parametrize(
    ("code", "expected"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_the_exit_code_is_the_commands(code: str, expected: int) -> None:
    guard = start(sys.executable, "-c", code)
    assert guard.wait(timeout=60) == expected  # not by communicate, which closes stdin: the guard's word to end all
    guard.communicate()


def test_a_command_that_cannot_run_says_why() -> None:
    guard = start("/nowhere/java", stderr=subprocess.PIPE)
    assert guard.stderr is not None
    errors = guard.stderr.read()  # its input stays open meanwhile, whose end would end it
    assert guard.wait(10) == 127
    guard.communicate()
    assert errors == b"/nowhere/java: No such file or directory\n"


def test_a_secret_reaches_stdin_and_nothing_else() -> None:
    secret = b"word-of-honour" * 1000
    code = (
        "import sys; data = sys.stdin.buffer.read(); print(len(data)); sys.stdout.flush(); import time; time.sleep(300)"
    )
    guard = start(sys.executable, "-c", code, secret=secret, stdout=subprocess.PIPE)
    assert guard.stdout is not None
    # The command sees the end of its input although the guard's stays open.
    assert guard.stdout.readline() == b"%d\n" % len(secret)
    for process in [psutil.Process(guard.pid), *psutil.Process(guard.pid).children()]:
        assert "word-of-honour" not in " ".join(process.cmdline())
        assert "word-of-honour" not in str(process.environ())
    guard.terminate()
    guard.communicate(timeout=60)


def test_a_gentle_command_has_time_to_clean_up(tmp_path: Path) -> None:
    done = tmp_path / "done"
    code = (
        "import signal, sys, time, pathlib\n"
        "def bye(*_): time.sleep(0.5); pathlib.Path(sys.argv[1]).touch(); sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, bye); print('up', flush=True); time.sleep(300)"
    )
    guard = start(sys.executable, "-c", code, str(done), stdout=subprocess.PIPE)
    assert guard.stdout is not None
    guard.stdout.readline()
    guard.terminate()
    guard.communicate(timeout=60)
    assert guard.returncode == 3
    assert done.exists()


def test_the_guard_is_small() -> None:
    guard = start("/bin/sleep", "300")
    time.sleep(0.5)
    memory = psutil.Process(guard.pid).memory_full_info()
    guard.terminate()
    guard.communicate(timeout=60)
    assert memory.rss < 16e6
    assert memory.uss < 8e6
