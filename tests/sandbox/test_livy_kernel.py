"""The transport `livy` on a real Livy and Spark: a local kernel whose cells run in a session, from start to end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from traitlets.config import Config

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.sandbox.engines.layout import Installation
from jupyter_emr_connect.services.kernels.listing import list_kernels
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to, execute, published, reply_to, running, texts

pytestmark = pytest.mark.sandbox
WAIT = 120


@pytest.fixture
def on_livy(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Attach this process to `open` by Livy; returns what asks its Livy for the sessions that are new."""
    url = f"{sandbox.compute('open')['livy_url']}/sessions"

    def sessions() -> list[dict[str, Any]]:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return [view for view in json.load(answer)["sessions"] if str(view.get("name")).startswith("emr-connect-")]

    with attached_to(sandbox, "open"):
        monkeypatch.setenv("EMR_CONNECT_TRANSPORT", "livy")
        yield sessions
    assert sessions() == []


@asynccontextmanager
async def with_spark(name: str = "emr-pyspark") -> AsyncIterator[tuple[AsyncKernelManager, AsyncKernelClient]]:
    async with running(name) as (manager, client):
        assert await answer(client, "'started'") == "'started'\n"
        yield manager, client


async def answer(client: AsyncKernelClient, code: str) -> str:
    """Run a cell that must work; return what it printed, without the line that tells of its session."""
    asked = client.execute(code)
    outputs = await published(client, asked, wait=WAIT)
    reply = await reply_to(client, asked, wait=WAIT)
    assert reply["content"]["status"] == "ok", reply["content"]
    lines = texts(outputs).splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("Spark session "))


def rows() -> list[Any]:
    """Return the ledger's rows of this transport; earlier tests may have left kernels on gateways."""
    return [row for row in Ledger(Database(EMRConnect().state_file)).all() if row.transport == "livy"]


def child_of(manager: AsyncKernelManager) -> psutil.Process:
    mine = psutil.Process().children()
    (found,) = [one for one in mine if "jupyter_emr_connect.magics.livy_kernel" in one.cmdline()]
    return found


async def test_a_kernel_runs_its_cells_in_a_session_from_start_to_end(
    on_livy: Callable[[], list[dict[str, Any]]], sandbox: Sandbox
) -> None:
    async with with_spark() as (manager, client):
        sandbox.fault("strip-charset", "--compute", "open")
        assert await answer(client, "print('åß漢🙂')\nsc.parallelize(range(7), 1).count()") == "åß漢🙂\n7\n"
        sandbox.fault("strip-charset", "--compute", "open", "--off")
        (session,) = on_livy()
        (row,) = rows()
        assert session["name"] == f"emr-connect-{row.kernel_id}"
        assert (row.transport, row.remote_kind, row.remote_id) == ("livy", "session", str(session["id"]))
        items = (await list_kernels(EMRConnect())).to_json()["items"]
        (listed,) = [item for item in items if item["kernel_id"] == row.kernel_id]
        assert (listed["state"], listed["transport"]) == ("idle", "livy")

        matches: list[str] = []
        for _ in range(50):  # on a busy machine an answer may come too late, and then there is none
            asked = client.complete("total = spark.rang", 18)
            reply = (await reply_to(client, asked, wait=WAIT))["content"]
            if matches := reply["matches"]:
                break
        assert (matches, reply["cursor_start"], reply["cursor_end"]) == (["range"], 14, 18)

        reply, outputs = await execute(client, "def f():\n    return 1 / 0\nf()")
        assert (reply["content"]["status"], reply["content"]["ename"]) == ("error", "ZeroDivisionError")
        (told,) = [message["content"] for message in outputs if message["msg_type"] == "error"]
        assert "    return 1 / 0" in "\n".join(told["traceback"])
        assert "livy" not in "\n".join(told["traceback"])

        asked = client.execute("import time\nsc.parallelize(range(4)).map(lambda n: time.sleep(120)).count()")
        while (await client.get_iopub_msg(timeout=WAIT))["msg_type"] != "execute_input":
            continue
        await until(lambda: on_livy()[0]["state"] == "busy")
        await manager.interrupt_kernel()
        assert (await reply_to(client, asked, wait=WAIT))["content"]["ename"] == "KeyboardInterrupt"
        assert await answer(client, "len(sc.statusTracker().getActiveJobsIds())") == "0\n"

        before = session["id"]
        await manager.restart_kernel()
        await client.wait_for_ready(timeout=WAIT)
        assert await answer(client, "'f' in globals()") == "False\n"
        (session,) = on_livy()
        assert session["id"] != before
    assert on_livy() == []
    assert rows() == []


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if await asyncio.to_thread(holds):
            return
        await asyncio.sleep(0.2)
    raise AssertionError


async def test_sql_is_a_table_and_settings_are_those_of_the_session(
    on_livy: Callable[[], list[dict[str, Any]]], installed: Installation
) -> None:
    theirs = {"open": {"conf": {"spark.sql.shuffle.partitions": "5", "spark.sql.planChangeLog.level": "debug"}}}
    config = Config({"EMRConnect": {"ready_timeout": 180.0, "session_settings": theirs}})
    async with running("emr-pyspark", config) as (_, client):
        settings = '%%configure -f\n{"conf": {"spark.sql.shuffle.partitions": "3"}}'
        made = await answer(client, settings)
        assert '"spark.sql.shuffle.partitions": "3"' in made
        assert "EMRConnect.session_settings: spark.sql.planChangeLog.level.\n" in made
        both = "[spark.conf.get(f'spark.sql.{name}') for name in ('shuffle.partitions', 'planChangeLog.level')]"
        assert await answer(client, both) == "['3', 'debug']\n"
        _, outputs = await execute(client, "%%sql\nSELECT id, '<i>' AS t FROM range(2)")
        shown = [one["content"]["data"] for one in outputs if one["msg_type"] == "display_data"]
        (table,) = [data for data in shown if "text/html" in data]  # others are lines of progress
        assert table["text/plain"].splitlines() == ["id  t", "0   <i>", "1   <i>"]
        assert "<td>&lt;i&gt;</td>" in table["text/html"]
        reply, _ = await execute(client, "%%sql\nSELEC 1")
        assert reply["content"]["status"] == "error"
        assert "PARSE_SYNTAX_ERROR" in reply["content"]["evalue"]
        assert await answer(client, "%%local\nimport os\nprint('here', os.getpid() > 0)") == "here True\n"
        query = "%%sql -o rows -q\nSELECT id, CAST('0.10' AS DECIMAL(4, 2)) AS d, '007' AS t FROM range(3)"
        assert await answer(client, query) == ""
        shown = await answer(client, "%%local\nprint(list(rows[0].values()))")
        assert shown == "[0, Decimal('0.10'), '007']\n"
        await types_survive_both_ways(client)
        await frames_are_alike_as_json_and_as_arrow(client, installed.spark_home.parent)
        assert "this kernel: on j-SANDBOXOPEN000000 by livy" in await answer(client, "%emr status")
        reply, _ = await execute(client, "%emr attach analytics")
        assert "EMR_CONNECT_COMPUTE is set" in reply["content"]["evalue"]
        reply, _ = await execute(client, "%emr restrt")
        assert "Did you mean %emr restart?" in reply["content"]["evalue"]
        assert await answer(client, "%%cleanup -f") == "The session was ended.\n"
        await until(lambda: on_livy() == [])


TYPES = """SELECT CAST(9007199254740993 AS BIGINT) n, CAST('0.100000000000000001' AS DECIMAL(38, 18)) d, '007' t,
 '1e5' e, DATE'2024-02-29' day, TIMESTAMP'2024-03-10 01:59:59.1' at, X'00FF' b, CAST(NULL AS INT) missing,
 array(TIMESTAMP'2024-03-10 12:00:00') times, named_struct('x', CAST(1.5 AS DECIMAL(2, 1)), 'y', 'ä') nested,
 CAST('NaN' AS DOUBLE) nan"""


async def types_survive_both_ways(client: AsyncKernelClient) -> None:
    """Bring a row of many types in a zone that is not the driver's, send it back, and compare there and here."""
    assert await answer(client, "spark.conf.set('spark.sql.session.timeZone', 'Asia/Kathmandu')") == ""
    assert await answer(client, f"%%sql -o types -q\n{TYPES}") == ""
    shown = await answer(client, "%%local\nfor name, value in types[0].items(): print(name, repr(value))")
    assert shown.splitlines() == [
        "n 9007199254740993",
        "d Decimal('0.100000000000000001')",
        "t '007'",
        "e '1e5'",
        "day datetime.date(2024, 2, 29)",
        "at datetime.datetime(2024, 3, 10, 1, 59, 59, 100000)",
        r"b b'\x00\xff'",
        "missing None",
        shown.splitlines()[8],  # nested times are those of the driver's zone
        "nested {'x': Decimal('1.5'), 'y': 'ä'}",
        "nan nan",
    ]
    flat = "n, d, t, e, day, at, b, missing, nan"  # nothing nested: all of it comes as Arrow
    assert await answer(client, f"%%sql -o flat -n -1 -q\nSELECT {flat} FROM ({TYPES})") == ""
    compared = "[name for name in flat[0] if repr(flat[0][name]) != repr(types[0][name])]"
    assert await answer(client, f"%%local\nprint(len(flat), {compared})") == "1 []\n"
    assert "back is a Spark DataFrame" in await answer(client, "%%send_to_spark -i types -n back")
    same = ["n", "d", "t", "e", "day", "at", "b", "nan"]
    code = f"there = spark.sql('''{TYPES}''')\nback.select({same}).exceptAll(there.select({same})).count()"
    assert await answer(client, code) == "0\n"
    assert await answer(client, "%%local\ntext = 'it\\'s \"åß漢🙂\"\\n' * 3") == ""
    assert "text is text in the session" in await answer(client, "%%send -i text")
    assert await answer(client, "text == 'it\\'s \"åß漢🙂\"\\n' * 3") == "True\n"
    long = "%%spark -o many -n -1\nmany = spark.range(100000).selectExpr('id', 'sha2(string(id), 512) AS h')"
    assert await answer(client, long) == ""
    code = "%%local\nimport hashlib\nlast = many[-1]"
    code += "\nprint(len(many), last['id'], last['h'] == hashlib.sha512(b'99999').hexdigest())"
    assert await answer(client, code) == "100000 99999 True\n"
    assert await answer(client, "[name for name in globals() if 'emr' in name]") == "[]\n"


async def frames_are_alike_as_json_and_as_arrow(client: AsyncKernelClient, packages: Path) -> None:
    """Bring rows here as pandas has them, by JSON and by Arrow: values and dtypes are the same, and can be changed."""
    flat = "n, d, t, e, day, at, b, missing, nan"
    more = (
        "CAST(n AS SMALLINT) s, TIMESTAMP'9999-12-31 23:59:59' far, TIMESTAMP_NTZ'2024-03-10 02:30:00' local, true yes"
    )
    row = f"SELECT {flat}, {more} FROM ({TYPES})"
    nulls = ", ".join(["NULL"] * 9)
    query = f"{row} UNION ALL SELECT {nulls}, 0, TIMESTAMP'1900-01-01 00:00:00', NULL, NULL"
    assert await answer(client, f"%%local\nimport sys\nsys.path.append({str(packages)!r})") == ""
    assert await answer(client, f"%%sql -o by_json -q\n{query}") == ""
    assert await answer(client, f"%%sql -o by_arrow -n -1 -q\n{query}") == ""
    code = """%%local
import pandas
by_json = by_json.sort_values("s", ignore_index=True)
by_arrow = by_arrow.sort_values("s", ignore_index=True)
pandas.testing.assert_frame_equal(by_arrow, by_json, check_exact=True)
assert [list(map(type, one)) for one in by_arrow.values] == [list(map(type, one)) for one in by_json.values]
by_arrow.loc[0, "s"] = 7
print(by_arrow["s"].tolist(), by_arrow["at"].dtype, by_arrow["n"].tolist(), by_arrow["missing"].tolist())
print(by_arrow["far"].astype(str).tolist(), by_arrow["at"][1], by_arrow["local"][1], type(by_arrow["day"][1]).__name__)
"""
    assert (await answer(client, code)).splitlines() == [
        "[7, 1] datetime64[ns] [None, 9007199254740993] [None, None]",
        "['1900-01-01 00:00:00', '9999-12-31 23:59:59'] 2024-03-10 01:59:59.100000 2024-03-10 02:30:00 date",
    ]


async def test_scala_cells_run_in_a_session_too(on_livy: Callable[[], list[dict[str, Any]]]) -> None:
    async with running("emr-spark") as (_, client):
        assert "count: Long = 7" in await answer(client, "val count = spark.range(7).count()")
        assert [session["kind"] for session in on_livy()] == ["spark"]
        assert "text is text in the session" in await answer(client, "%%local\ntext = 'åß\"漢🙂'\n%send -i text")
        assert await answer(client, "println(text)") == 'åß"漢🙂\n'
        _, outputs = await execute(client, "%%sql\nSELECT '007' AS code")
        tables = [one["content"]["data"] for one in outputs if one["msg_type"] == "display_data"]
        assert any("<td>007</td>" in data.get("text/html", "") for data in tables)
        reply, _ = await execute(client, "val wrong: Int = text")
        assert "type mismatch" in reply["content"]["evalue"]


@pytest.mark.full
async def test_rows_of_scala_go_both_ways_with_their_types(on_livy: Callable[[], list[dict[str, Any]]]) -> None:
    async with running("emr-spark") as (_, client):
        frame = "val rows = spark.sql(\"SELECT CAST('0.10' AS DECIMAL(4, 2)) d, '007' t\")"
        await answer(client, f"%%spark -o rows\n{frame}")
        assert await answer(client, "%%local\nprint(rows)") == "[{'d': Decimal('0.10'), 't': '007'}]\n"
        assert "back is a Spark DataFrame" in await answer(client, "%send -i rows -n back")
        assert await answer(client, "println(back.except(rows).count(), spark.catalog.listTables.count)") == "(0,0)\n"
        reply, _ = await execute(client, "%%spark -o nothing\nval nothing = 7")
        assert "createOrReplaceTempView" in reply["content"]["evalue"]


async def test_a_session_that_has_ended_is_said_by_each_cell_and_a_killed_kernel_leaves_none(
    on_livy: Callable[[], list[dict[str, Any]]], sandbox: Sandbox
) -> None:
    async with with_spark() as (manager, client):
        running = client.execute("import time\ntime.sleep(600)")
        await until(lambda: on_livy()[0]["state"] == "busy")
        sandbox.fault("kill-session", "--compute", "open")
        replies = [await reply_to(client, running, wait=WAIT), (await execute(client, "1 + 1"))[0]]
        for reply in replies:
            assert reply["content"]["ename"] == "SessionGone"
            assert "has ended, and its variables with it" in reply["content"]["evalue"]
            assert "%emr restart" in reply["content"]["evalue"]
        assert "stderr:" in await answer(client, "%emr logs")
        assert "The session has ended" in await answer(client, "%emr restart")
        assert await answer(client, "1 + 1") == "2\n"
        assert len(on_livy()) == 1

        os.kill(child_of(manager).pid, signal.SIGKILL)
        await until(lambda: on_livy() == [])
        await until(lambda: rows() == [])


async def test_a_cell_that_fails_on_spark_fails_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    notebook = tmp_path / "fails.ipynb"
    cells = [nbformat.v4.new_code_cell(code) for code in ("%%configure -f\n{}", "spark.table('nosuch')", "1")]
    spec = {"kernelspec": {"name": "emr-pyspark", "display_name": "P"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=spec), notebook)
    done = await asyncio.to_thread(sandbox.cli, "run", str(notebook), "--compute", "open", "--transport", "livy")
    assert done.returncode == 1
    assert "Cell 2 of 3 failed: AnalysisException" in done.stderr
