"""What a cell shows of a session on a Livy that misbehaves."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import NoReturn

import pytest
from aiohttp import web
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import SessionGone
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.livy import session as session_module
from jupyter_emr_connect.livy.client import LivyClient
from jupyter_emr_connect.livy.frames import MARK, PLAIN
from jupyter_emr_connect.livy.settings import SessionSettings
from jupyter_emr_connect.livy.statement import StatementProgress
from jupyter_emr_connect.livy.target import LivyTarget
from jupyter_emr_connect.magics.display import ProgressLine, StatementInterrupted
from jupyter_emr_connect.magics.remote import Remark, RemoteSpark, Started, StartProgress
from jupyter_emr_connect.magics.screen import NotebookScreen
from jupyter_emr_connect.magics.sessions import KERNELSPEC, SessionEntry
from jupyter_emr_connect.magics.spark_magics import AttachedSpark, SparkMagics, settings_of
from jupyter_emr_connect.models import KernelRecord
from tests.functional.livy.fake_livy import FakeLivy, served

NOWHERE = LivyTarget("http://127.0.0.1:9", label="Livy")


def remote_on(client: LivyClient, kind: str = "pyspark", *, reduced: bool = False) -> RemoteSpark:
    async def connect() -> LivyTarget:
        return client.target

    return RemoteSpark(connect, kind=kind, name="emr-connect-1", start_timeout=30, reconnect_s=30, reduced=reduced)


async def test_a_session_that_livy_loses_as_it_starts_is_no_failure_of_the_cell(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "LOG_COMES_WITHIN_S", 0.0)
    livy = FakeLivy()
    livy.states, livy.log = ["starting", "dead", "idle"], ["Expected RPC header, got X instead."]
    async with served(livy) as client:
        magics = SparkMagics(shell)
        magics.attach("spark", remote_on(client), "fake")
        await asyncio.to_thread(magics.run_cell, "1 + 1")
        await asyncio.to_thread(magics.detach, "spark")
    begun, printed = capsys.readouterr().out.splitlines()
    assert begun.startswith("Spark session 0 on fake, started in ")
    assert "second attempt: Livy had lost" in begun
    assert printed == "done"
    assert livy.sessions == []


async def test_the_administrators_settings_and_the_users_make_the_session(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    livy = FakeLivy()
    async with served(livy) as client:
        remote = remote_on(client)
        remote.settings = SessionSettings({"driverMemory": "2g", "conf": {"spark.a": "1", "spark.b": "2"}})
        magics = SparkMagics(shell)
        magics.attach("spark", remote, "fake")
        magics.configure("", '{"conf": {"spark.b": "3"}, "name": "mine"}')
        shown = capsys.readouterr().out
        await asyncio.to_thread(magics.run_cell, "1 + 1")
        capsys.readouterr()
        await asyncio.to_thread(magics.info, "")
        told = capsys.readouterr().out
        await asyncio.to_thread(magics.detach, "spark")
    (created,) = [json.loads(body) for _, body, _ in livy.bodies if '"spark.b"' in body]
    body = {"driverMemory": "2g", "conf": {"spark.a": "1", "spark.b": "3"}}
    assert created == {**body, "kind": "pyspark", "name": "emr-connect-1"}
    said, _, sources = shown.partition("From the administrator's EMRConnect.session_settings: ")
    assert json.loads(said.partition("\n")[2]) == body
    assert sources == "driverMemory, spark.a.\nThis kernel's own, and not taken from here: name.\n"
    assert json.dumps(body) in told
    assert "of these the administrator's  driverMemory, spark.a\n" in told


def test_what_is_said_of_a_started_application_outlives_the_line_of_progress(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = NotebookScreen(shell)
    screen.begin(alone=True)
    line = ProgressLine(screen, "fake")
    for what in (StartProgress(5, "application STARTING"), Remark("It stops."), StartProgress(9, "starting")):
        line.tell(what)
    line.tell(Started(11, {"id": 3}))
    line.tell(StatementProgress(12, "running", share=0.5))
    capsys.readouterr()
    line.clear()
    assert capsys.readouterr().out.endswith("It stops.\nSpark session 3 on fake, started in 11 s.\n")


@pytest.mark.parametrize("how", ["interrupted", "closed"])
async def test_a_session_that_starts_when_its_notebook_is_interrupted_or_closed_is_not_left(how: str) -> None:
    livy = FakeLivy()
    livy.states = ["starting"]

    def interrupt(what: object) -> None:
        if how == "interrupted":
            raise KeyboardInterrupt  # as the signal does, on the thread that runs cells

    def cell() -> str:
        try:
            remote.run("1 + 1", tell=interrupt)
        except (KeyboardInterrupt, SessionGone) as error:
            return type(error).__name__
        return "ran"

    async with served(livy) as client:
        remote = remote_on(client)
        running = asyncio.ensure_future(asyncio.to_thread(cell))
        await livy.called("GET /sessions/0")
        if how == "closed":
            await asyncio.to_thread(remote.close)
        assert await running == {"interrupted": "KeyboardInterrupt", "closed": "SessionGone"}[how]
        assert livy.sessions == []
        assert livy.statements == []
        await asyncio.to_thread(remote.close)


@pytest.mark.parametrize(
    ("verb", "said"), [("restart", "session 0 on Livy has ended"), ("detach", "ended here while the cell ran")]
)
async def test_a_session_that_is_ended_while_a_cell_runs_is_said_there_and_another_can_follow(
    shell: InteractiveShell, verb: str, said: str
) -> None:
    """As by a cell of a subshell, or by a thread of the user's."""
    livy = FakeLivy()
    livy.polls_until_done = 10_000

    def refuse(request: web.Request) -> web.Response | None:
        gone = request.path.startswith("/sessions/0") and not livy.sessions
        return web.json_response({"msg": "Session '0' not found."}, status=404) if gone else None

    livy.refuse = refuse
    magics = shell.magics_manager.registry["SparkMagics"]
    async with served(livy) as client:
        magics.attach("spark", remote_on(client), "fake")
        running = asyncio.ensure_future(asyncio.to_thread(magics.run_cell, "while True: pass"))
        await livy.called("GET /sessions/0/statements/0")
        with pytest.raises(UsageError, match="is attached already"):
            shell.run_line_magic("emr", "attach open")
        await asyncio.to_thread(shell.run_line_magic, "emr", verb)
        with pytest.raises(Exception, match=said):
            await running
        assert livy.sessions == []
        livy.refuse, livy.polls_until_done = lambda request: None, 1
        if verb == "detach":
            magics.attach("spark", remote_on(client), "fake")
        await asyncio.to_thread(magics.run_cell, "1 + 1")
        await asyncio.to_thread(magics.detach, "spark")
    assert livy.calls.count("POST /sessions") == 2


class Interrupted(RemoteSpark):
    """Its user interrupts every cell; ``after`` is what is known then: if there is a session, and if it runs on."""

    after = (True, False)

    def run(self, *_: object) -> NoReturn:
        raise KeyboardInterrupt

    @property
    def has_session(self) -> bool:
        return self.after[0]

    @property
    def runs_on(self) -> bool:
        return self.after[1]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ((True, False), "KeyboardInterrupt: the statement was cancelled."),
        ((False, False), "KeyboardInterrupt: the start of the session was given up."),
        ((True, True), "KeyboardInterrupt: Livy was asked to cancel the statement, which was not seen to end: "),
    ],
)
def test_what_came_of_an_interrupt_is_said(shell: InteractiveShell, after: tuple[bool, bool], said: str) -> None:
    remote = Interrupted(lambda: asyncio.sleep(0, NOWHERE), kind="pyspark", name="n", start_timeout=1, reconnect_s=1)
    remote.after = after
    with pytest.raises(KeyboardInterrupt) as raised:
        SparkMagics(shell, AttachedSpark(remote, "fake")).run_cell("1")
    assert isinstance(raised.value, StatementInterrupted)
    assert raised.value._render_traceback_()[0].startswith(said)


@pytest.mark.parametrize("wrong", ['{"conf": 3}', "[]", "{"])
def test_settings_that_are_none_are_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="JSON"):
        settings_of(wrong)


FIELDS, ROWS = [{"name": "a", "type": "string"}], json.dumps([["x" * 40]])


def rows_of_120_mb(code: str) -> str:
    """Answer as a session does that has rows of 120 MB (by its own word), which it gives when it is asked again."""
    if "_emr_connect_head" in code:
        return f"{MARK}{json.dumps([PLAIN, 120_000_000, len(ROWS), FIELDS])}\n\n"
    return f"{MARK}{ROWS}\n" if MARK in code else ""


@pytest.mark.parametrize(("said", "brought"), [("y\n", True), ("n\n", False), ("", False)])
async def test_more_than_100_mb_are_brought_when_the_user_agrees(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, said: str, brought: bool
) -> None:
    livy = FakeLivy()
    livy.text_of = rows_of_120_mb
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    async with served(livy) as client:
        magics = SparkMagics(shell)
        magics.attach("spark", remote_on(client), "fake")
        bring = asyncio.to_thread(magics.spark, "-o rows -n -1", "rows = 1")
        if brought:
            await bring
        else:
            with pytest.raises(UsageError, match="These rows are 120 MB"):
                await bring
        await asyncio.to_thread(magics.detach, "spark")
    assert ("rows" in shell.user_ns) == brought
    last = livy.statements[-1]["code"]
    assert ("print" in last) == brought
    assert "_emr_connect_sent" in last  # it is forgotten in the session in either case


def row_of_one(code: str) -> str:
    """Answer as a session does whose frame has one row."""
    if "_emr_connect_head" in code:
        return f"{MARK}{json.dumps([PLAIN, len(ROWS), len(ROWS), FIELDS])}\n{ROWS}\n"
    return ""


@pytest.mark.parametrize(
    ("kind", "shares", "takes"),
    [
        ("spark", 'df.createOrReplaceTempView("_emr_connect_frame")', 'val back = spark.table("_emr_connect_frame")'),
        ("sparkr", 'createOrReplaceTempView(df, "_emr_connect_frame")', 'back <- tableToDF("_emr_connect_frame")'),
    ],
)
async def test_rows_of_other_languages_go_by_the_sessions_python(
    shell: InteractiveShell, kind: str, shares: str, takes: str
) -> None:
    livy = FakeLivy()
    livy.text_of = row_of_one
    async with served(livy) as client:
        magics = SparkMagics(shell)
        magics.attach("spark", remote_on(client, kind), "fake")
        await asyncio.to_thread(magics.spark, "-o df", "df = 1")
        assert [(each.get("kind"), each["code"]) for each in livy.statements[1:2]] == [(None, shares)]
        assert [each.get("kind") for each in livy.statements[2:]] == ["pyspark", "pyspark"]
        assert livy.statements[-1]["code"] == "spark.catalog.dropTempView('_emr_connect_frame')"
        assert shell.user_ns["df"] is not None
        shell.user_ns["rows"] = [{"a": 1}]
        await asyncio.to_thread(magics.send, "-i rows -n back")
        assert [each["code"] for each in livy.statements if each.get("kind") != "pyspark"][-1] == takes
        await asyncio.to_thread(magics.detach, "spark")


async def test_rows_of_other_languages_are_refused_where_a_session_has_one_language(shell: InteractiveShell) -> None:
    livy = FakeLivy()
    async with served(livy) as client:
        magics = SparkMagics(shell)
        magics.attach("spark", remote_on(client, "spark", reduced=True), "fake")
        shell.user_ns["rows"] = [{"a": 1}]
        for magic, line in ((magics.spark, "-o df"), (magics.send, "-i rows")):
            with pytest.raises(UsageError, match="PySpark sessions alone on EMR Serverless: use emr-pyspark"):
                await asyncio.to_thread(magic, line, "df = 1")
        assert livy.statements == []
        await asyncio.to_thread(magics.detach, "spark")


async def test_a_cell_of_5_mb_runs_and_what_it_prints_stays_text(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that a session prints is HTML, whatever is in it, and control characters are the user's own."""
    code = "text = '" + "x" * 5_000_000 + "'"
    printed = "<script>alert(1)</script>\x1b[31mred\x07\x00"
    livy, shown = FakeLivy(), list[dict[str, object]]()
    livy.text_of = lambda sent: printed if sent == code else ""
    shell.display_pub.publish = lambda data, *_, **__: shown.append(data)
    async with served(livy) as client:
        magics = SparkMagics(shell)
        magics.attach("spark", remote_on(client), "fake")
        await asyncio.to_thread(magics.run_cell, code)
        await asyncio.to_thread(magics.detach, "spark")
    assert capsys.readouterr().out.endswith(f"{printed}\n")
    assert not any("text/html" in data for data in shown)


def test_a_name_is_attached_once(shell: InteractiveShell) -> None:
    magics = shell.magics_manager.registry["SparkMagics"]
    magics.attached["spark"] = magics.attached["other"] = AttachedSpark(remote_on(LivyClient(NOWHERE)), "fake")
    for line in ("attach open", "attach open --as other", "adopt 0123abcd"):
        with pytest.raises(UsageError, match="is attached already: %emr detach"):
            shell.run_line_magic("emr", line)
    magics.attached.clear()


async def test_a_ledger_that_cannot_be_written_keeps_no_session_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "folder").mkdir()  # where the state file should be
    config = EMRConnect(state_file=str(tmp_path / "folder"))
    entry = SessionEntry(config, KernelRecord("k-1", "j-1", KERNELSPEC, NOWHERE.url, "livy"))
    await gateway_loop().call(entry.add())
    await gateway_loop().call(entry.note({"id": 7}))
    await gateway_loop().call(entry.note(None))
    assert "a crash leaves it behind on Livy" in caplog.text
