"""The control API of a running sandbox: HTTP with JSON on a unix socket that only this user can reach."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ...errors import ConfigurationError, EMRConnectError

if TYPE_CHECKING:
    from .supervisor import Supervisor

Verb = Callable[["Supervisor", dict[str, Any]], Awaitable[Any]]


async def _status(supervisor: Supervisor, _: dict[str, Any]) -> Any:
    # In a thread: a sandbox with thousands of computes takes its time, and the doors go on meanwhile.
    return await asyncio.to_thread(supervisor.status)


async def _environment(supervisor: Supervisor, _: dict[str, Any]) -> Any:
    return supervisor.environment()


async def _fault(supervisor: Supervisor, body: dict[str, Any]) -> Any:
    return await supervisor.faults.command(body)


async def _seed(supervisor: Supervisor, body: dict[str, Any]) -> Any:
    return supervisor.seed(body)


async def _log(supervisor: Supervisor, body: dict[str, Any]) -> Any:
    return supervisor.world.log.since(float(body.get("since", 0.0)))


async def _hosts(supervisor: Supervisor, _: dict[str, Any]) -> Any:
    return await supervisor.hosts()


async def _down(supervisor: Supervisor, _: dict[str, Any]) -> Any:
    supervisor.request_stop()
    return {"stopping": True}


VERBS: dict[str, Verb] = {
    "status": _status,
    "env": _environment,
    "fault": _fault,
    "seed": _seed,
    "log": _log,
    "hosts": _hosts,
    "down": _down,
}


class ControlServer:
    """Answers ``POST /<verb>`` with JSON; a failure that is ours comes back as the contract's error body with 400."""

    def __init__(self, supervisor: Supervisor, path: Path) -> None:
        self._supervisor = supervisor
        self._path = path
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen; the folder's mode keeps others out."""
        app = web.Application()
        app.router.add_post("/{verb}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        # Bound by a short relative name: a socket's path may have some hundred characters only (unix(7)).
        await web.UnixSite(self._runner, self._path.name).start()

    async def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._runner:
            await self._runner.cleanup()
        self._path.unlink(missing_ok=True)

    async def _answer(self, request: web.Request) -> web.Response:
        verb = VERBS.get(request.match_info["verb"])
        if verb is None:
            raise web.HTTPNotFound
        try:
            return web.json_response(await verb(self._supervisor, await request.json()))
        except EMRConnectError as error:
            return web.json_response({"class": _class_name(error), **error.to_json()}, status=400)


def _class_name(error: EMRConnectError) -> str:
    return "ConfigurationError" if isinstance(error, ConfigurationError) else "SandboxError"
