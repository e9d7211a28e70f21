"""aiohttp's sessions with one server: one for its REST API, and one for WebSockets, whose requests are sent once."""

from __future__ import annotations

import io
import ssl
from types import MappingProxyType, SimpleNamespace
from typing import Any, TypeAlias

import aiohttp

from .auth import HTTPRequest
from .proxies import proxy_for
from .resolver import RememberingResolver, Routes

WebSocket: TypeAlias = "aiohttp.ClientWebSocketResponse[bool]"
"""A WebSocket that is open."""

AT_ONCE_BYTES = 1_000_000  # aiohttp warns of more


def sent_once() -> aiohttp.TraceConfig:
    """Return what keeps a session from sending a request again by itself.

    aiohttp does so with every GET whose connection is lost before the answer (``ClientSession._request``). A gateway
    may still work on the first, and two WebSockets of one session must not meet there (``handshake.py``).
    """

    async def connects(session: aiohttp.ClientSession, request: SimpleNamespace, _: Any) -> None:
        if getattr(request, "was_sent", False):
            text = "The connection was lost before the answer."
            raise aiohttp.ServerDisconnectedError(text)
        request.was_sent = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(connects)
    return trace


def _sendable(body: bytes) -> bytes | io.BytesIO | None:
    """Return a body as aiohttp takes it: a large one, as of a cell of 5 MB, in pieces, so that the loop goes on."""
    return io.BytesIO(body) if len(body) > AT_ONCE_BYTES else body or None


class HTTPSessions:
    """The two sessions, made when they are first needed.

    ``ssl_context`` is None for the system's certificates; ``routes`` say where hosts are reached in truth.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None, routes: Routes = MappingProxyType({})) -> None:
        self._ssl_context = ssl_context
        self._routes = routes
        self._rest: aiohttp.ClientSession | None = None
        self._websockets: aiohttp.ClientSession | None = None

    @property
    def rest(self) -> aiohttp.ClientSession:
        """For the API's calls; connections are kept for the next one."""
        if self._rest is None:
            self._rest = self._session()
        return self._rest

    @property
    def websockets(self) -> aiohttp.ClientSession:
        """For WebSockets; each gets a connection of its own, which nobody has used before."""
        if self._websockets is None:
            self._websockets = self._session(sent_once(), force_close=True)
        return self._websockets

    def _session(self, *traces: aiohttp.TraceConfig, force_close: bool = False) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self._ssl_context or True, resolver=RememberingResolver(self._routes), force_close=force_close
        )
        # A gateway's cookies would tie kernels of different roles together.
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=list(traces)
        )

    async def send(self, request: HTTPRequest, *, connect_s: float, total_s: float) -> tuple[int, str, bytes]:
        """Do one call of the API, once; return status, content type and body. Redirects are not followed.

        ``connect_s`` and ``total_s`` bound, in seconds, a connection and the whole. Raises ``CONNECTION_ERRORS``.
        """
        async with self.rest.request(
            request.method,
            request.url,
            data=_sendable(request.body),
            headers=request.headers,
            timeout=aiohttp.ClientTimeout(total=total_s, sock_connect=connect_s),
            allow_redirects=False,
            proxy=self.proxy_for(request.url),
        ) as answer:
            return answer.status, answer.content_type, await answer.read()

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy by which a URL is reached, as the environment has it now; None for none."""
        return proxy_for(url, self._routes)

    async def close(self) -> None:
        """Close both, and every connection."""
        for session in (self._rest, self._websockets):
            if session is not None:
                await session.close()
        self._rest = self._websockets = None
