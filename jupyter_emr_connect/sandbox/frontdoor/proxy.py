"""Forward one HTTP request to an engine, streaming both bodies; nothing is held back or read ahead without limit."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from aiohttp import ClientResponse, ClientSession, web
from multidict import CIMultiDict
from yarl import URL

# RFC 9110, 7.6.1: these describe one connection, not the message.
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
# What a client may not tell an engine, and what an engine may not leave with a client.
PRIVATE_REQUEST = HOP_BY_HOP | {"host", "authorization", "cookie", "origin", "referer", "forwarded", "expect"}
PRIVATE_ANSWER = HOP_BY_HOP | {"set-cookie", "www-authenticate"}
# For answers that the door reads itself: no client's wish for compression.
WHOLE = {"Accept-Encoding": "identity"}
SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*", re.ASCII)
SMALL_BODY_BYTES = 4 * 1024 * 1024


def segments_of(raw_path: str) -> tuple[str, ...] | None:
    """Return the path's segments, or None for a path that no engine has.

    Escapes, empty segments, dots and trailing slashes are refused rather than interpreted, so that the door and the
    engine can never read one path in two ways.
    """
    path = raw_path.partition("?")[0]
    if path == "/":
        return ()
    parts = tuple(path.split("/")[1:])
    return parts if path.startswith("/") and all(SEGMENT.fullmatch(part) for part in parts) else None


def request_headers(request: web.BaseRequest, extra: Mapping[str, str]) -> CIMultiDict[str]:
    """Return the client's headers for the engine: without private ones, with the door's own."""
    kept = CIMultiDict(
        (name, value)
        for name, value in request.headers.items()
        if name.lower() not in PRIVATE_REQUEST and not name.lower().startswith("x-forwarded-")
    )
    kept.update(extra)
    return kept


def answer_headers(answer: ClientResponse) -> CIMultiDict[str]:
    """Return the engine's headers for the client, without those meant for the door."""
    return CIMultiDict((name, value) for name, value in answer.headers.items() if name.lower() not in PRIVATE_ANSWER)


def not_found(message: str = "Not Found") -> web.Response:
    """Return the same 404 for what does not exist and for what belongs to another."""
    return web.json_response({"reason": message, "message": ""}, status=404)


async def forward(
    request: web.BaseRequest, session: ClientSession, url: URL, headers: Mapping[str, str], gate: asyncio.Event
) -> web.StreamResponse:
    """Pass the request to ``url`` and stream the answer back; ``gate`` is closed while the door is a black hole."""
    body = request.content if request.body_exists else None
    outgoing = request_headers(request, headers)
    async with session.request(request.method, url, headers=outgoing, data=body, allow_redirects=False) as answer:
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=answer_headers(answer))
        await gate.wait()
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await gate.wait()
            await response.write(chunk)
        await response.write_eof()
        return response


async def read_small(request: web.BaseRequest) -> bytes:
    """Return the request's body; more than a few megabytes are answered with 413."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > SMALL_BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(max_size=SMALL_BODY_BYTES, actual_size=len(body))
    return bytes(body)
