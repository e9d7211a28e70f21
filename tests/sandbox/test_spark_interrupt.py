"""Interrupting a cell of a sparkmagic kernel stops its statement in Livy and its job in Spark; the session goes on."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from traitlets.config import Config

from jupyter_emr_connect.gateway.injected.install import spark_installation
from jupyter_emr_connect.gateway.injected.kernel_spark import CANCELLED, PRINTED_LOST, STOPPED
from jupyter_emr_connect.services.recording.outputs import WIDGET_VIEW
from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to, execute, published, reply_to, running, says, texts, until

pytestmark = pytest.mark.sandbox

# Their jobs have one task, which keeps one core busy until it is interrupted.
PYTHON = {
    "set": "kept = 41",
    "job": 'spark.range(0, 10**12, 1, 1).selectExpr("sum(id)").collect()',
    "jobs": "print(len(sc.statusTracker().getActiveJobsIds()), kept + 1)",
}
SCALA = {
    "set": "val kept = 41",
    "job": 'spark.range(0L, 1000000000000L, 1L, 1).selectExpr("sum(id)").collect()',
    "jobs": 'println(s"${sc.statusTracker.getActiveJobIds.length} ${kept + 1}")',
}
# As sparkmagic had it before it cancelled anything.
OLD_SPARKMAGIC = """%%local
from sparkmagic.livyclientlib.command import Command
def execute(self, session):
    session.wait_for_idle()
    posted = session.http_client.post_statement(session.id, {"code": self.code})
    return self._get_statement_output(session, posted["id"])
Command.execute = execute
"""
Statements = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def attached(sandbox: Sandbox) -> Iterator[None]:
    with attached_to(sandbox, "open"):
        yield


@pytest.fixture
def statements(sandbox: Sandbox) -> Statements:
    """Ask Livy for the statements of the newest session."""
    livy = sandbox.compute("open")["livy_url"]

    def ask(path: str) -> Any:
        with urllib.request.urlopen(f"{livy}{path}", timeout=60) as answer:
            return json.load(answer)

    def newest() -> list[dict[str, Any]]:
        session = max(one["id"] for one in ask("/sessions")["sessions"])
        found: list[dict[str, Any]] = ask(f"/sessions/{session}/statements")["statements"]
        return found

    return newest


async def running_statement(client: AsyncKernelClient, code: str, statements: Statements, begins: float = 5) -> str:
    """Run a cell until Livy runs its statement; return its message id."""
    msg_id: str = client.execute(code)
    await until(lambda: statements()[-1]["state"] == "running")
    await asyncio.sleep(begins)  # until Spark runs its job
    return msg_id


def of_type(messages: list[dict[str, Any]], msg_type: str) -> list[dict[str, Any]]:
    return [message for message in messages if message["msg_type"] == msg_type]


async def left_are(jobs: int, client: AsyncKernelClient, code: str) -> None:
    """So many jobs are active, and the session still has its variable."""
    for _ in range(20):  # Spark's own count of jobs runs behind
        _, outputs = await execute(client, code)
        if texts(outputs).split() == [str(jobs), "42"]:
            return
        await asyncio.sleep(0.5)
    pytest.fail(texts(outputs))


async def stop_a_job(
    manager: AsyncKernelManager, client: AsyncKernelClient, code: dict[str, str], statements: Statements
) -> None:
    """Interrupt a cell whose job runs: statement and job end, the session has its variable."""
    reply, _ = await execute(client, code["set"])
    count = reply["content"]["execution_count"]
    msg_id = await running_statement(client, code["job"], statements)
    await manager.interrupt_kernel()
    outputs = await published(client, msg_id)
    content = (await reply_to(client, msg_id))["content"]
    expected = ("error", "Interrupted by user", count + 1)
    assert (content["status"], content["evalue"], content["execution_count"]) == expected
    assert texts(outputs, "stderr").startswith(CANCELLED)
    shown = {one["content"]["data"].get(WIDGET_VIEW, {}).get("model_id") for one in of_type(outputs, "display_data")}
    assert shown - {None} <= {one["content"]["comm_id"] for one in of_type(outputs, "comm_close")}  # the progress bar's
    assert statements()[-1]["state"] == "cancelled"
    await left_are(0, client, code["jobs"])


async def test_an_interrupt_stops_a_scala_cells_job_and_keeps_the_session(statements: Statements) -> None:
    async with running("emr-spark") as (manager, client):
        await stop_a_job(manager, client, SCALA, statements)


async def test_interrupts_stop_a_python_cells_job_whenever_they_come(statements: Statements) -> None:
    slow = "import time\ntry:\n    print('before')\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    time.sleep(5)"
    async with running("emr-pyspark") as (manager, client):
        await execute(client, PYTHON["set"])
        # Before the job has begun: Spark's part of the cell only plans it then, for a second or more the first time,
        # and cannot be interrupted.
        msg_id = await running_statement(client, PYTHON["job"], statements, begins=0)
        await manager.interrupt_kernel()
        assert texts(await published(client, msg_id), "stderr").startswith(CANCELLED)
        await left_are(0, client, PYTHON["jobs"])

        await stop_a_job(manager, client, PYTHON, statements)

        # A second time while the first is at work.
        msg_id = await running_statement(client, slow, statements)
        await manager.interrupt_kernel()
        await until(lambda: statements()[-1]["state"] == "cancelling")
        await manager.interrupt_kernel()
        # Livy goes on interrupting it, so that it ends with an error, which lacks what was printed.
        outputs = await published(client, msg_id)
        assert texts(outputs, "stderr") == f"{CANCELLED}{PRINTED_LOST}Interrupted by user\n"
        assert statements()[-1]["state"] == "cancelled"

        await manager.restart_kernel()
        await execute(client, PYTHON["set"])
        msg_id = await running_statement(client, PYTHON["job"], statements)
        await manager.interrupt_kernel()
        assert texts(await published(client, msg_id), "stderr").startswith(CANCELLED)  # in the new kernel too


@pytest.mark.full
async def test_a_sparkmagic_that_only_stops_polling_is_helped(statements: Statements) -> None:
    without = Config({"EMRConnect": {"cancel_spark_jobs": False}})
    async with running("emr-pyspark", without) as (manager, client):
        await execute(client, OLD_SPARKMAGIC)
        await execute(client, PYTHON["set"])
        msg_id = await running_statement(client, PYTHON["job"], statements)
        await manager.interrupt_kernel()
        assert CANCELLED not in texts(await published(client, msg_id), "stderr")
        assert statements()[-1]["state"] == "running"  # that is what the helper is for
        await manager.restart_kernel()

        await execute(client, OLD_SPARKMAGIC)
        content = spark_installation()
        await execute(client, "", silent=True, user_expressions=content["user_expressions"])
        await execute(client, PYTHON["set"])
        msg_id = await running_statement(client, PYTHON["job"], statements)
        await manager.interrupt_kernel()
        assert texts(await published(client, msg_id), "stderr").startswith(CANCELLED)
        assert (await reply_to(client, msg_id))["content"]["ename"] == "KeyboardInterrupt"
        assert statements()[-1]["state"] == "cancelled"
        await left_are(0, client, PYTHON["jobs"])


async def test_a_kernel_that_is_the_driver_itself_stops_the_cells_job_and_no_other(sandbox: Sandbox) -> None:
    """As on EMR on EKS, where there is no Livy; jobs of other groups, such as streaming queries', go on."""
    job = 'spark.range(0, 10**12, 1, 1).selectExpr("sum(id)").collect()'
    other = f"""
import threading, time
def other():
    sc.setJobGroup("other", "not the cell's")
    {job}
threading.Thread(target=other, daemon=True).start()
while not sc.statusTracker().getJobIdsForGroup("other"):
    time.sleep(0.1)
"""
    with attached_to(sandbox, "notebooks"):
        async with running("emr-pyspark") as (manager, client):
            await execute(client, PYTHON["set"])
            msg_id = client.execute(f"{other}\nprint('on', flush=True)\n{job}")
            await says(client, "on\n")
            await asyncio.sleep(2)
            await manager.interrupt_kernel()
            outputs = await published(client, msg_id)
            assert STOPPED in texts(outputs, "stderr")
            assert (await reply_to(client, msg_id))["content"]["ename"] == "KeyboardInterrupt"
            await left_are(1, client, PYTHON["jobs"])
            await execute(client, "sc.cancelJobGroup('other')")
