"""Asks a running sandbox through its control socket; used by ``jupyter emr sandbox`` and by tests."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector

from ...errors import ConfigurationError, SandboxError, SandboxNotRunning
from ..state.folder import StateFolder, running_names

REQUEST_TIMEOUT_S = 60.0
START_TIMEOUT_S = 60.0
MAX_PATH_BYTES = 100


def ask(name: str, verb: str, **body: Any) -> Any:
    """Return the answer of the sandbox ``name`` to a verb of the control API.

    Raises SandboxNotRunning when there is none, SandboxError or ConfigurationError with the sandbox's own words.
    """
    folder = StateFolder.of(name)
    _await_socket(folder)
    with _short(folder.socket) as path:
        try:
            return asyncio.run(_post(path, verb, body))
        except (ClientError, OSError, asyncio.TimeoutError) as error:
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


async def _post(path: str, verb: str, body: dict[str, Any]) -> Any:
    timeout = ClientTimeout(total=REQUEST_TIMEOUT_S)
    async with (
        ClientSession(connector=UnixConnector(path), timeout=timeout) as session,
        session.post(f"http://sandbox/{verb}", json=body) as answer,
    ):
        content = await answer.json()
    if answer.ok:
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
