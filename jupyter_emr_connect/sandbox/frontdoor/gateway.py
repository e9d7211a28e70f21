"""The rules before a gateway: what a caller may ask of Jupyter Enterprise Gateway, and what is added to the question.

JEG knows nothing of users (reference 13): whoever reaches it reaches every kernel. So the door forwards known routes
only, remembers who started which kernel, and answers 404 for all others exactly as for kernels that do not exist.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from aiohttp import ClientSession, web
from yarl import URL

from .callers import DoorCaller
from .owners import Owners, canonical_id
from .proxy import WHOLE, answer_headers, forward, not_found, read_small, request_headers, segments_of
from .websocket_relay import WebSocketRelay, relay_websocket

# The cluster decides on these, never the client (EMR Studio: "KERNEL_USERNAME must not be altered", reference 1.9).
SERVER_ENV = {"KERNEL_USERNAME", "KERNEL_UID", "KERNEL_GID", "KERNEL_REMOTE_HOST", "KERNEL_IMPERSONATION_ENABLED"}
OPEN_ROUTES = {(), ("api",), ("api", "kernelspecs"), ("api", "swagger.json"), ("api", "swagger.yaml")}
KERNEL_ACTIONS = {("interrupt", "POST"), ("restart", "POST"), ("channels", "GET")}


class GatewayRules:
    """Answers the requests for one compute's gateway.

    The URL of the running gateway (``base``) and its token (in ``headers``) come with each request, for a gateway may
    be started anew. ``prepare`` is called with a kernel's id before the gateway is asked for it.
    """

    def __init__(
        self,
        session: ClientSession,
        owners: Owners,
        gate: asyncio.Event,
        relays: set[WebSocketRelay],
        prepare: Callable[[str, DoorCaller], None],
    ) -> None:
        self._prepare = prepare
        self._session = session
        self._owners = owners
        self._gate = gate
        self._relays = relays

    async def answer(
        self, request: web.BaseRequest, caller: DoorCaller, base: URL, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Answer one request; raises aiohttp's client errors when the gateway fails us."""
        segments = segments_of(request.raw_path)
        if segments is None:
            return not_found()
        if segments in OPEN_ROUTES or _is_kernelspec(segments):
            if request.method not in ("GET", "HEAD"):
                return _refused("This route is read-only.", 405)
            return await forward(request, self._session, _url(request, base), headers, self._gate)
        if segments in (("api", "kernels"), ("api", "sessions")):
            return await self._collection(request, caller, base, headers)
        if segments[:2] == ("api", "kernels"):
            return await self._kernel(request, caller, segments, base, headers)
        return not_found()

    async def _collection(
        self, request: web.BaseRequest, caller: DoorCaller, base: URL, headers: dict[str, str]
    ) -> web.StreamResponse:
        if request.method == "GET":
            return await self._list(request, caller, base, headers)
        if request.method == "POST" and request.path == "/api/kernels":
            # The start goes on when the client leaves: a client that chose the id may still come back for the kernel.
            return await asyncio.shield(asyncio.ensure_future(self._start(request, caller, base, headers)))
        return _refused("Start kernels with POST /api/kernels.", 405)

    async def _list(
        self, request: web.BaseRequest, caller: DoorCaller, base: URL, headers: dict[str, str]
    ) -> web.Response:
        """Return the gateway's own list, less what others started (a session belongs to whom its kernel belongs to)."""
        async with self._session.get(
            _url(request, base), headers=request_headers(request, {**WHOLE, **headers})
        ) as answer:
            body = await answer.read()
            if answer.status != web.HTTPOk.status_code:
                return web.Response(status=answer.status, body=body, headers=_plain(answer_headers(answer)))
        mine = self._owners.kernels_of(caller.owner)
        rows = [row for row in json.loads(body) if row.get("kernel", row).get("id") in mine]
        return web.json_response(rows)

    async def _start(
        self, request: web.BaseRequest, caller: DoorCaller, base: URL, headers: dict[str, str]
    ) -> web.Response:
        model = await _json_object(request)
        canonical = None
        env: Any = model.setdefault("env", {})
        if isinstance(env, dict):  # anything else is the gateway's to refuse
            env = {name: value for name, value in env.items() if name.upper() not in SERVER_ENV}
            canonical = canonical_id(env.setdefault("KERNEL_ID", str(uuid4())))
            model["env"] = {**env, "KERNEL_USERNAME": caller.user}
        if canonical and not self._owners.adopt(canonical, caller.owner):
            return _refused("The kernel could not be started: its KERNEL_ID cannot be used.", 409)
        if canonical:
            self._prepare(canonical, caller)
        started = ""
        try:
            url = base.with_path("/api/kernels")
            async with self._session.post(url, json=model, headers=headers) as answer:
                body = await answer.read()
                if answer.status == web.HTTPCreated.status_code:
                    started = str(json.loads(body)["id"])
                return web.Response(status=answer.status, body=body, headers=_plain(answer_headers(answer)))
        finally:
            if canonical and canonical != started:
                self._owners.drop_kernel(canonical)
            if started:
                self._owners.kernels[started] = caller.owner
                self._owners.starting.discard(started)

    async def _kernel(
        self,
        request: web.BaseRequest,
        caller: DoorCaller,
        segments: tuple[str, ...],
        base: URL,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        kernel_id, action = segments[2], segments[3:]
        if self._owners.kernels.get(kernel_id) != caller.owner or len(action) > 1:
            return not_found(f"Kernel does not exist: {kernel_id}")
        if action:
            if (action[0], request.method) not in KERNEL_ACTIONS:
                return not_found()
            if action[0] == "channels":
                return await relay_websocket(request, _url(request, base), headers, self._relays)
            if action[0] == "restart":
                return await self._restart(request, kernel_id, base, headers)
        elif request.method == "DELETE":
            return await self._delete(request, kernel_id, base, headers)
        elif request.method not in ("GET", "HEAD"):
            return _refused("A kernel can be read or deleted.", 405)
        return await forward(request, self._session, _url(request, base), headers, self._gate)

    async def _restart(
        self, request: web.BaseRequest, kernel_id: str, base: URL, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Restart a kernel; what it made in Livy before and did not delete itself is nobody's then."""
        before = self._owners.made_by(kernel_id)
        answer = await forward(request, self._session, _url(request, base), headers, self._gate)
        self._owners.disown(before)
        return answer

    async def _delete(
        self, request: web.BaseRequest, kernel_id: str, base: URL, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Delete a kernel; from then on its id is free, and what it left in Livy is nobody's."""
        outgoing = request_headers(request, {**WHOLE, **headers})
        async with self._session.delete(_url(request, base), headers=outgoing) as answer:
            body = await answer.read()
            if answer.status in (204, 404):
                self._owners.drop_kernel(kernel_id)
            return web.Response(status=answer.status, body=body or None, headers=_plain(answer_headers(answer)))


def _is_kernelspec(segments: tuple[str, ...]) -> bool:
    return (segments[:2] == ("api", "kernelspecs") and len(segments) == 3) or (
        segments[0] == "kernelspecs" and len(segments) > 2
    )


def _url(request: web.BaseRequest, base: URL) -> URL:
    """Return the engine's URL for the request; a token of the client's is not ours to pass on."""
    query = {name: value for name, value in request.query.items() if name.lower() != "token"}
    return base.with_path(request.path).with_query(query)


def _plain(headers: Any) -> dict[str, str]:
    """Return the headers that stay true for a body that was read as a whole."""
    drop = {"content-length", "content-encoding"}
    return {name: value for name, value in headers.items() if name.lower() not in drop}


def _refused(message: str, status: int) -> web.Response:
    return web.json_response({"reason": message, "message": ""}, status=status)


async def _json_object(request: web.BaseRequest) -> dict[str, Any]:
    body = await read_small(request)
    try:
        model = json.loads(body or b"{}")
    except ValueError:
        model = None
    if isinstance(model, dict):
        return model
    error = json.dumps({"reason": "Invalid JSON in body of request", "message": ""})
    raise web.HTTPBadRequest(text=error, content_type="application/json")
