"""The client on a Livy that misbehaves at command: what was not answered is looked for, never asked for blindly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from jupyter_emr_connect.errors import (
    EMRConnectError,
    LivyError,
    LivyRefused,
    LivyUnreachable,
    NotLivy,
    SessionGone,
    SessionStartFailed,
)
from jupyter_emr_connect.livy import client as client_module
from jupyter_emr_connect.livy import session as session_module
from jupyter_emr_connect.livy import statement as statement_module
from jupyter_emr_connect.livy.client import LivyClient
from jupyter_emr_connect.livy.session import LivySession, lost_because, lost_by_race
from jupyter_emr_connect.livy.statement import StatementProgress, run_statement
from jupyter_emr_connect.livy.target import LivyTarget
from tests.free_ports import free_port
from tests.functional.gateway.servers import HOST
from tests.functional.livy.fake_livy import FakeLivy, served
from tests.stopping import stop_serving

CODE = "print('åß漢🙂')"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LOOK_PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(client_module, "RETRY_PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(session_module, "LOG_COMES_WITHIN_S", 0.0)


async def started(client: LivyClient) -> LivySession:
    session = LivySession(client, "emr-connect-1", "pyspark")
    await session.start(30)
    return session


async def test_bodies_say_their_charset_and_pass_csrf_protection() -> None:
    livy = FakeLivy()
    async with served(livy) as client:
        result = await run_statement(await started(client), CODE)
    assert result.data == {"text/plain": "done"}
    assert {(kind, by) for kind, _, by in livy.bodies} == {("application/json; charset=utf-8", "jupyter_emr_connect")}
    assert json.loads(livy.bodies[-1][1])["code"] == CODE


async def test_a_server_that_takes_a_body_for_latin_1_has_the_users_text_all_the_same() -> None:
    """As Livy's does where a proxy has stripped the charset."""
    livy = FakeLivy()
    livy.reads_as = "latin-1"
    async with served(livy) as client:
        await run_statement(await started(client), CODE)
    assert livy.statements[0]["code"] == CODE


async def test_a_session_whose_creation_was_not_answered_is_found_by_its_name_and_not_made_twice() -> None:
    livy = FakeLivy()
    livy.lose = {"POST /sessions"}
    async with served(livy) as client:
        session = await started(client)
    assert session.id == 0
    assert livy.calls.count("POST /sessions") == 1


async def test_a_session_that_never_came_is_said_to_be_unreachable_and_not_made_again() -> None:
    livy = FakeLivy()
    livy.refuse = lambda request: web.Response(status=503) if request.method == "POST" else None
    async with served(livy) as client:
        with pytest.raises(LivyUnreachable):
            await started(client)
    assert livy.calls.count("POST /sessions") == 1


async def test_a_statement_that_was_not_answered_is_found_and_runs_once() -> None:
    livy = FakeLivy()
    livy.lose = {"POST /sessions/0/statements"}
    async with served(livy) as client:
        assert (await run_statement(await started(client), "1")).data == {"text/plain": "done"}
    assert livy.calls.count("POST /sessions/0/statements") == 1
    assert len(livy.statements) == 1


async def test_a_statement_that_never_came_is_sent_again() -> None:
    livy = FakeLivy()
    refused: list[str] = []

    def refuse(request: web.Request) -> web.Response | None:
        if request.method == "POST" and request.path.endswith("/statements") and not refused:
            refused.append(request.path)
            return web.Response(status=502)
        return None

    livy.refuse = refuse
    async with served(livy) as client:
        assert (await run_statement(await started(client), "1")).data == {"text/plain": "done"}
    assert len(livy.statements) == 1


async def test_a_server_that_is_away_while_a_statement_runs_is_asked_until_it_is_back() -> None:
    livy, told = FakeLivy(), list[StatementProgress]()
    away = 5

    def refuse(request: web.Request) -> web.Response | None:
        nonlocal away
        if request.method == "GET" and "/statements/" in request.path and away:
            away -= 1
            return web.Response(status=503)
        return None

    livy.refuse = refuse
    async with served(livy) as client:
        result = await run_statement(await started(client), "1", progress=told.append)
    assert result.data == {"text/plain": "done"}
    assert away == 0


async def test_a_cancelled_caller_cancels_the_statement() -> None:
    livy = FakeLivy()
    livy.polls_until_done = 10_000
    async with served(livy) as client:
        session = await started(client)
        running = asyncio.ensure_future(run_statement(session, "while True: pass"))
        await livy.called("GET /sessions/0/statements/0")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert livy.statements[0]["state"] == "cancelled"


async def test_a_statement_that_is_on_its_way_when_its_caller_is_cancelled_is_cancelled_too() -> None:
    livy, post = FakeLivy(), "POST /sessions/0/statements"
    livy.polls_until_done = 10_000
    livy.gates[post] = asyncio.Event()
    async with served(livy) as client:
        session = await started(client)
        running = asyncio.ensure_future(run_statement(session, "while True: pass"))
        await livy.called(post)
        running.cancel()
        await asyncio.sleep(0)
        livy.gates[post].set()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert [one["state"] for one in livy.statements] == ["cancelled"]
    assert not session.runs_on


async def test_a_cancelled_statement_whose_session_stays_busy_was_not_seen_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statement_module, "CANCELLED_WITHIN_S", 0.5)
    livy = FakeLivy()
    livy.polls_until_done = 10_000
    async with served(livy) as client:
        session = await started(client)
        livy.states = ["busy"]
        running = asyncio.ensure_future(run_statement(session, "heeds no interrupt"))
        await livy.called("GET /sessions/0/statements/0")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert session.runs_on


async def test_a_language_that_a_server_does_not_take_is_said_before_it_is_asked() -> None:
    livy = FakeLivy()
    async with served(livy) as client:
        client.target = replace(client.target, reduced=True)
        with pytest.raises(SessionStartFailed, match="none in R"):
            await LivySession(client, "emr-connect-1", "sparkr").start(30)
    assert livy.calls == []


def test_a_statement_of_a_minute_takes_less_than_ninety_requests() -> None:
    pauses, seconds, requests = session_module.polls(), 0.0, 2  # it is sent, and asked for at once
    while seconds < 60:
        seconds, requests = seconds + pauses.next(), requests + 1
    assert requests <= 80
    assert session_module.polls().next() == 0.01


async def test_a_start_that_is_given_up_leaves_no_session() -> None:
    livy = FakeLivy()
    livy.states = ["starting"]
    async with served(livy) as client:
        starting = asyncio.ensure_future(started(client))
        await livy.called("GET /sessions/0")
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    assert livy.sessions == []


async def test_a_session_that_dies_as_it_starts_says_the_end_of_its_log_and_is_removed() -> None:
    livy = FakeLivy()
    livy.states = ["starting", "dead"]
    async with served(livy) as client:
        with pytest.raises(SessionStartFailed, match=r"it is dead\. The end of its log:\n(.|\n)*OutOfMemoryError"):
            await started(client)
    assert livy.sessions == []
    assert livy.calls.count("POST /sessions") == 1


RACE = "java.lang.IllegalArgumentException: Expected RPC header, got org.apache.livy.rsc.rpc.Rpc$SaslMessage instead."


# As the driver's log reads where it was the server that hung up.
HUNG_UP = "WARN RpcDispatcher: [ReplDriver] Closing RPC channel with 1 outstanding RPCs."
STARTS = "INFO SparkEntries: Starting Spark context..."


def test_a_channel_that_is_closed_once_spark_starts_is_no_race() -> None:
    assert lost_by_race(["stderr:", HUNG_UP, STARTS])
    assert not lost_by_race(["stderr:", STARTS, HUNG_UP])


@pytest.mark.parametrize(("state", "sign"), [("dead", RACE), ("error", RACE), ("dead", HUNG_UP)])
async def test_a_session_that_livy_loses_as_it_starts_is_started_once_more(
    state: str, sign: str, caplog: pytest.LogCaptureFixture
) -> None:
    livy = FakeLivy()
    livy.states, livy.log = ["starting", state, "starting", "idle"], ["stderr:", sign, *["later"] * 30]
    told: list[str] = []
    caplog.set_level("INFO")
    async with served(livy) as client:
        session = LivySession(client, "emr-connect-1", "pyspark", {"driverMemory": "2g"})
        await session.start(30, lambda state, since: told.append(state))
    assert livy.calls.count("POST /sessions") == 2
    assert [(one["name"], one["driverMemory"]) for one in livy.sessions] == [("emr-connect-1", "2g")]
    assert any("once more" in one for one in told)
    assert "lost" in session.restarted_because
    assert session.restarted_because in caplog.text


async def test_a_session_that_livy_loses_twice_is_said_to_have_failed() -> None:
    livy = FakeLivy()
    livy.states, livy.log = ["dead"], ["stderr:", RACE]
    async with served(livy) as client:
        with pytest.raises(SessionStartFailed, match="Expected RPC header"):
            await started(client)
    assert livy.calls.count("POST /sessions") == 2
    assert livy.sessions == []


EMPTY = ["stdout: ", "\nstderr: "]


async def test_a_driver_that_livy_killed_before_it_said_anything_is_started_once_more_and_says_why_then() -> None:
    livy = FakeLivy()
    livy.states, livy.log = ["starting", "killed", "starting", "dead"], EMPTY

    def heard(request: web.Request) -> None:
        if livy.calls.count("POST /sessions") == 2:
            livy.log = ["stderr:", "spark.driver.memory is too much"]

    livy.refuse = heard
    async with served(livy) as client:
        with pytest.raises(SessionStartFailed, match=r"it is dead, and one before .*killed(.|\n)*is too much"):
            await started(client)
    assert livy.calls.count("POST /sessions") == 2
    assert livy.sessions == []


@pytest.mark.parametrize(
    ("state", "lines", "has_log"),
    [("dead", EMPTY, True), ("killed", [*EMPTY, "killed by the administrator"], True), ("killed", [], False)],
)
def test_what_ends_for_a_reason_of_its_own_is_not_started_again(state: str, lines: list[str], has_log: bool) -> None:
    assert lost_because(state, lines, has_log=has_log) == ""


async def test_a_session_that_livy_has_lost_and_whose_start_is_slow_is_not_started_again() -> None:
    livy = FakeLivy()
    livy.states, livy.log = ["starting"], ["stderr:", RACE]
    async with served(livy) as client:
        with pytest.raises(SessionStartFailed, match="still starting"):
            await LivySession(client, "emr-connect-1", "pyspark").start(0)
    assert livy.calls.count("POST /sessions") == 1
    assert livy.sessions == []


ANSWERS: list[tuple[Callable[[], web.Response], type[EMRConnectError], str]] = [
    (lambda: web.Response(status=401), LivyRefused, r"401"),
    (lambda: web.json_response({"message": "Signature expired"}, status=403), LivyRefused, r"Signature expired.*clock"),
    (lambda: web.json_response({"msg": "Session '7' not found."}, status=404), SessionGone, r"Session '7' not found"),
    (lambda: web.Response(status=404), NotLivy, r"404"),
    (lambda: web.Response(status=302, headers={"Location": "/login"}), NotLivy, r"302"),
    (lambda: web.Response(text="Invalid kind: cobol", status=400), LivyError, r"400: Invalid kind: cobol"),
    (lambda: web.Response(text="<html><title>Sign in</title>", content_type="text/html"), NotLivy, r"text/html"),
    (lambda: web.json_response("text"), NotLivy, r"no Livy server"),
    (lambda: web.Response(text="java.lang.X: no\n\tat a.B(C.java:1)", status=500), LivyError, r"no\)"),
    (lambda: web.Response(status=429), LivyUnreachable, r"429"),
]


@pytest.mark.parametrize(("answer", "error", "words"), ANSWERS)
async def test_what_a_server_refuses_is_said_in_one_sentence(
    answer: Callable[[], web.Response], error: type[EMRConnectError], words: str
) -> None:
    livy = FakeLivy()
    livy.refuse = lambda request: answer()
    async with served(livy) as client:
        with pytest.raises(error, match=words) as raised:
            await client.session(7)
    assert type(raised.value) is error
    assert "\tat " not in str(raised.value)


async def test_nothing_listens() -> None:
    client = LivyClient(LivyTarget(f"http://{HOST}:{free_port()}", label="Livy"))
    with pytest.raises(LivyUnreachable, match="refused the connection"):
        await client.sessions()
    await client.close()


async def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    async def hang(request: web.BaseRequest) -> web.Response:
        await asyncio.sleep(600)
        raise AssertionError

    ask: Callable[[LivyClient], Awaitable[Any]] = lambda client: client.sessions()  # noqa: E731 - names what is asked
    runner = web.ServerRunner(web.Server(hang), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    client = LivyClient(LivyTarget(f"http://{HOST}:{runner.addresses[0][1]}", label="Livy"), request_timeout=0.2)
    with pytest.raises(LivyUnreachable, match="did not answer in time"):
        await ask(client)
    await client.close()
    await stop_serving(runner)
