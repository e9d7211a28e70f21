"""The control API of a running sandbox: HTTP with JSON on a unix socket that only this user can reach."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from ...errors import ConfigurationError, EMRConnectError

Verb = Callable[[dict[str, Any]], Awaitable[Any]]
"""Takes the JSON object of a request's body and returns what to answer, as JSON; runs on the supervisor's loop."""


class ControlServer:
    """Answers ``POST /<verb>`` on the socket at ``path`` with JSON, by the function in ``verbs``.

    A failure that is ours comes back as the contract's error body with 400.
    """

    def __init__(self, verbs: Mapping[str, Verb], path: Path) -> None:
        self._verbs = verbs
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
        verb = self._verbs.get(request.match_info["verb"])
        if verb is None:
            raise web.HTTPNotFound
        try:
            return web.json_response(await verb(await request.json()))
        except EMRConnectError as error:
            return web.json_response({"class": _class_name(error), **error.to_json()}, status=400)


def _class_name(error: EMRConnectError) -> str:
    return "ConfigurationError" if isinstance(error, ConfigurationError) else "SandboxError"
