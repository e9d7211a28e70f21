"""What a cell shows of a session on a Livy that misbehaves."""

from __future__ import annotations

import asyncio

import pytest
from IPython.core.interactiveshell import InteractiveShell

from jupyter_emr_connect.livy import session as session_module
from jupyter_emr_connect.livy.client import LivyClient
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
