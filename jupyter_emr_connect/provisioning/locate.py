"""Where a kernel belongs that starts or starts again: its notebook, or the folder that it is launched in."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..executors import FILES, run_in
from ..services.attachments.location import NO_FILE, KernelLocation
from .ledger_entry import LedgerEntry

# The attribute of a server's kernel manager that says what a request asks a kernel for (server.kernels.locating).
LOCATOR_ATTRIBUTE = "emr_connect_locator"
SESSION_NAME = "JPY_SESSION_NAME"


async def locate(kernel_manager: Any, env: Mapping[str, str], folder: str | None) -> KernelLocation:
    """Return where a kernel belongs that starts for the first time; called on Jupyter's loop.

    A server with our extension knows it by the request that starts the kernel. Else it is what ``JPY_SESSION_NAME`` in
    the kernel's environment names, and where nothing does, ``folder`` or this process's own.
    """
    asked_for: Callable[[], Awaitable[str | None]] | None
    asked_for = getattr(getattr(kernel_manager, "parent", None), LOCATOR_ATTRIBUTE, None)
    path = (await asked_for() if asked_for else None) or _named(env)
    return await run_in(FILES, _location, path, folder)


def _named(env: Mapping[str, str]) -> str | None:
    """Return the notebook that the environment names; not that of a kernel whose cell runs this process."""
    name = env.get(SESSION_NAME) or None
    is_inherited = "JPY_PARENT_PID" in env and name == os.environ.get(SESSION_NAME)
    return None if is_inherited else name


def _location(path: str | None, folder: str | None) -> KernelLocation:
    if path is None:
        return KernelLocation(folder=str(Path(folder or ".").absolute()))
    if not path.startswith(NO_FILE) and Path(path).is_dir():
        return KernelLocation(folder=path)
    return KernelLocation(path)


async def location_now(location: KernelLocation, entry: LedgerEntry) -> KernelLocation:
    """Return where a kernel belongs that starts again: the ledger has followed its notebook's renames."""
    path = await entry.path_now()
    if path and path != await run_in(FILES, lambda: location.notebook):
        return replace(location, path=path, folder=None)
    return location
