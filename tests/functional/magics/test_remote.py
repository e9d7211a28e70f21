"""What a cell shows of a session on a Livy that misbehaves."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from jupyter_emr_connect.livy import session as session_module
from jupyter_emr_connect.livy.client import LivyClient
from jupyter_emr_connect.livy.frames import MARK
from jupyter_emr_connect.livy.target import LivyTarget
from jupyter_emr_connect.magics.remote import RemoteSpark
from jupyter_emr_connect.magics.spark_magics import SparkMagics
from tests.functional.livy.fake_livy import FakeLivy, served


def remote_on(client: LivyClient) -> RemoteSpark:
    async def connect() -> LivyTarget:
        return client.target

    return RemoteSpark(connect, kind="pyspark", name="emr-connect-1", start_timeout=30, reconnect_s=30)


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


ROWS = json.dumps({"schema": {"fields": [{"name": "a", "type": "string"}]}, "data": [["x" * 40]]})


def rows_of_120_mb(code: str) -> str:
    """Answer as a session does that has rows of 120 MB (by its own word), which it gives when it is asked again."""
    if "_emr_connect_head" in code:
        return f"{MARK}{json.dumps([False, 120_000_000, len(ROWS)])}\n\n"
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
