"""A proxy of HTTP and WebSocket, to stand before a real gateway: a path prefix, wrong answers, repeated messages.

For faults below that, of connections and bytes, see ``faultproxy.py``; one may stand before the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import web

from tests.ownloop import OwnLoop
from tests.stopping import stop_serving

Frame = str | bytes
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host", "keep-alive"}


class WebProxy:
    """Serves what is at ``gateway`` (a URL) under ``prefix`` at ``address``. Methods may be called from any thread.

    ``on_frame`` gets each message of the gateway's WebSockets and returns those to send instead; ``holds_back`` gets
    each of these and returns for how many seconds it stays here, while others overtake it. ``on_request`` gets
    method and path of each request and may return a status and a body to answer with; so does ``on_answer`` when the
    gateway has answered, where status 0 resets the connection. ``asked`` lists the requests.
    """

    def __init__(self, gateway: str, address: str, *, prefix: str = "") -> None:
        self.gateway = gateway.rstrip("/")
        self.prefix = prefix
        self.on_frame: Callable[[Frame], list[Frame]] = lambda frame: [frame]
        self.holds_back: Callable[[Frame], float] = lambda frame: 0
        self.on_request: Callable[[str, str], tuple[int, str] | None] = lambda method, path: None
        self.on_answer: Callable[[str, str], tuple[int, str] | None] = lambda method, path: None
        self.asked: list[str] = []
        self._upgraded: set[asyncio.Transport] = set()
        self._own = OwnLoop()
        self.port = self._own.run(self._start(address))
        self.url = f"http://{address}:{self.port}{prefix}"

    def close(self) -> None:
        """Serve no more."""
        self._own.run(self._stop())
        self._own.stop()

    def cut(self) -> None:
        """Reset the WebSockets."""

        def abort() -> None:
            for transport in self._upgraded:
                transport.abort()

        self._own.call(abort)

    async def _start(self, address: str) -> int:
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, address, 0).start()
        return int(self._runner.addresses[0][1])

    async def _stop(self) -> None:
        await stop_serving(self._runner)
        await self._http.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        if not request.path.startswith(f"{self.prefix}/"):
            return web.Response(status=404, text="no such path here")
        path = request.path_qs.removeprefix(self.prefix)
        instead = self.on_request(request.method, path)
        if instead is not None:
            return web.Response(status=instead[0], text=instead[1], content_type="application/json")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._splice(request, path, headers)
        body = await request.read()
        async with self._http.request(request.method, self.gateway + path, data=body, headers=headers) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            instead = self.on_answer(request.method, path)
            if instead is not None and not instead[0] and request.transport is not None:
                request.transport.abort()
            elif instead is not None:
                return web.Response(status=instead[0], text=instead[1])
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    async def _splice(self, request: web.Request, path: str, headers: dict[str, str]) -> web.StreamResponse:
        own = {name: value for name, value in headers.items() if not name.lower().startswith(("sec-", "upgrade"))}
        offered = [one.strip() for one in headers.get("Sec-WebSocket-Protocol", "").split(",") if one.strip()]
        try:
            upstream = await self._http.ws_connect(
                self.gateway + path, headers=own, protocols=offered, max_msg_size=0, autoclose=False
            )
        except aiohttp.WSServerHandshakeError as error:
            return web.Response(status=error.status)
        ws = web.WebSocketResponse(protocols=[upstream.protocol] if upstream.protocol else (), max_msg_size=0)
        await ws.prepare(request)
        transport = request.transport
        assert transport is not None
        self._upgraded.add(transport)
        ways = [asyncio.ensure_future(way) for way in (self._up(ws, upstream), self._down(upstream, ws))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        self._upgraded.discard(transport)
        await upstream.close()
        await ws.close()
        return ws

    async def _up(self, ws: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse) -> None:
        async for message in ws:
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                await _send(upstream, message.data)

    async def _down(self, upstream: aiohttp.ClientWebSocketResponse, ws: web.WebSocketResponse) -> None:
        late: set[asyncio.Task[None]] = set()
        try:
            async for message in upstream:
                if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    for frame in self.on_frame(message.data):
                        if wait_s := self.holds_back(frame):
                            late.add(asyncio.ensure_future(_send_later(ws, frame, wait_s)))
                        else:
                            await _send(ws, frame)
        finally:
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


async def _send_later(to: web.WebSocketResponse, frame: Frame, wait_s: float) -> None:
    await asyncio.sleep(wait_s)
    await _send(to, frame)


async def _send(to: web.WebSocketResponse | aiohttp.ClientWebSocketResponse, frame: Frame) -> None:
    await (to.send_str(frame) if isinstance(frame, str) else to.send_bytes(frame))


@contextmanager
def web_proxy(gateway: str, address: str, *, prefix: str = "") -> Iterator[WebProxy]:
    """Run one for a test."""
    proxy = WebProxy(gateway, address, prefix=prefix)
    try:
        yield proxy
    finally:
        proxy.close()
