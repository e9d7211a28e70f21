"""Requests for kernels and sessions wait while kernels are brought back; all others, and all afterwards, do not."""

from __future__ import annotations

import asyncio

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.simple_httpclient import HTTPTimeoutError
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from jupyter_emr_connect.server.kernels.waiting import Waiting

AT_MOST = 3.0


class Echo(RequestHandler):
    def get(self):
        self.finish("there")

    def post(self):
        self.finish(self.request.body)


@pytest.fixture
def server(jp_asyncio_loop):
    """A server with two of Jupyter's routes, whose kernels are being brought back; yields what asks it."""
    app = Application([(r"/a%40b/api/sessions", Echo), (r"/a%40b/api/status", Echo)])
    gate = Waiting(app, "/a%40b/", at_most=AT_MOST)
    server = HTTPServer(app)
    sock, port = bind_unused_port()
    server.add_socket(sock)
    client = AsyncHTTPClient(force_instance=True)

    def ask(path: str, **options):
        url = f"http://127.0.0.1:{port}/a%40b/api/{path}"
        return asyncio.ensure_future(client.fetch(url, raise_error=False, **options))

    yield gate, ask
    server.stop()
    client.close()


async def test_they_wait_until_the_kernels_are_back(server):
    gate, ask = server
    listed, posted = ask("sessions"), ask("sessions", method="POST", body="sent")
    missing = ask("kernels/none")
    assert (await ask("status")).body == b"there"  # asked later, and answered first
    await asyncio.sleep(0.2)
    assert not any(one.done() for one in (listed, posted, missing))
    gate.end()
    assert [(await one).body for one in (listed, posted)] == [b"there", b"sent"]
    assert (await missing).code == 404
    gate.end()
    assert (await ask("sessions")).body == b"there"


@pytest.mark.slow
async def test_they_do_not_wait_for_ever(server):
    _, ask = server
    assert (await ask("sessions")).body == b"there"


async def test_a_client_that_leaves_meanwhile_disturbs_nothing(server):
    gate, ask = server
    with pytest.raises(HTTPTimeoutError):
        await ask("sessions", request_timeout=0.2)
    gate.end()
    assert (await ask("sessions")).body == b"there"
