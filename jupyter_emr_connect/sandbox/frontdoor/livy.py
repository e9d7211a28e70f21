"""The rules of port 8998, and of the internal listener that the cluster's own kernels use.

Livy isolates nothing by itself (reference 13). The door calls it as a superuser on behalf of the role's user, forwards
known routes only, and lets nobody see or reach what another user started: to him it does not exist.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web
from yarl import URL

from ..engines.layout import Installation
from ..engines.livy import start_livy
from ..engines.process import Engine
from ..engines.storage import session_conf, without_keys
from .engine_slot import Start
from .owners import LivyItem, LivyKind, Owners
from .proxy import WHOLE, answer_headers, forward, read_small, request_headers, segments_of

# Query parameters by which a client could claim to be another (reference 13).
CLAIMS = {"user.name", "doas", "proxyuser", "delegation"}
BODY_CLAIMS = {"proxyUser", "doAs", "owner"}
# Where Livy answers with the view of a session, which names its owner.
VIEWS = {(), ("connect",)}
READS = ("GET", "HEAD")
# Livy's own pages, by their first segment: the redirect to the UI, the UI and its files, metrics.
PAGES = {(), ("ui",), ("static",), ("metrics",)}
UI_KINDS: dict[str, LivyKind] = {"session": "sessions", "batch": "batches"}
ALL = 2**31 - 1
PAGE = 100


def livy_start(installation: Installation, address: str, workdir: Path, superuser: str) -> Start:
    """Return what starts a Livy server for an :class:`~.engine_slot.EngineSlot`, with the door as its superuser."""

    async def start(on_exit: Callable[[Engine], None]) -> Engine:
        return await start_livy(installation, address=address, workdir=workdir, superuser=superuser, on_exit=on_exit)

    return start


@dataclass(frozen=True)
class LivyCall:
    """One request: where the running Livy is, its superuser, for whom, and the kernel that asks (or None)."""

    base: URL
    superuser: str
    user: str
    kernel_id: str | None
    segments: tuple[str, ...]

    def url(self, path: str, query: dict[str, str]) -> URL:
        """Return Livy's URL for ``path``, asked by the superuser for the user."""
        kept = {name: value for name, value in query.items() if name.lower() not in CLAIMS}
        return self.base.with_path(path).with_query({**kept, "user.name": self.superuser, "doAs": self.user})


class LivyRules:
    """Answers the requests of one cluster's port 8998 and of its kernels.

    ``storage`` returns Spark's settings for S3 as a user: credentials of his role, which a session begins with.
    """

    def __init__(
        self,
        session: ClientSession,
        owners: Owners,
        gate: asyncio.Event,
        storage: Callable[[str], Mapping[str, str]],
    ) -> None:
        self._storage = storage
        self._session = session
        self._owners = owners
        self._gate = gate

    async def answer(self, request: web.BaseRequest, call: LivyCall) -> web.StreamResponse:
        """Answer one request; raises aiohttp's client errors when Livy fails us."""
        segments = call.segments
        if segments == ("version",):
            return await forward(request, self._session, call.url("/version", {}), {}, self._gate)
        kind = _kind(segments)
        if kind is None:
            return await self._page(request, call)
        if len(segments) == 1:
            if request.method in READS:
                return await self._list(request, call, kind)
            if request.method == "POST":
                # It goes on when the client leaves, so that what Livy makes always has an owner.
                return await asyncio.shield(asyncio.ensure_future(self._create(request, call, kind)))
            return web.Response(status=405, headers={"Allow": "POST, GET, HEAD"}, content_type="application/json")
        item = await self._find(call, kind, segments[1])
        if item is None:
            # Livy's own answer for a number it does not have (reference 6.4), a batch's too.
            return web.json_response({"msg": f"Session '{segments[1]}' not found."}, status=404)
        return await self._reach(request, call, item)

    async def delete(self, call: LivyCall, item: LivyItem) -> None:
        """Delete a session or batch by ourselves (a kernel that made it is gone); no error when it is gone too."""
        url = call.url(f"/{item.kind}/{item.number}", {})
        async with self._session.delete(url, headers={"X-Requested-By": "front-door"}) as answer:
            if answer.status in (200, 204, 404):
                self._owners.drop(item)

    async def _list(self, request: web.BaseRequest, call: LivyCall, kind: LivyKind) -> web.Response:
        url = call.url(f"/{kind}", {"from": "0", "size": str(ALL)})
        async with self._session.get(url, headers=request_headers(request, WHOLE)) as answer:
            if answer.status != web.HTTPOk.status_code:
                return web.Response(status=answer.status, body=await answer.read())
            body = await answer.json(content_type=None)
        # Livy calls batches "sessions" too, in this answer.
        mine = [row for row in body["sessions"] if self._owners.item(kind, row["id"], call.user)]
        first, size = _number(request.query.get("from"), 0), _number(request.query.get("size"), PAGE)
        rows = [_as_seen(row, call) for row in mine[first : first + size]]
        return web.json_response({"from": first, "total": len(mine), "sessions": rows})

    async def _create(self, request: web.BaseRequest, call: LivyCall, kind: LivyKind) -> web.Response:
        body = await read_small(request)
        try:
            model: Any = json.loads(body)
        except ValueError:
            model = None  # Livy's own to refuse
        if isinstance(model, dict):
            kept_model = {name: value for name, value in model.items() if name not in BODY_CLAIMS}
            conf = kept_model.get("conf") or {}
            if isinstance(conf, dict):  # anything else is Livy's to refuse
                kept_model["conf"] = session_conf(conf, self._storage(call.user))
            body = json.dumps(kept_model).encode()
        headers = request_headers(request, {**WHOLE, "Content-Length": str(len(body))})
        async with self._session.post(call.url(f"/{kind}", dict(request.query)), data=body, headers=headers) as answer:
            made = await answer.read()
            status = answer.status
            kept = {"Content-Type": answer.headers.get("Content-Type", "application/json")}
        if status == web.HTTPCreated.status_code:
            view = json.loads(made)
            self._owners.add(LivyItem(kind, view["id"], call.user, call.kernel_id))
            made = json.dumps(_as_seen(view, call)).encode()
            prefix = f"/kernels/{call.kernel_id}" if call.kernel_id else ""
            kept["Location"] = f"{prefix}/{kind}/{view['id']}"
        return web.Response(status=status, body=made, headers=kept)

    async def _find(self, call: LivyCall, kind: LivyKind, text: str) -> LivyItem | None:
        """Return the user's own session by number or, as Livy has it, by name."""
        if text.isdigit():
            return self._owners.item(kind, int(text), call.user) if text == str(int(text)) else None
        async with self._session.get(call.url(f"/{kind}/{text}", {})) as answer:
            if answer.status != web.HTTPOk.status_code:
                return None
            view = await answer.json(content_type=None)
        return self._owners.item(kind, view["id"], call.user)

    async def _reach(self, request: web.BaseRequest, call: LivyCall, item: LivyItem) -> web.StreamResponse:
        rest = call.segments[2:]
        url = call.url("/".join(("", item.kind, str(item.number), *rest)), dict(request.query))
        if rest not in VIEWS or (not rest and request.method not in ("GET", "DELETE")):
            return await forward(request, self._session, url, {}, self._gate)
        data = await read_small(request) if request.body_exists else None
        headers = request_headers(request, WHOLE)
        async with self._session.request(request.method, url, data=data, headers=headers) as answer:
            body = await answer.read()
            status, kept = answer.status, answer_headers(answer)
        if request.method == "DELETE" and status in (200, 204, 404):
            self._owners.drop(item)
        elif status == web.HTTPOk.status_code:
            body = json.dumps(_as_seen(json.loads(body), call)).encode()
        kind = kept.get("Content-Type", "application/json")
        return web.Response(status=status, body=body, headers={"Content-Type": kind})

    async def _page(self, request: web.BaseRequest, call: LivyCall) -> web.Response:
        """Pass on one of Livy's own pages; there is none for what another user started."""
        if call.segments[:1] not in PAGES or not await self._may_see(call):
            return no_such_page()
        if request.method not in READS:
            return web.Response(status=405, headers={"Allow": "GET, HEAD"}, content_type="text/html")
        url = call.url("/".join(("", *call.segments)), dict(request.query))
        headers = request_headers(request, WHOLE)
        async with self._session.request(request.method, url, headers=headers, allow_redirects=False) as answer:
            body = await answer.read()
            kept = {name: answer.headers[name] for name in ("Content-Type", "Location") if name in answer.headers}
            status = answer.status
        if "Location" in kept:  # Livy names the host that it was asked at
            kept["Location"] = URL(kept["Location"]).path
        return web.Response(status=status, body=body.replace(call.superuser.encode(), call.user.encode()), headers=kept)

    async def _may_see(self, call: LivyCall) -> bool:
        """Tell whether a page of Livy's UI is about nothing of another user (``/ui/session/0/log``)."""
        if call.segments[:1] != ("ui",) or len(call.segments) < 3:
            return True
        kind = UI_KINDS.get(call.segments[1])
        return kind is not None and await self._find(call, kind, call.segments[2]) is not None


def _kind(segments: tuple[str, ...]) -> LivyKind | None:
    if not segments:
        return None
    if segments[0] == "sessions":
        return "sessions"
    return "batches" if segments[0] == "batches" else None


def _as_seen(view: dict[str, Any], call: LivyCall) -> dict[str, Any]:
    """Return a session's view without secrets: the superuser's name, and keys for S3."""
    seen = without_keys(view)
    return {**seen, "owner": call.user} if view.get("owner") == call.superuser else seen


def livy_segments(raw_path: str) -> tuple[str, ...] | None:
    """Return the segments of a path on port 8998, where a slash may end the first one (``/sessions/``)."""
    path = raw_path.partition("?")[0]
    ends_in_slash = path.count("/") == 2 and path.endswith("/") and path != "//"
    return segments_of(path[:-1] if ends_in_slash else path)


def no_such_page() -> web.Response:
    """Return Livy's own answer for a path that it does not have: an empty page."""
    return web.Response(status=404, content_type="text/html", charset="utf-8")


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdigit() else otherwise
