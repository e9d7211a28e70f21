"""The identity of a process, and whether it still lives: what owning a kernel rests on."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path

from ...models import Owner

STALE_AFTER_S = 60.0  # without a heartbeat a process elsewhere is taken for dead then
PS_TIMEOUT_S = 5.0
ENDED_STATES = ("Z", "X")  # a killed process whose parent has not asked for its end is no more


def this_process() -> Owner:
    """Return this process as an owner, with an id of its own that no other process ever has."""
    pid = os.getpid()
    return Owner(uuid.uuid4().hex, socket.gethostname(), machine(), pid, started(pid) or "", time.time())


def lives(owner: Owner) -> bool:
    """Say whether the process that wrote this still runs.

    On this machine the system is asked: a process with its pid that began at the same moment. Of another machine, or
    another container, only the heartbeat can tell.
    """
    if owner.host != socket.gethostname() or owner.machine != machine():
        return time.time() - owner.heartbeat_at <= STALE_AFTER_S
    return started(owner.pid) == owner.process_started


def machine() -> str:
    """Return what, beside the host's name, pids hold for: the boot, and the namespace of a container (Linux)."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def started(pid: int) -> str | None:
    """Return when a process began, as text to compare; None when there is none. Fast on Linux (proc(5))."""
    if Path("/proc/self/stat").exists():
        try:
            # The name, in parentheses, may hold anything; field 3 (state) follows it, field 22 is the start.
            state, *rest = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode("ascii").split()
        except (OSError, ValueError):
            return None
        return None if state in ENDED_STATES else rest[18]
    command = ["ps", "-o", "lstart=", "-p", str(int(pid))]
    with suppress(OSError, subprocess.SubprocessError):
        shown = subprocess.run(command, capture_output=True, text=True, timeout=PS_TIMEOUT_S, check=False)  # noqa: S603
        return shown.stdout.strip() or None
    return None
