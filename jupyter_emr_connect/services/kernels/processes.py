"""The identity of a process, and whether it still lives: what owning a kernel rests on."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...models import Owner

STALE_AFTER_S = 30.0  # a process elsewhere is taken for dead whose heartbeat was seen not to change for so long
CLOCKS_DIFFER_S = 300.0  # by which, at most, the clock of another machine is thought to be wrong where one must guess
PS_TIMEOUT_S = 5.0
ENDED_STATES = ("Z", "X")  # a killed process whose parent has not asked for its end is no more


def this_process() -> Owner:
    """Return this process as an owner, with an id of its own that no other process ever has."""
    pid = os.getpid()
    return Owner(uuid.uuid4().hex, socket.gethostname(), machine(), pid, started(pid) or "", time.time())


class Heartbeats:
    """What this process has seen of the heartbeats of others, by its own ``clock``: theirs may be wrong.

    Used from any thread.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, float, bool]] = {}  # its value, since when, whether it was seen to change

    def beats(self, owner: Owner) -> bool | None:
        """Say whether a heartbeat goes on; None while it was not watched for long enough to tell."""
        now = self._clock()
        value, since, changed = self._seen.get(owner.id, (None, now, False))
        if value != owner.heartbeat_at:
            since, changed = now, value is not None
            self._seen[owner.id] = (owner.heartbeat_at, since, changed)
        if now - since > STALE_AFTER_S:
            return False
        return changed or None


_heartbeats = Heartbeats()


def is_elsewhere(owner: Owner) -> bool:
    """Say whether a process is, or was, on another machine, or in another container or boot of this one."""
    return (owner.host, owner.machine) != (socket.gethostname(), machine())


def is_alive(owner: Owner) -> bool | None:
    """Say whether the process that wrote this still runs; None while that is not known yet.

    On this machine the system is asked: a process with its pid that began at the same moment. Elsewhere only its
    heartbeat can tell, by being seen to change: ask again with what the ledger says then, until it is known, for at
    most :data:`STALE_AFTER_S`.
    """
    return _heartbeats.beats(owner) if is_elsewhere(owner) else started(owner.pid) == owner.process_started


def lives(owner: Owner) -> bool:
    """Say whether a process may still run: nothing may be taken from one of which that is not known."""
    return is_alive(owner) is not False


def seems_alive(owner: Owner) -> bool:
    """Say whether a process seems to run, to show it to people at once; clocks are trusted where nothing is known."""
    alive = is_alive(owner)
    return abs(time.time() - owner.heartbeat_at) < CLOCKS_DIFFER_S if alive is None else alive


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
