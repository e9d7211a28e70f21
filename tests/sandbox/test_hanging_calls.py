"""What hangs holds up nothing else: an AWS endpoint that never answers and a host name that nobody resolves."""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import logging
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import AsyncKernelManager

from jupyter_emr_connect.aws.session import forget
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.gateway.discovery import probe_gateway
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.http.tls import PlainHttpRule, make_ssl_context
from jupyter_emr_connect.models import Attachment
from jupyter_emr_connect.services.attachments.connect import connect
from tests.conftest import Sandbox
from tests.functional.gateway.servers import HOST, silent
from tests.sandbox.kernels import attached_to, execute, reply_to, says

pytestmark = pytest.mark.sandbox
log = logging.getLogger(__name__)

HANGING_HOST = "hanging.test"
CALLS = 40
# What queues behind a call that hangs waits for its deadline, 30 s and more; beside other tests a step takes some
# seconds longer from one time to the next. The test tells the one from the other; it logs the times.
NOISE_S = 8.0
ANSWERS_WITHIN_S = 2.0


@pytest.fixture
def jp_server_config(tmp_path: Path) -> dict[str, Any]:
    """A server that acts as the profile whose endpoint hangs."""
    settings = {"profile": "hanging", "state_file": str(tmp_path / "state" / "state.sqlite")}
    return {"ServerApp": {"jpserver_extensions": {"jupyter_emr_connect": True}}, "EMRConnect": settings}


@pytest.fixture
def names_that_hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A resolver that does not answer for one host until the test is over."""
    over, getaddrinfo = threading.Event(), socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == HANGING_HOST:
            over.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "The test is over.")
        return getaddrinfo(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield
    over.set()


def prepare_environment(sandbox: Sandbox, port: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this process the sandbox's profiles, and one more whose endpoint accepts and never answers."""
    profiles = configparser.ConfigParser()
    profiles.read(sandbox.env["AWS_CONFIG_FILE"])
    profiles["profile hanging"] = {
        "region": "us-east-1",
        "endpoint_url": f"http://{HOST}:{port}",
        "aws_access_key_id": "AKIAHANGING",
        "aws_secret_access_key": "hanging",
    }
    with (folder / "aws-config").open("w") as file:
        profiles.write(file)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "aws-config"))
    monkeypatch.delenv("AWS_ENDPOINT_URL")  # it would count for every profile
    monkeypatch.setenv("JUPYTER_PATH", str(Path(sys.prefix, "share", "jupyter")))  # the server's fixtures hide it
    forget()


async def times_of_a_kernel() -> dict[str, float]:
    """Start a kernel on the healthy compute, run a cell, interrupt one, shut down; return the seconds of each."""
    times, began = {}, time.monotonic()

    def note(step: str) -> None:
        nonlocal began
        now = time.monotonic()
        times[step], began = now - began, now

    manager = AsyncKernelManager(kernel_name="emr-python")
    await manager.start_kernel()
    client = manager.client()
    try:
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        note("start")
        assert (await execute(client, "6 * 7"))[0]["content"]["status"] == "ok"
        note("cell")
        asked = client.execute("import time; print('begun', flush=True); time.sleep(120)")
        await says(client, "begun")
        began = time.monotonic()
        await manager.interrupt_kernel()
        assert (await reply_to(client, asked))["content"]["ename"] == "KeyboardInterrupt"
        note("interrupt")
    finally:
        client.stop_channels()
        await manager.shutdown_kernel()
    note("shutdown")
    return times


async def time_of_answers(ask: Callable[..., Any], route: str) -> float:
    """Return the median of the seconds that a route takes."""
    seconds = []
    for _ in range(7):
        began = time.monotonic()
        assert (await ask("jupyter-emr-connect", route)).code == 200
        seconds.append(time.monotonic() - began)
    return statistics.median(seconds)


def begin_calls_that_hang(ask: Callable[..., Any], cluster: str, state_file: Path) -> list[asyncio.Future[Any]]:
    """Begin :data:`CALLS` calls, a part on the server's loop and two on the gateway loop."""
    config = EMRConnect(profile="hanging", state_file=str(state_file))
    calls: list[asyncio.Future[Any]] = []
    for number in range(CALLS):
        if number % 3 == 0:
            calls.append(asyncio.ensure_future(ask("jupyter-emr-connect", "identity")))
        elif number % 3 == 1:
            connecting = connect(config, Attachment(cluster, profile="hanging", region="us-east-1"))
            calls.append(asyncio.wrap_future(gateway_loop().submit(connecting)))
        else:
            rule, context = PlainHttpRule(), make_ssl_context()
            probing = probe_gateway(HANGING_HOST, 18888, ssl_context=context, plain_http=rule, connect_timeout=300)
            calls.append(asyncio.wrap_future(gateway_loop().submit(probing)))
    return calls


async def test_what_hangs_holds_up_no_kernel_and_no_answer(
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names_that_hang: None,
    jp_fetch: Callable[..., Any],
) -> None:
    cluster = sandbox.compute("open")["id"]
    async with silent() as port:
        with attached_to(sandbox, cluster):
            prepare_environment(sandbox, port, tmp_path, monkeypatch)
            before = [await times_of_a_kernel() for _ in range(3)][1:]  # the first imports what all need
            usual = {route: await time_of_answers(jp_fetch, route) for route in ("kernels", "attachments")}
            calls = begin_calls_that_hang(jp_fetch, cluster, tmp_path / "state" / "other.sqlite")
            try:
                await asyncio.sleep(1)
                assert not any(call.done() for call in calls)
                answers = {route: await asyncio.wait_for(time_of_answers(jp_fetch, route), 20) for route in usual}
                during = [await asyncio.wait_for(times_of_a_kernel(), 60) for _ in range(2)]
            finally:
                for call in calls:
                    call.cancel()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)
    for step in before[0]:
        was, took = max(times[step] for times in before), min(times[step] for times in during)
        log.info("%s: %.2f s, while %d calls hang %.2f s", step, was, CALLS, took)
        assert took <= was + NOISE_S, (step, before, during)
    for route, seconds in answers.items():
        log.info("GET %s: %.3f s, while %d calls hang %.3f s", route, usual[route], CALLS, seconds)
        assert seconds <= usual[route] + ANSWERS_WITHIN_S, (route, usual, answers)
