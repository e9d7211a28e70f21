"""A statement whose Livy is away for long, beside all pauses between attempts: its result comes all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from jupyter_emr_connect.errors import AWSUnavailable, EMRConnectError, LivyError, LivyUnreachable, LoginRefused
from jupyter_emr_connect.http.auth import HTTPRequest, NoAuth
from jupyter_emr_connect.livy import client as client_module
from jupyter_emr_connect.livy import session as session_module
from jupyter_emr_connect.livy import statement as statement_module
from jupyter_emr_connect.livy.client import LivyClient
from jupyter_emr_connect.livy.session import LivySession
from jupyter_emr_connect.livy.statement import StatementProgress, run_statement
from tests.faultproxy import FaultProxy
from tests.functional.gateway.servers import HOST
from tests.functional.livy.fake_livy import FakeLivy, served
from tests.sandbox.soak import Soak

LAST_POLL_S = 0.02
OUTAGE_S = 50 * LAST_POLL_S
SOAK_S = 600  # of an outage in full length, with the pauses that users have
Outage = Callable[["Line"], AbstractContextManager[None]]


class Credentials(NoAuth):
    """What AWS gives, or does not while ``error`` is set."""

    error: EMRConnectError | None = None

    async def prepare(self, request: HTTPRequest) -> HTTPRequest:
        if self.error:
            raise self.error
        return request


class Line:
    """The way to a Livy: its proxy, the credentials, and the Livy itself."""

    def __init__(self, livy: FakeLivy, proxy: FaultProxy) -> None:
        self.livy, self.proxy, self.credentials = livy, proxy, Credentials()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, soak: Soak) -> None:
    if soak.long:
        return
    monkeypatch.setattr(client_module, "RETRY_PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(session_module, "LAST_POLL_S", LAST_POLL_S)
    monkeypatch.setattr(statement_module, "TELL_USER_AFTER_S", OUTAGE_S / 5)


@asynccontextmanager
async def running(livy: FakeLivy) -> AsyncIterator[tuple[Line, LivySession]]:
    """Give a session on a Livy behind a proxy."""
    async with served(livy) as direct:
        proxy = FaultProxy(HOST, urlsplit(direct.target.url).port or 0)
        line = Line(livy, proxy)
        target = replace(direct.target, url=f"http://{HOST}:{proxy.port}", auth=line.credentials)
        client = LivyClient(target, connect_timeout=1, request_timeout=3)
        try:
            session = LivySession(direct, "emr-connect-1", "pyspark")
            await session.start(30)
            session.client = client
            yield line, session
        finally:
            await client.close()
            proxy.close()


@contextmanager
def answered(line: Line, answer: Callable[[], web.Response]) -> Iterator[None]:
    line.livy.refuse = lambda request: answer()
    yield
    line.livy.refuse = lambda request: None


@contextmanager
def without_credentials(line: Line) -> Iterator[None]:
    line.credentials.error = AWSUnavailable("AWS does not answer.")
    yield
    line.credentials.error = None


def portal() -> web.Response:
    return web.Response(text="<html><title>Sign in</title>", content_type="text/html")


OUTAGES: dict[str, Outage] = {
    "connections are refused": lambda line: line.proxy.refusing(),
    "nothing passes": lambda line: line.proxy.black_hole(),
    "a portal answers": lambda line: answered(line, portal),
    "a proxy knows no such address": lambda line: answered(line, lambda: web.Response(status=404)),
    "AWS gives no credentials": without_credentials,
}

IN_FULL = ("connections are refused", "nothing passes")  # in `make soak`


@pytest.mark.parametrize(
    "how", [pytest.param(how, marks=pytest.mark.faults) if how in IN_FULL else how for how in OUTAGES]
)
async def test_the_result_of_a_statement_comes_after_a_long_outage(how: str, soak: Soak) -> None:
    livy, told = FakeLivy(), list[StatementProgress]()
    outage_s = SOAK_S if soak.long else OUTAGE_S
    livy.polls_until_done = 10_000
    async with running(livy) as (line, session):
        statement = asyncio.ensure_future(run_statement(session, "1", progress=told.append, reconnect_s=600))
        await livy.called("GET /sessions/0/statements/0")
        with OUTAGES[how](line):
            livy.polls_until_done = 1  # it ends meanwhile
            began = asyncio.get_running_loop().time()
            while not told or not told[-1].problem or asyncio.get_running_loop().time() < began + outage_s:
                await asyncio.sleep(LAST_POLL_S)
                assert not statement.done(), statement.result()
        assert (await statement).data == {"text/plain": "done"}
    assert len(livy.statements) == 1
    assert livy.calls.count("POST /sessions/0/statements") == 1


@pytest.mark.parametrize("how", ["connections are refused", "a portal answers", "AWS gives no credentials"])
async def test_a_server_that_stays_away_is_given_up_at_last(how: str) -> None:
    livy = FakeLivy()
    livy.polls_until_done = 10_000
    async with running(livy) as (line, session):
        statement = asyncio.ensure_future(run_statement(session, "1", reconnect_s=OUTAGE_S / 10))
        await livy.called("GET /sessions/0/statements/0")
        with OUTAGES[how](line), pytest.raises((LivyError, AWSUnavailable)):
            await statement


async def test_a_session_that_dies_meanwhile_is_said_to_be_gone() -> None:
    livy = FakeLivy()
    livy.polls_until_done = 10_000
    async with running(livy) as (line, session):
        statement = asyncio.ensure_future(run_statement(session, "1", reconnect_s=600))
        await livy.called("GET /sessions/0/statements/0")
        with line.proxy.refusing():
            livy.states = ["dead"]
            livy.refuse = lambda request: web.Response(status=500) if "/statements/" in request.path else None
        with pytest.raises(LivyError, match="is dead"):
            await statement


async def test_a_password_that_is_refused_meanwhile_is_not_sent_again_and_again() -> None:
    livy = FakeLivy()
    livy.polls_until_done = 10_000
    async with running(livy) as (_, session):
        session.client.target = replace(session.client.target, username="analyst")
        statement = asyncio.ensure_future(run_statement(session, "1", reconnect_s=600))
        await livy.called("GET /sessions/0/statements/0")
        livy.refuse, before = lambda request: web.Response(status=401), len(livy.calls)
        with pytest.raises(LoginRefused):
            await statement
    assert len(livy.calls) - before == 1


async def test_the_network_that_is_gone_as_a_statement_is_sent_is_said() -> None:
    livy = FakeLivy()
    async with running(livy) as (line, session):
        with line.proxy.refusing(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(client_module, "LOOK_PAUSES_S", (0.0,))
            with pytest.raises(LivyUnreachable, match=r"was lost|refused the connection"):
                await run_statement(session, "1")
    assert livy.statements == []
