"""Where a kernel belongs that starts or starts again: its notebook or folder, and what that is attached to."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import EMRConnect
from ..errors import ConfigurationError
from ..executors import FILES, run_in
from ..models import Attachment
from ..services.attachments.location import NO_FILE, KernelLocation
from .launchers import LAUNCHERS
from .ledger_entry import LedgerEntry
from .spec import KernelRequest

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


async def attachment_of(config: EMRConnect, request: KernelRequest) -> Attachment:
    """Return the attachment for a kernel that starts now; raises as ``services.attachments.resolution.resolve``."""
    # Imported here: it brings boto3, and listing kernelspecs must not.
    from ..services.attachments.resolution import resolve

    attachment = await run_in(FILES, resolve, config, request.env, request.location)
    if attachment.transport not in ("auto", *LAUNCHERS):
        message = f"This kernel cannot use the transport {attachment.transport!r}."
        choices = " or ".join(repr(name) for name in (*LAUNCHERS, "auto"))
        raise ConfigurationError(message, fix=f"Attach with the transport {choices}.")
    return attachment
