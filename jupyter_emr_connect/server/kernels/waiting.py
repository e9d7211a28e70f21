"""Requests for kernels and sessions wait while a starting server brings its kernels back.

A browser whose server comes back asks for its kernel at once, and takes it for dead when told that there is none; one
that opens the notebook would be given a second kernel, without its variables. So they wait for as long as it takes, be
the machine slow or the state file held, and only something that hangs makes them go on without.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest, RequestStartLine, ResponseStartLine
from tornado.routing import Matcher, Router, Rule
from tornado.web import Application

from ...http.deadlines import within

WAIT = 60.0
Concerns = Callable[[Sequence[str], str], bool]


class Waiting(Matcher, Router):
    """A route in front of all others, which answers nothing itself.

    With :meth:`only_for` only some requests wait. It is taken out again by :meth:`end`, at the latest when a request
    has waited ``at_most`` seconds.
    """

    def __init__(self, app: Application, base_url: str, *, at_most: float = WAIT) -> None:
        self._at_most = at_most
        self._app = app
        self._rules = app.default_router.rules
        self._path = re.compile(rf"{re.escape(base_url.rstrip('/'))}/api/(?:kernels|sessions)(?:/(?P<rest>.*)|$)")
        self._concerns: Concerns = lambda parts, method: True
        self._over = False
        self._changed = asyncio.Event()
        self._rule = Rule(self, self)
        self._rules.insert(0, self._rule)

    def end(self) -> None:
        """Let everything pass."""
        self._over = True
        self._changed.set()
        if self._rule in self._rules:
            self._rules.remove(self._rule)

    def only_for(self, concerns: Concerns) -> None:
        """Let only those wait that ``concerns`` names, by the parts of the path after the resource, and the method."""
        self._concerns = concerns
        self._changed.set()
        self._changed = asyncio.Event()

    def _waits(self, request: HTTPServerRequest) -> bool:
        found = None if self._over else self._path.match(request.path)
        return found is not None and self._concerns((found["rest"] or "").split("/"), request.method or "GET")

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Say whether a request shall wait; called by tornado."""
        return {} if self._waits(request) else None

    def find_handler(self, request: HTTPServerRequest, **options: Any) -> HTTPMessageDelegate:
        """Return what makes the request wait; called by tornado."""
        return _WaitingHandler(self, request)

    async def over(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
        """Wait until all kernels are back, :data:`WAIT` at most; return the request's own handler."""
        try:
            await within(self._at_most, self._passes(request))
        except asyncio.TimeoutError:
            self.end()
        return self._app.find_handler(request)

    async def _passes(self, request: HTTPServerRequest) -> None:
        while self._waits(request):
            await self._changed.wait()


class _WaitingHandler(HTTPMessageDelegate):
    """Hands one request on to its handler after the wait; tornado reads the body only when the headers are taken."""

    def __init__(self, waiting: Waiting, request: HTTPServerRequest) -> None:
        self._waiting = waiting
        self._request = request
        self._handler: HTTPMessageDelegate | None = None

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        return self._take(start_line, headers)

    async def _take(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        self._handler = await self._waiting.over(self._request)
        taken = self._handler.headers_received(start_line, headers)
        if taken is not None:
            await taken

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._handler.data_received(chunk) if self._handler else None

    def finish(self) -> None:
        if self._handler is not None:
            self._handler.finish()

    def on_connection_close(self) -> None:
        if self._handler is not None:
            self._handler.on_connection_close()
