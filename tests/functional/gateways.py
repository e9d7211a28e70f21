"""A gateway's ``GET /api`` at the addresses of the emulated clusters, in a thread: enough to prove an attachment."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.free_ports import free_port


@dataclass
class Gateways:
    """The port they share, what was asked, which paths deleted. ``refuse``: clusters whose gateway honours no pair."""

    port: int
    asked: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    hold: threading.Event = field(default_factory=threading.Event)


@contextmanager
def gateways(world: Any, *names: str) -> Iterator[Gateways]:
    """Serve the named clusters: `open` to everybody, others to good pairs alone (plain HTTP on loopback)."""
    shared = Gateways(free_port())
    shared.hold.set()
    world.pairs.propagation = 0.0  # a pair is good at once, so that a refusal need not be waited out for long
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(_serving(world, name, shared))
        try:
            yield shared
        finally:
            shared.hold.set()


@contextmanager
def _serving(world: Any, name: str, shared: Gateways) -> Iterator[None]:
    spec = world.cluster(name)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shared.asked.append(name)
            shared.hold.wait(30)
            body = json.dumps({"version": "1.24.0", "gateway_version": "3.3.0"}).encode()
            self.send_response(200 if self._good() else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_DELETE(self) -> None:
            shared.deleted.append(self.path)
            self.send_response(204 if self._good() else 401)
            self.end_headers()

        def _good(self) -> bool:
            if name == "open":
                return True
            words = self.headers.get("Authorization", "").removeprefix("Basic ")
            user, _, password = base64.b64decode(words).decode().partition(":")
            return name not in shared.refuse and world.pairs.check(spec.id, user, password) is not None

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer((spec.address, shared.port), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *words: None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
