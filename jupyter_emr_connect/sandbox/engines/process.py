"""An engine as a child process of the supervisor: start with a deadline, readiness, memory, end.

Used by ``gateway.py`` and ``livy.py``; the front doors hold the ``Engine`` and call ``stop`` and ``rss_mb``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from jupyter_emr_connect.errors import SandboxStartError

GUARD = Path(__file__).with_name("guard.py")
STOP_TIMEOUT_S = 10.0
TAIL_LINES = 12


@dataclass(frozen=True)
class EngineSpec:
    """What to run and how to tell that it is ready.

    ``stdin`` is the command's whole standard input and the only way for a secret to reach it. ``listening`` matches
    the log line by which the engine says its port (group 1). ``probe`` is requested until it is answered with 200;
    ``headers`` go with each probe. ``deadline`` is in seconds.
    """

    name: str
    command: Sequence[str]
    workdir: Path
    environment: Mapping[str, str]
    address: str
    listening: re.Pattern[str]
    probe: str
    stdin: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    deadline: float = 60.0


def minimal_environment(workdir: Path) -> dict[str, str]:
    """Return the environment every engine starts from: nothing of the user's AWS, Jupyter or proxy settings.

    ``HOME`` is the engine's working directory, so that no engine writes into the user's home.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept, "HOME": str(workdir), "TMPDIR": str(workdir / "tmp")}


class Engine:
    """One running engine; ``on_exit`` is called (in the loop) when it ends without ``stop``."""

    def __init__(self, spec: EngineSpec, *, on_exit: Callable[[Engine], None] | None = None) -> None:
        self.spec = spec
        self.on_exit = on_exit
        self.port = 0
        self.started_in = 0.0
        self.log_file = spec.workdir / f"{spec.name}.log"
        self._log_start = 0
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def url(self) -> str:
        """Where the engine listens, without a trailing slash; known once ``start`` has returned."""
        return f"http://{self.spec.address}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the engine's guard is alive."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The process id of the engine's guard, None before the start; the front doors' faults kill below it."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the engine and return once it answers; on failure nothing is left running.

        Raises SandboxStartError with the end of the engine's log.
        """
        begun = time.monotonic()
        self.spec.workdir.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.spec.workdir / "tmp").mkdir(exist_ok=True)
        try:
            await self._spawn()
            await asyncio.wait_for(self._become_ready(), self.spec.deadline)
        except BaseException as error:
            await self.stop()
            if isinstance(error, (asyncio.TimeoutError, TimeoutError)):
                message = f"did not answer within {self.spec.deadline:g} s"
                raise self._failure(message) from error
            if isinstance(error, OSError):
                message = f"could not be started: {error.strerror}"
                raise self._failure(message) from error
            raise
        self.started_in = time.monotonic() - begun
        self._watcher = asyncio.create_task(self._watch(), name=f"watch {self.spec.name}")

    async def stop(self) -> None:
        """End the engine and every descendant; gracefully first, for good after a few seconds. Safe to repeat."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        family = self.processes()
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(asyncio.shield(process.wait()), STOP_TIMEOUT_S)
        except (asyncio.TimeoutError, TimeoutError):
            _kill(family + self.processes())
            await process.wait()

    def rss_mb(self) -> float:
        """Return the resident memory of the engine with its guard and all descendants, in MB (10⁶ bytes)."""
        total = 0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total / 1e6

    def processes(self) -> list[psutil.Process]:
        """Return the guard and every process below it, the engine itself second; empty when nothing runs."""
        if self._process is None or not self.running:
            return []
        try:
            guard = psutil.Process(self._process.pid)
            return [guard, *guard.children(recursive=True)]
        except psutil.Error:
            return []

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last log lines of this run."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(self._log_start, self.log_file.stat().st_size - 65_536))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    async def _spawn(self) -> None:
        descriptor = os.open(self.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self._log_start = os.fstat(descriptor).st_size
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", str(GUARD), "--", *self.spec.command),
                stdin=asyncio.subprocess.PIPE,
                stdout=descriptor,
                stderr=descriptor,
                cwd=self.spec.workdir,
                env=dict(self.spec.environment),
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        if self._process.stdin is None:
            raise BrokenPipeError(32, "no pipe to the guard")
        self._process.stdin.write(b"%d\n%b" % (len(self.spec.stdin), self.spec.stdin))
        with contextlib.suppress(ConnectionError):
            await self._process.stdin.drain()

    async def _become_ready(self) -> None:
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout, headers=dict(self.spec.headers)) as session:
            while True:
                if not self.running:
                    message = "ended while starting"
                    raise self._failure(message)
                if not self.port:
                    self.port = self._find_port()
                if self.port and await self._answers(session):
                    return
                await asyncio.sleep(0.03)

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(self.url + self.spec.probe) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, asyncio.TimeoutError):
            return False

    def _find_port(self) -> int:
        found = self.spec.listening.search(self.tail(400))
        return int(found[1]) if found else 0

    async def _watch(self) -> None:
        if self._process is not None:
            await self._process.wait()
            if not self._stopping and self.on_exit is not None:
                self.on_exit(self)

    def _failure(self, what: str) -> SandboxStartError:
        tail = self.tail()
        return SandboxStartError(
            f"The sandbox's {self.spec.name} {what}." + (f"\nIts last words:\n{tail}" if tail else ""),
            fix=f"See {self.log_file}.",
        )


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
