"""Livy's REST API (reference 6): one client per connection, with its own TLS trust and credentials.

Each request has a deadline. What can be repeated without harm (reads, cancel, delete) is repeated after a lost answer;
what cannot, a creation, never is: it is looked for first, by the session's unique name or by the statement's place.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from ..errors import LivyError, LivyRefused, LivyUnreachable, NotLivy, SessionGone
from ..http.auth import FixedAuth, HTTPRequest
from ..http.errors import CONNECTION_ERRORS
from ..http.transport import HTTPSessions
from .target import LivyTarget, explain, parse, refuse

RETRY_PAUSES_S = (0.3, 1.0)
LOOK_PAUSES_S = (0.5, 1.0, 2.0, 4.0)  # between looks for a session whose creation was not answered
PAGE = 100
HEADERS = {"Accept": "application/json", "X-Requested-By": "jupyter_emr_connect"}  # the latter for CSRF (reference 6.4)
BODY_TYPE = "application/json; charset=utf-8"  # without the charset servers take a body for Latin-1; proxies strip it

View = dict[str, Any]
"""A session or statement as Livy describes it."""


class LivyClient:
    """Speaks to one Livy server. Every method runs on one loop.

    What the server does wrong is a ``LivyError``; other errors of ``errors.py`` mean that there are no credentials for
    it. ``connect_timeout`` bounds a connection, ``request_timeout`` a whole request, in seconds.
    """

    def __init__(self, target: LivyTarget, *, connect_timeout: float = 10.0, request_timeout: float = 60.0) -> None:
        self.target = target
        self._connect_timeout = connect_timeout
        self._request_timeout = request_timeout
        self._http = HTTPSessions(target.ssl_context, target.routes)

    def hold(self) -> None:
        """Keep the credentials fresh until :meth:`close`."""
        self.target.auth.hold(self)

    async def close(self) -> None:
        """Close the connections."""
        self.target.auth.release(self)
        await self._http.close()

    async def version(self) -> str:
        """Return the server's version (``0.7.1-incubating``); empty where it does not tell."""
        if self.target.reduced:
            return ""
        answer = await self._call("GET", "/version")
        return str(answer.get("version") or "") if isinstance(answer, dict) else ""

    async def sessions(self) -> list[View]:
        """Return all sessions that we may see, page by page."""
        found: list[View] = []
        while True:
            query = "" if self.target.reduced else f"?from={len(found)}&size={PAGE}"
            page = _view(await self._call("GET", f"/sessions{query}"), self.target)
            rows = page.get("sessions") or []
            found.extend(rows)
            if not rows or self.target.reduced or len(found) >= int(page.get("total") or 0):
                return found

    async def first_page(self) -> None:
        """Ask for one session, once: what shows that a Livy server is there and takes our credentials."""
        request = HTTPRequest("GET", f"{self.target.url}/sessions{'' if self.target.reduced else '?size=1'}", HEADERS)
        status, kind, body = await self._send(await self.target.auth.prepare(request))
        if status >= 300:
            raise refuse(status, body, self.target)
        if "sessions" not in _view(parse(kind, body, self.target), self.target):
            message = f"What answers at {self.target.where} is no Livy server."
            raise NotLivy(message, fix="Check the address and the port.")

    async def session(self, session_id: int) -> View:
        """Return one session; raises ``SessionGone``."""
        return _view(await self._call("GET", f"/sessions/{session_id}"), self.target)

    async def find(self, name: str) -> View | None:
        """Return the session with this name, None when there is none."""
        return next((view for view in await self.sessions() if view.get("name") == name), None)

    async def create(self, body: View) -> View:
        """Create a session; ``body`` must have a unique ``name``, by which it is found again after a lost answer."""
        name = body["name"]
        try:
            return _view(await self._call("POST", "/sessions", value=body), self.target)
        except LivyUnreachable as error:
            return await self._created_after_all(name, error)
        except LivyError as error:
            if "Duplicate session name" in error.message and (view := await self.find(name)):
                return view
            raise

    async def _created_after_all(self, name: str, error: LivyUnreachable) -> View:
        """Return the session whose creation was not answered; raises ``error`` when the server does not show it."""
        for pause in LOOK_PAUSES_S:
            await asyncio.sleep(pause)
            try:
                if view := await self.find(name):
                    return view
            except LivyUnreachable:
                continue
        raise error

    async def delete(self, session_id: int) -> bool:
        """Delete a session; returns False when the server did not know it."""
        try:
            await self._call("DELETE", f"/sessions/{session_id}", safe=True)
        except SessionGone:
            return False
        return True

    async def log(self, session_id: int, lines: int = 100) -> list[str]:
        """Return the last lines of the driver's log; none where the server has no such call."""
        if self.target.reduced:
            return []
        answer = _view(await self._call("GET", f"/sessions/{session_id}/log?size={lines}"), self.target)
        return [str(line) for line in answer.get("log") or []]

    async def statements(self, session_id: int) -> list[View]:
        """Return the statements that the server still has, in their order."""
        answer = _view(await self._call("GET", f"/sessions/{session_id}/statements"), self.target)
        return list(answer.get("statements") or [])

    async def statement(self, session_id: int, number: int) -> View:
        """Return one statement."""
        return _view(await self._call("GET", f"/sessions/{session_id}/statements/{number}"), self.target)

    async def run(self, session_id: int, code: str, kind: str | None = None, *, after: int = -1) -> View:
        """Create a statement; ``after`` is the number of the last one that is known to be another's.

        After a lost answer the statement is looked for among the later ones, and sent again only where the server
        shows that it never came.
        """
        value = {"code": code, **({"kind": kind} if kind else {})}
        while True:
            try:
                path = f"/sessions/{session_id}/statements"
                return _view(await self._call("POST", path, value=value), self.target)
            except LivyUnreachable as error:
                known = await self._patiently(lambda: self.statements(session_id), error)
                if arrived := [one for one in known if int(one["id"]) > after and one.get("code", code) == code]:
                    return arrived[-1]

    async def _patiently(self, read: Callable[[], Awaitable[list[View]]], error: LivyUnreachable) -> list[View]:
        """Return what the server says once it answers; raises ``error`` when it does not in time."""
        for pause in LOOK_PAUSES_S:
            await asyncio.sleep(pause)
            try:
                return await read()
            except LivyUnreachable:
                continue
        raise error

    async def cancel(self, session_id: int, number: int) -> None:
        """Cancel a statement; one that has ended already is no error."""
        await self._call("POST", f"/sessions/{session_id}/statements/{number}/cancel", safe=True)

    async def complete(self, session_id: int, code: str, kind: str, cursor: int) -> list[str]:
        """Return completions at a cursor, none where the server has no such call."""
        if self.target.reduced:
            return []
        value = {"code": code, "kind": kind, "cursor": cursor}
        answer = await self._call("POST", f"/sessions/{session_id}/completion", value=value, safe=True)
        return [str(one) for one in _view(answer, self.target).get("candidates") or []]

    async def _call(self, method: str, path: str, *, value: View | None = None, safe: bool = False) -> Any:
        """Do one request with ``value`` as its JSON body; credentials are renewed once, safe calls repeated."""
        pauses = list(RETRY_PAUSES_S) if safe or method == "GET" else []
        request = HTTPRequest(method, f"{self.target.url}{path}", HEADERS)
        if value is not None:
            body = json.dumps(value).encode()  # ASCII, which every charset reads alike
            request = replace(request, body=body).with_header("Content-Type", BODY_TYPE)
        renewed = False
        while True:
            prepared = await self.target.auth.prepare(request)
            try:
                status, kind, answer = await self._send(prepared)
                if status < 300:
                    return parse(kind, answer, self.target)
                raise refuse(status, answer, self.target)
            except LivyRefused:
                if renewed or isinstance(self.target.auth, FixedAuth):
                    raise
                renewed = True  # whoever is refused got no further than the door: also a creation may be sent again
                await self.target.auth.renew(prepared)
            except LivyUnreachable:
                if not pauses:
                    raise
                await asyncio.sleep(pauses.pop(0))

    async def _send(self, request: HTTPRequest) -> tuple[int, str, bytes]:
        """Return status, content type and body."""
        limits = {"connect_s": self._connect_timeout, "total_s": self._request_timeout}
        try:
            return await self._http.send(request, **limits)
        except CONNECTION_ERRORS as error:
            raise explain(error, self.target) from error


def _view(answer: Any, target: LivyTarget) -> View:
    """Return an answer that must be a JSON object."""
    if isinstance(answer, dict):
        return answer
    message = f"What answers at {target.where} is no Livy server (it sent {type(answer).__name__})."
    raise NotLivy(message, fix="Check the address and the port.")
