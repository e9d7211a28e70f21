"""Asks a running sandbox through its control socket: a function for each command of ``jupyter emr sandbox``.

The commands and the tests call these; each blocks for one request on a unix socket and may be called from any thread.
Every function raises SandboxNotRunning when no sandbox of the name runs, and SandboxError or ConfigurationError with
the sandbox's own words.
"""

from __future__ import annotations

import http.client
import json
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError, SandboxError, SandboxNotRunning
from ..state.folder import StateFolder, running_names

REQUEST_TIMEOUT_S = 60.0
START_TIMEOUT_S = 60.0
MAX_PATH_BYTES = 100


def status(name: str) -> dict[str, Any]:
    """Return the contract's ``status``: computes, roles, profiles, engines, memory."""
    answer: dict[str, Any] = ask(name, "status")
    return answer


def environment(name: str) -> dict[str, str]:
    """Return what a client has to export; the AWS keys stand in the file that AWS_SHARED_CREDENTIALS_FILE names."""
    answer: dict[str, str] = ask(name, "env")
    return answer


def switch_fault(
    name: str,
    fault: str | None = None,
    *,
    rate: float = 1.0,
    seconds: float | None = None,
    compute: str | None = None,
    off: bool = False,
    options: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Switch a fault on (``seconds``: for a time) or off, or do one that is done once; returns what is on then.

    ``compute`` (id or name) and ``options`` (``service``, ``region``, ``action``) narrow it. Without ``fault``, ``off``
    ends all of them, and else nothing changes. Returns ``{"name","on","hit","active"}``.
    """
    body = {"fault": fault, "rate": rate, "seconds": seconds, "compute": compute, "off": off}
    answer: dict[str, Any] = ask(name, "fault", **body, options=dict(options or {}))
    return answer


def seed(
    name: str, *, clusters: int = 0, applications: int = 0, endpoints: int = 0, regions: Sequence[str] = ()
) -> dict[str, int]:
    """Add computes that are listed only, evenly over ``regions`` (none: the sandbox's own); returns how many."""
    wanted = {"clusters": clusters, "applications": applications, "endpoints": endpoints}
    answer: dict[str, int] = ask(name, "seed", **wanted, regions=list(regions))
    return answer


def log_rows(name: str, since: float = 0.0) -> list[dict[str, Any]]:
    """Return the calls that the AWS front answered after ``since`` (seconds since the epoch), oldest first."""
    answer: list[dict[str, Any]] = ask(name, "log", since=since)
    return answer


def hosts(name: str) -> dict[str, Any]:
    """Return the lines for /etc/hosts and the CA file that lead AWS's host names to the sandbox."""
    answer: dict[str, Any] = ask(name, "hosts")
    return answer


def ask(name: str, verb: str, **body: Any) -> Any:
    """Return the answer of the sandbox ``name`` to a verb of the control API."""
    folder = StateFolder.of(name)
    _await_socket(folder)
    with _short(folder.socket) as path:
        try:
            return _post(path, verb, body)
        except (http.client.HTTPException, OSError, ValueError) as error:
            if not folder.is_running():
                raise not_running(name) from error
            message = f"The sandbox {name!r} runs but does not answer."
            raise SandboxError(message, fix=f"See {folder.log}, or end it with `jupyter emr sandbox down`.") from error


def _await_socket(folder: StateFolder) -> None:
    """Return once the sandbox can be asked: one that is just starting opens its socket soon."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while folder.is_running():
        if folder.socket.exists():
            return
        if time.monotonic() > deadline:
            message = f"The sandbox {folder.name!r} is still starting."
            raise SandboxError(message, fix=f"Try again soon, or see {folder.log}.")
        time.sleep(0.05)
    raise not_running(folder.name)


def not_running(name: str) -> SandboxNotRunning:
    """Return the error for a sandbox that does not run; names those that do."""
    option = "" if name == "default" else f" --name {name}"
    others = [other for other in running_names() if other != name]
    message = f"No sandbox named {name!r} runs." + (f" Running: {', '.join(others)}." if others else "")
    return SandboxNotRunning(message, fix=f"Start it with `jupyter emr sandbox up{option}`.")


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over the unix socket at ``path``."""

    def __init__(self, path: str) -> None:
        super().__init__("sandbox", timeout=REQUEST_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _post(path: str, verb: str, body: Mapping[str, Any]) -> Any:
    with closing(_UnixConnection(path)) as connection:
        connection.request("POST", f"/{verb}", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = json.loads(answer.read())
    if answer.status == http.client.OK:
        return content
    kind = ConfigurationError if content.get("class") == "ConfigurationError" else SandboxError
    raise kind(content["message"], fix=content["fix"])


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a socket a path that fits into a socket address, through a link where its own is too long."""
    if len(str(path).encode()) < MAX_PATH_BYTES:
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="emr-") as folder:
        link = Path(folder) / "s"
        link.symlink_to(path)
        yield str(link)
