"""Which notebook or folder a kernel is started for, by the request that starts it.

jupyter_server (2.21) gives a kernel the environment variable ``JPY_SESSION_NAME``: the nearest folder that exists above
the session's path, with the session's *name* behind it. That may be another notebook: VS Code sends a path that it
makes up and the name of a local file, jupyter-collaboration a path on a drive that is no folder here.
"""

from __future__ import annotations

import re
from typing import Any

from jupyter_server.base.call_context import CallContext
from jupyter_server.services.kernels.handlers import MainKernelHandler
from jupyter_server.services.sessions.handlers import SessionHandler, SessionRootHandler

from ...executors import FILES, run_in
from ..paths import PathMapper

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LOCATOR = "emr_connect_locator"  # the attribute of the server's kernel manager by which the provisioner finds this


async def path_asked_for(paths: PathMapper) -> str | None:
    """Return what the request now being answered starts a kernel for, as :meth:`PathMapper.written` has it.

    None when no request for a kernel or session is being answered: a kernel is brought back, or an extension starts it.
    Called by the provisioner on the server's loop, before the kernel is started.
    """
    handler: Any = CallContext.get(CallContext.JUPYTER_HANDLER)
    path = await _api_path(handler)
    return None if path is None else await run_in(FILES, paths.written, path)


async def _api_path(handler: Any) -> str | None:
    if isinstance(handler, SessionHandler):  # another kernel for a session that there is
        manager: Any = handler.session_manager
        session = await manager.get_session(session_id=handler.path_kwargs["session_id"])
        return str(session["path"] or "")
    if not isinstance(handler, SessionRootHandler | MainKernelHandler) or handler.request.method != "POST":
        return None
    body = handler.get_json_body() or {}
    old_form = body.get("notebook") or {}  # as front ends before 2016 wrote it, which jupyter_server still takes
    path = str(old_form.get("name") or old_form.get("path") or body.get("path") or "")
    return final_path(path, str(body.get("name") or ""))


def final_path(path: str, name: str) -> str:
    """Return the API path that a new session will have.

    JupyterLab (4.6, ``SessionContext._changeKernel``) starts one in the document's folder under a UUID, with the
    document's name, and gives it the document's path once the kernel is there.
    """
    folder, _, last = path.rpartition("/")
    drive, _, last = last.rpartition(":")
    if not UUID.fullmatch(last) or not name or "/" in name:
        return path
    name = f"{drive}:{name}" if drive else name
    return f"{folder}/{name}" if folder else name
