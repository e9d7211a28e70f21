"""The AWS front's HTTP server: aiohttp in a thread and loop of its own, the WSGI application in a pool of threads.

Started by the supervisor. HTTP/1.1 with keep-alive, so that botocore's connections live on; loopback only.
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import web

from ...errors import SandboxStartError
from .failures import Down
from .incoming import MAX_OBJECT_BYTES, RAW_HEADERS

WORKERS = 64
"""Threads that answer at the same time; they are made when needed."""
STOP_TIMEOUT_S = 5.0

# What aiohttp would tell is about peers that speak no HTTP, with a traceback; the application logs its own defects.
_quiet = logging.getLogger(f"{__name__}.http")
_quiet.setLevel(logging.CRITICAL)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class ServerHandle:
    """A server that runs; ``stop`` may be called from any thread, twice too."""

    url: str
    port: int
    _loop: asyncio.AbstractEventLoop
    _ended: asyncio.Event
    _thread: threading.Thread

    def stop(self) -> None:
        """Close the listener and end the thread; open calls get a few seconds."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(STOP_TIMEOUT_S * 2)


def serve(
    application: Application, host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None
) -> ServerHandle:
    """Start answering on ``host`` (loopback) and ``port`` (0: any free one) and return once the port listens.

    Raises :class:`SandboxStartError` when the address is not loopback or the port is taken.
    """
    if not ipaddress.ip_address(host).is_loopback:
        message = f"The AWS front would listen on {host}, which is not a loopback address."
        raise SandboxStartError(message, fix="Use an address of 127.0.0.0/8.")
    ready: Ready = Ready()
    thread = threading.Thread(target=_run, args=(application, host, port, tls, ready), name="aws-front", daemon=True)
    thread.start()
    ready.done.wait()
    if ready.error is not None:
        thread.join()
        message = f"The AWS front cannot listen on {host}:{port}: {ready.error.strerror or ready.error}."
        raise SandboxStartError(message, fix="Stop what uses the port, or choose another one.") from ready.error
    if ready.loop is None or ready.ended is None:
        message = "The AWS front did not start."
        raise SandboxStartError(message, fix="Read the sandbox's log.")
    scheme = "https" if tls else "http"
    return ServerHandle(f"{scheme}://{host}:{ready.port}", ready.port, ready.loop, ready.ended, thread)


class Ready:
    """What the server's thread tells the one that started it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.error: OSError | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.ended: asyncio.Event | None = None
        self.port = 0


def _run(application: Application, host: str, port: int, tls: ssl.SSLContext | None, ready: Ready) -> None:
    try:
        asyncio.run(_serve(application, host, port, tls, ready))
    except OSError as error:
        ready.error = error
    finally:
        ready.done.set()


async def _serve(application: Application, host: str, port: int, tls: ssl.SSLContext | None, ready: Ready) -> None:
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="aws-front") as pool:
        loop = asyncio.get_running_loop()
        running: set[asyncio.Future[web.Response]] = set()

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            try:
                environ = _environ(request, await _body(request))
            except ConnectionError:
                return web.Response(status=400)  # the caller has gone; nobody reads this
            try:
                answer = loop.run_in_executor(pool, _call, application, environ)
                running.add(answer)
                answer.add_done_callback(running.discard)
                return await answer
            except Down:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()  # nobody reads this

        server = web.Server(handle, access_log=None, logger=_quiet)
        runner = web.ServerRunner(server, shutdown_timeout=STOP_TIMEOUT_S)
        await runner.setup()
        try:
            listener = socket.create_server((host, port), family=_family(host))
            site = web.SockSite(runner, listener, ssl_context=tls)
            await site.start()
            ready.port = runner.addresses[0][1]
            ready.loop, ready.ended = loop, asyncio.Event()
            ready.done.set()
            await ready.ended.wait()
            # asyncio (3.11) never closes a connection that it has accepted and not taken up when its server is closed.
            loop.remove_reader(listener)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        finally:
            await runner.cleanup()
            if running:  # whose callers have gone
                await asyncio.wait(running, timeout=STOP_TIMEOUT_S)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def _body(request: web.BaseRequest) -> bytes:
    """Return the body, up to one byte more than any service takes: then the application refuses it by its length."""
    body = bytearray()
    if (request.content_length or 0) > MAX_OBJECT_BYTES:
        return b""
    if request.headers.get("Expect", "").lower() == "100-continue":
        # botocore sends S3's bodies only after this, or after a second of waiting.
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    async for part in request.content.iter_any():
        body += part
        if len(body) > MAX_OBJECT_BYTES:
            break
    return bytes(body)


def _environ(request: web.BaseRequest, body: bytes) -> dict[str, Any]:
    path, _, query = request.raw_path.partition("?")
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers]
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": request.raw_path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.remote or "127.0.0.1",
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        # A chunked body has no length of its own; what was read tells it.
        "CONTENT_LENGTH": str(len(body) or request.content_length or 0),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        RAW_HEADERS: pairs,
    }


def _call(application: Application, environ: dict[str, Any]) -> web.Response:
    status: list[str] = []
    sent: list[tuple[str, str]] = []

    def start_response(line: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        status.append(line)
        sent.extend(headers)

    body = b"".join(application(environ, start_response))
    response = web.Response(status=int(status[0].split(" ", 1)[0]), body=body)
    response.headers.pop("Content-Type", None)
    for name, value in sent:
        if name.lower() != "content-length" or environ["REQUEST_METHOD"] == "HEAD":
            response.headers[name] = value
    response.headers["Server"] = "Server"
    return response
