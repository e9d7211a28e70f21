"""Keeps one engine, and leaves none of its descendants behind, whatever happens.

Run by ``process.Engine`` as ``python -I -S guard.py -- command…`` between the sandbox's supervisor and the engine.
Only the standard library, few imports: one of these lives beside each engine.

Protocol on stdin: a line with a number N, then N bytes, which become the command's whole stdin (secrets travel this
way), then silence. End of file means that the supervisor is gone, even by ``kill -9``. On that, on SIGTERM, SIGINT or
SIGHUP, and when the command ends, every descendant is ended: first SIGTERM to the command with ``GRACE_S`` seconds to
obey, then SIGKILL to whatever is left. As a child subreaper (prctl(2), Linux ≥ 3.4) the guard inherits processes that
detach themselves: gateway kernels live in sessions of their own, Livy's drivers start Python children.

Exit code: the command's own; 128 + n when signal n ended it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE_S = 5.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _read_secret() -> bytes:
    """Read the announced bytes from stdin, unbuffered so that nothing past them is swallowed."""
    digits = b""
    while not digits.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            raise SystemExit(1)
        digits += byte
    missing, parts = int(digits), []
    while missing:
        chunk = os.read(0, missing)
        if not chunk:
            raise SystemExit(1)
        parts.append(chunk)
        missing -= len(chunk)
    return b"".join(parts)


def _start(command: list[str], secret: bytes) -> int:
    """Fork and exec the command with ``secret`` as its stdin; return its pid."""
    reader, writer = os.pipe()
    guard = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != guard:
                os._exit(1)
            os.setsid()
            os.dup2(reader, 0)
            os.closerange(3, 256)
            for number in (*STOP_SIGNALS, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, set())
            os.execv(command[0], command)  # noqa: S606 - no shell is the point
        except OSError as error:
            os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(127)
    os.close(reader)
    # A child that dies before it reads must not take the guard with it.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:  # noqa: SIM105 - contextlib would double the guard's imports
        os.write(writer, secret)
    except BrokenPipeError:
        pass
    os.close(writer)
    return pid


def _descendants() -> list[int]:
    """Return the pids below this process, by the parent field of /proc/<pid>/stat (proc(5)); zombies too."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would double the guard's memory
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    todo = [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            continue


def _reap(command: int, status: int | None) -> int | None:
    """Collect ended children, adopted ones too; return the command's wait status once it is known."""
    while True:
        try:
            pid, result = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == command:
            status = result


def _end_all(command: int, status: int | None) -> int | None:
    """End the command gently, then everything else for good; return the command's wait status."""
    deadline = time.monotonic() + GRACE_S
    if status is None:
        _signal_all([command], signal.SIGTERM)
    while status is None and time.monotonic() < deadline:
        time.sleep(0.02)
        status = _reap(command, status)
    # New children may be forked while we kill: their orphans come to us, so repeat until none is left.
    while left := _descendants():
        _signal_all(left, signal.SIGKILL)
        status = _reap(command, status)
        time.sleep(0.01)
    return status


def _watch(command: int, wake: int) -> int | None:
    """Return when it is time to end: with the command's status, or None when the guard was told to stop."""
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    poll.register(wake, select.POLLIN)
    status: int | None = None
    while status is None:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if wake in ready and set(os.read(wake, 512)) & {int(number) for number in STOP_SIGNALS}:
            return None
        if 0 in ready and not os.read(0, 512):
            return None
        status = _reap(command, status)
    return status


def main(argv: list[str]) -> int:
    """Guard the command after ``--``; see the module's text."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    wake, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    for number in (*STOP_SIGNALS, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    command = _start(argv[argv.index("--") + 1 :], _read_secret())
    status = _end_all(command, _watch(command, wake))
    code = os.waitstatus_to_exitcode(status) if status is not None else 1
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv))
