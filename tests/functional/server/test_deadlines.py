"""An AWS that accepts and never answers: routes answer by their deadline, threads come free, others do not wait."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from jupyter_emr_connect.aws import session
from jupyter_emr_connect.executors import DaemonExecutor
from jupyter_emr_connect.server.routes import compute as routes
from tests.functional.server.recorded import until

COMPUTE = "j-2AXXXXXXGAPLF"


class SilentAWS:
    """An endpoint that accepts connections and says nothing; ``held`` has them."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self.held.append(self._server.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self.held:
            connection.close()


@pytest.fixture
def silent(cloud, monkeypatch) -> Iterator[SilentAWS]:
    """AWS for all profiles; an attempt takes a second, and there could be many."""
    aws = SilentAWS()
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setattr(session, "READ_TIMEOUT", 1.0)
    monkeypatch.setattr(session, "CONNECT_TIMEOUT", 0.5)
    monkeypatch.setattr(session, "ATTEMPTS", 10)
    yield aws
    aws.close()


@pytest.fixture
def thread(monkeypatch) -> DaemonExecutor:
    """The one thread in which `runtime-roles` asks AWS."""
    executor = DaemonExecutor(1, "test-aws")
    monkeypatch.setattr(routes, "AWS", executor)
    return executor


async def test_a_route_answers_by_its_deadline(silent, rest, thread, monkeypatch):
    monkeypatch.setattr(routes.RuntimeRolesHandler, "deadline_s", 0.5)
    begun = time.monotonic()
    answer = await rest("GET", "runtime-roles", params={"compute": COMPUTE})
    assert (answer.status, answer.json["code"]) == (424, "aws-unavailable")
    assert time.monotonic() - begun < 5


@pytest.mark.slow
async def test_aws_is_asked_no_more_after_the_deadline(silent, rest, thread, monkeypatch):
    monkeypatch.setattr(routes.RuntimeRolesHandler, "deadline_s", 0.7)
    answer = await rest("GET", "runtime-roles", params={"compute": COMPUTE})
    assert (answer.status, answer.json["code"]) == (424, "aws-unavailable")
    await asyncio.to_thread(thread.submit(lambda: None).result, 10)  # the thread is free
    asked = len(silent.held)
    await asyncio.sleep(3)
    assert len(silent.held) == asked == 1


@pytest.mark.slow
async def test_a_client_that_leaves_frees_its_thread(silent, rest, thread):
    leaving = asyncio.ensure_future(rest("GET", "runtime-roles", params={"compute": COMPUTE}, request_timeout=0.5))
    await until(lambda: silent.held)
    await asyncio.wait({leaving})
    assert leaving.exception() or leaving.result().status == 599
    await asyncio.to_thread(thread.submit(lambda: None).result, 10)
    assert len(silent.held) == 1


async def test_others_do_not_wait_for_what_hangs(silent, rest, notebook, monkeypatch):
    monkeypatch.setattr(session, "READ_TIMEOUT", 60.0)
    # As many as the test's client has at once, but one, and more than a server's worth of threads once were.
    asked = {"params": {"compute": COMPUTE}, "request_timeout": 120}
    hanging = [asyncio.ensure_future(rest("GET", "runtime-roles", **asked)) for _ in range(9)]
    await until(lambda: len(silent.held) >= 9)
    for route in ("attachments", "attachments?path=work", "kernels?check=false", "openapi.yaml"):
        route, _, query = route.partition("?")
        assert (await rest("GET", route, query=query)).status == 200
    assert not any(request.done() for request in hanging)
    for request in hanging:
        request.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
