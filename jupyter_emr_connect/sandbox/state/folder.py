"""The folder of one running sandbox: its lock, its control socket, its log, and the files that clients use.

``<Jupyter's runtime folder>/emr-connect/sandbox/<name>/``, mode 0700. Whoever holds the lock is the sandbox of that
name; what lies in the folder without a holder is the rest of a sandbox that was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from jupyter_core.paths import jupyter_runtime_dir

from ...errors import ConfigurationError, SandboxStartError

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}", re.ASCII)
LOCK_TRIES = 20


@dataclass(frozen=True)
class StateFolder:
    """Where the files of the sandbox ``name`` are."""

    name: str
    path: Path

    @classmethod
    def of(cls, name: str) -> StateFolder:
        """Return the folder for a name; raises ConfigurationError for one that cannot be a file name."""
        if not NAME.fullmatch(name):
            message = f"{name!r} cannot be the name of a sandbox."
            raise ConfigurationError(message, fix="Use up to 31 small letters, digits and hyphens.")
        return cls(name, Path(jupyter_runtime_dir()) / "emr-connect" / "sandbox" / name)

    @property
    def socket(self) -> Path:
        """The unix socket of the control API."""
        return self.path / "control.sock"

    @property
    def log(self) -> Path:
        """The supervisor's log."""
        return self.path / "supervisor.log"

    @property
    def engines(self) -> Path:
        """Where engines work and log, one folder per cluster."""
        return self.path / "engines"

    def create(self) -> None:
        """Make the folder with mode 0700."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)

    def lock(self) -> IO[str] | None:
        """Take the sandbox's lock, or return None when another supervisor holds it; it goes with the process."""
        self.create()
        for _ in range(LOCK_TRIES):  # someone may just be asking whether we run
            file = self._locked(fcntl.LOCK_EX)
            if file:
                return file
            time.sleep(0.05)
        return None

    def is_running(self) -> bool:
        """Tell whether a supervisor holds the lock."""
        if not (self.path / "lock").exists():
            return False
        file = self._locked(fcntl.LOCK_SH)
        if file:
            file.close()
        return file is None

    def _locked(self, kind: int) -> IO[str] | None:
        file = (self.path / "lock").open("a")
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file

    def write(self, name: str, content: str) -> Path:
        """Write a file that only this user can read; returns its path."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def write_json(self, name: str, content: dict[str, Any]) -> Path:
        """Write a JSON file that only this user can read; returns its path."""
        return self.write(name, json.dumps(content, indent=2) + "\n")

    def clean(self, *, keep_logs: bool = False) -> None:
        """Remove what a run left, but for the lock and the supervisor's log; called by the holder of the lock.

        ``keep_logs`` keeps the engines' folders too, for a start that failed.
        """
        kept = {"lock", self.log.name} | ({self.engines.name} if keep_logs else set())
        for entry in self.path.iterdir():
            if entry.name in kept:
                continue
            try:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            except OSError as error:
                message = f"{entry} of an earlier sandbox cannot be removed: {error.strerror}."
                raise SandboxStartError(message, fix="Remove it by hand.") from error


def running_names() -> list[str]:
    """Return the names of the sandboxes that run, for error messages and shell completion."""
    root = Path(jupyter_runtime_dir()) / "emr-connect" / "sandbox"
    if not root.is_dir():
        return []
    return sorted(entry.name for entry in root.iterdir() if StateFolder(entry.name, entry).is_running())
