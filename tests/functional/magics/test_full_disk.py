"""Cells of a Livy session on a disk that is full here: they run, rows come and go, what cannot be kept is said."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.livy.frames import MARK, PLAIN
from jupyter_emr_connect.livy.target import LivyTarget
from jupyter_emr_connect.magics.remote import RemoteSpark
from jupyter_emr_connect.magics.sessions import KERNELSPEC, SessionEntry
from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.services.kernels.ownership import ownership
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.functional.livy.fake_livy import FakeLivy, served

FIELDS, ROWS = [{"name": "a", "type": "string"}], json.dumps([["x"]])


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow beyond what SQLite needs to open one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def one_row(code: str) -> str:
    return f"{MARK}{json.dumps([PLAIN, len(ROWS), len(ROWS), FIELDS])}\n{ROWS}\n" if MARK in code else ""


async def test_cells_run_and_rows_come_and_go_on_a_full_disk(
    shell: InteractiveShell, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = EMRConnect(state_file=str(tmp_path / "state.sqlite"))
    ledger = Ledger(Database(config.state_file))
    ledger.add(KernelRecord("k-0", "j-1", KERNELSPEC, "http://old", "livy"), ownership(config.state_file).present())
    livy = FakeLivy()
    livy.text_of, livy.polls_until_done = one_row, 0
    magics = shell.magics_manager.registry["SparkMagics"]
    async with served(livy) as client:
        entry = SessionEntry(config, KernelRecord("k-1", "j-1", KERNELSPEC, client.target.url, "livy"))

        async def connect() -> LivyTarget:
            return client.target

        async def before_start(_: object) -> str:
            await entry.add()
            return ""

        remote = RemoteSpark(
            connect,
            kind="pyspark",
            name="emr-connect-1",
            start_timeout=30,
            reconnect_s=30,
            before_start=before_start,
            on_session=entry.note,
        )
        magics.attach("spark", remote, "fake")
        shell.user_ns["rows"] = [{"a": "y" * 100_000}]
        with full_disk():
            await asyncio.to_thread(magics.spark, "-o df", "df = 1")
            await asyncio.to_thread(magics.send, "-i rows -n there")
        assert len(shell.user_ns["df"]) == 1
        assert any("there = _emr_connect_frame" in statement["code"] for statement in livy.statements)
        assert [row.kernel_id for row in ledger.all()] == ["k-0"]
        assert "a crash leaves it behind on Livy" in caplog.text
        assert "Check the disk: it may be full." in caplog.text
        await gateway_loop().call(entry.add())  # with room again
        await asyncio.to_thread(magics.detach, "spark")
    assert [row.kernel_id for row in ledger.all()] == ["k-0"]
    assert livy.sessions == []
