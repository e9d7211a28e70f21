"""JEG's REST API, one client per connection: its own TLS trust, its own credentials (reference 5.2 to 5.4)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from weakref import WeakValueDictionary

import aiohttp

from ..errors import (
    EMRConnectError,
    GatewayError,
    GatewayRefused,
    GatewayUnreachable,
    KernelGone,
    KernelspecMissing,
    KernelStartFailed,
)
from ..http.auth import HTTPRequest
from ..http.errors import CONNECTION_ERRORS, was_lost
from ..http.transport import HTTPSessions, WebSocket
from .failures import explain, may_have_reached_gateway, parse, refuse
from .protocol.framing import V1_PROTOCOL
from .target import GatewayTarget

RETRIED = frozenset({429, 502, 503, 504})
RETRY_PAUSES_S = (0.3, 1.0)
LAUNCH_PAD_S = 10.0
REMOVE_EVERY_S = 1.0
PROXY_GAVE_UP = 504  # on waiting for the gateway, which is still at it
LOST_FOR_S = 30.0  # seconds in which a gateway shows a kernel that it was asked for by a request that was lost
UNKNOWN_KERNEL = b'{"message": "Kernel does not exist"}'

_starts: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


class GatewayClient:
    """Speaks to one gateway. Every method runs on one loop (the gateway loop).

    What the gateway does wrong is a ``GatewayError``; other errors of ``errors.py`` mean that there are no credentials
    for it (see :class:`~jupyter_emr_connect.http.auth.Auth`).

    ``connect_timeout`` bounds a connection, ``request_timeout`` a whole request, in seconds.
    """

    def __init__(self, target: GatewayTarget, *, connect_timeout: float = 10.0, request_timeout: float = 30.0) -> None:
        self.target = target
        self._connect_timeout = connect_timeout
        self._request_timeout = request_timeout
        self._sessions = HTTPSessions(target.ssl_context, target.routes)
        self._closed = False

    @property
    def _http(self) -> HTTPSessions:
        if self._closed:
            message = f"The connection to {self.target.label} was closed."
            raise GatewayUnreachable(message)
        return self._sessions

    async def close(self) -> None:
        """Close the connections for good; sockets made by :meth:`open_socket` are closed with them."""
        self._closed = True
        self.target.auth.release(self)
        await self._sessions.close()

    async def kernelspecs(self) -> dict[str, str]:
        """Return the kernelspecs offered, as name to language."""
        answer = await self._call("GET", "/api/kernelspecs")
        specs = answer.get("kernelspecs") if isinstance(answer, dict) else None
        if not isinstance(specs, dict):
            raise refuse(404, b"", self.target)
        return {name: str(spec.get("spec", {}).get("language", "")) for name, spec in specs.items()}

    async def kernel(self, kernel_id: str) -> dict[str, Any]:
        """Return the kernel's model; raises :class:`KernelGone` when the gateway says that it does not know it.

        Any other 404 is a proxy's, and says nothing of the kernel.
        """
        answer = await self._call("GET", f"/api/kernels/{kernel_id}")
        return answer if isinstance(answer, dict) else {}

    async def has_lost(self, kernel_id: str) -> bool:
        """Return whether it is the gateway itself that does not know the kernel; a proxy's 404 says nothing of it."""
        try:
            await self.kernel(kernel_id)
        except EMRConnectError as error:
            return isinstance(error, KernelGone)
        return False

    async def interrupt(self, kernel_id: str) -> None:
        """Interrupt what the kernel runs."""
        await self._call("POST", f"/api/kernels/{kernel_id}/interrupt", safe=True)

    async def restart(self, kernel_id: str, *, timeout: float) -> None:
        """Restart the kernel; its id and open sockets stay good. ``timeout`` in seconds."""
        await self._call("POST", f"/api/kernels/{kernel_id}/restart", timeout=timeout)

    async def delete(self, kernel_id: str) -> bool:
        """Delete the kernel; returns False when the gateway did not know it."""
        try:
            await self._call("DELETE", f"/api/kernels/{kernel_id}")
        except KernelGone:
            return False
        return True

    def turn(self) -> asyncio.Lock:
        """Return the lock to be held around :meth:`start_kernel`: one start at a time per gateway.

        JEG hands a request's env to the kernel through shared state (reference 5.4).
        """
        return _starts.setdefault(self.target.url, asyncio.Lock())

    async def start_kernel(self, name: str, env: dict[str, str], *, kernel_id: str, launch_timeout: float) -> None:
        """Start a kernel under an id of our choice; called with the :meth:`turn`.

        A request that was lost, or that a proxy gave up, may still start it: it is waited for. Whether it was started
        is unknown after a timeout, a lost connection or a cancellation: :meth:`remove_late`.
        """
        body = {
            "name": name,
            "env": {**env, "KERNEL_ID": kernel_id, "KERNEL_LAUNCH_TIMEOUT": f"{launch_timeout:.0f}"},
        }
        try:
            await self._call("POST", "/api/kernels", value=body, timeout=launch_timeout + LAUNCH_PAD_S)
        except GatewayUnreachable as error:
            if not await self._comes(kernel_id, _patience(error, launch_timeout)):
                raise
        except GatewayError as error:
            if type(error) is not GatewayError:
                raise
            message = f"{self.target.label} could not start {name}. {error.message}"
            raise KernelStartFailed(message, fix=error.fix) from error

    async def _comes(self, kernel_id: str, seconds: float) -> bool:
        """Return whether the gateway has the kernel, or has it within so many seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            with contextlib.suppress(EMRConnectError):
                await self.kernel(kernel_id)
                return True
            await asyncio.sleep(REMOVE_EVERY_S)
        return False

    async def remove_late(self, kernel_id: str, *, within: float) -> bool:
        """Delete a kernel that may only be coming up: ask until it was there or ``within`` seconds are over.

        Returns False when the gateway could not be asked in the end.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while True:
            try:
                if await self.delete(kernel_id):
                    return True
                asked = True
            except EMRConnectError:
                asked = False
            if loop.time() > end:
                return asked
            await asyncio.sleep(REMOVE_EVERY_S)

    async def open_socket(self, kernel_id: str, session_id: str, *, offer_v1: bool) -> WebSocket:
        """Open the kernel's WebSocket; ``protocol`` of what is returned says which framing was agreed.

        From now on the credentials are kept fresh until :meth:`close`, so that opening it again finds good ones.
        """
        query = urlencode({"session_id": session_id})
        request = HTTPRequest("GET", f"{self.target.url}/api/kernels/{kernel_id}/channels?{query}")
        self.target.auth.hold(self)
        for last in (False, True):
            prepared = await self.target.auth.prepare(request)
            try:
                return await self._http.websockets.ws_connect(
                    prepared.url,
                    headers=prepared.headers,
                    protocols=(V1_PROTOCOL,) if offer_v1 else (),
                    max_msg_size=0,
                    autoping=False,
                    proxy=self._http.proxy_for(prepared.url),
                )
            except aiohttp.WSServerHandshakeError as error:
                if error.status not in (401, 403) or last:
                    body = UNKNOWN_KERNEL if error.status == 404 else b""
                    raise refuse(error.status, body, self.target) from error
                await self.target.auth.renew(prepared)
            except CONNECTION_ERRORS as error:
                raise explain(error, self.target) from error
        raise AssertionError

    async def _call(
        self,
        method: str,
        path: str,
        *,
        value: dict[str, Any] | None = None,
        safe: bool = False,
        timeout: float | None = None,
    ) -> Any:
        """Do one request, ``value`` as its JSON body; credentials are renewed once, safe calls repeated twice."""
        pauses = list(RETRY_PAUSES_S) if safe or method in ("GET", "DELETE") else []
        request = HTTPRequest(method, f"{self.target.url}{path}", {"Accept": "application/json"})
        if value is not None:
            request = replace(request, body=json.dumps(value).encode()).with_header("Content-Type", "application/json")
        renewed = False
        while True:
            prepared = await self.target.auth.prepare(request)
            status, kind, body = await self._send(prepared, timeout or self._request_timeout, pauses)
            if status < 300:
                return parse(status, kind, body, self.target)
            refusal = refuse(status, body, self.target)
            refusal.status = status
            if isinstance(refusal, GatewayRefused) and not renewed:
                # Whoever is refused so got no further than the door: also a start may be asked for again.
                renewed = True
                await self.target.auth.renew(prepared)
            elif pauses and status in RETRIED:
                await asyncio.sleep(pauses.pop(0))
            else:
                raise refusal

    async def _send(self, request: HTTPRequest, seconds: float, pauses: list[float]) -> tuple[int, str, bytes]:
        """Return status, content type and body; a lost connection is tried again as long as there are ``pauses``."""
        while True:
            try:
                return await self._http.send(request, connect_s=self._connect_timeout, total_s=seconds)
            except CONNECTION_ERRORS as error:
                if not pauses or not was_lost(error):
                    raise explain(error, self.target) from error
            await asyncio.sleep(pauses.pop(0))


def _patience(error: GatewayUnreachable, launch_timeout: float) -> float:
    """Return for how many seconds a kernel may still come whose request failed so."""
    if error.status == PROXY_GAVE_UP:
        return launch_timeout
    lost = (
        error.status is None
        and may_have_reached_gateway(error)
        and not isinstance(error.__cause__, asyncio.TimeoutError)
    )
    return min(launch_timeout, LOST_FOR_S) if lost else 0.0


def missing_kernelspec(wanted: Iterable[str], offered: Iterable[str], target: GatewayTarget) -> KernelspecMissing:
    """Return the error that names what was wanted and what there is."""
    names = ", ".join(sorted(offered)) or "none"
    message = f"{target.label} does not offer the kernel {' or '.join(wanted)}; it has: {names}."
    return KernelspecMissing(message, fix="Choose another kernel, or have it added to the gateway.")
