"""`%emr attach` in a notebook with a local Python kernel: Spark on a real Livy, and nothing left of it afterwards."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import AsyncKernelClient, AsyncKernelManager

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.services.kernels.orphans import find_orphans
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to, of_type, published, reply_to, running, texts, until, with_settings

pytestmark = pytest.mark.sandbox
WAIT = 120


@asynccontextmanager
async def notebook(sandbox: Sandbox) -> AsyncIterator[tuple[AsyncKernelManager, AsyncKernelClient]]:
    """A local Python kernel with the extension loaded."""
    with attached_to(sandbox, "open"):
        async with running("python3") as (manager, client):
            assert (await ran(client, "%load_ext jupyter_emr_connect"))[0] == "ok"
            yield manager, client


async def ran(client: AsyncKernelClient, code: str) -> tuple[str, str, list[dict[str, Any]]]:
    """Run a cell; return its status, what it printed and its messages."""
    asked = client.execute(code)
    outputs = await published(client, asked, wait=WAIT)
    reply = await reply_to(client, asked, wait=WAIT)
    return reply["content"]["status"], texts(outputs), outputs


@pytest.fixture
def states(sandbox: Sandbox) -> Callable[[], list[str]]:
    """Ask the Livy of `open` for the states of the sessions that `%emr` has started."""
    url = f"{sandbox.compute('open')['livy_url']}/sessions"

    def ask() -> list[str]:
        with urllib.request.urlopen(url, timeout=60) as answer:
            views = json.load(answer)["sessions"]
        return [view["state"] for view in views if view["id"] not in before]

    before: set[int] = set()
    with urllib.request.urlopen(url, timeout=60) as answer:
        before |= {view["id"] for view in json.load(answer)["sessions"]}
    return ask


async def test_cells_run_on_spark_and_the_session_ends_with_the_kernel_or_is_gone_on_with(
    sandbox: Sandbox, states: Callable[[], list[str]], tmp_path: Path
) -> None:
    theirs = {"session_settings": {"open": {"conf": {"spark.sql.shuffle.partitions": "5"}}}}
    async with notebook(with_settings(sandbox, tmp_path / "config", theirs)) as (manager, client):
        label = "open (j-SANDBOXOPEN000000)"
        status, said, _ = await ran(client, "%emr attach open --as daily")
        assert status == "ok", said
        assert "Attached to open (j-SANDBOXOPEN000000) as 'daily'." in said
        await ran(client, "%emr attach open --as spare")
        assert (await ran(client, "%emr detach spare"))[1] == "'spare' is detached.\n"  # no session was started
        status, said, _ = await ran(client, "%%spark\nprint('åß漢🙂')\nspark.range(7).count()")
        assert (status, said.partition("\n")[2]) == ("ok", "åß漢🙂\n7\n"), said
        assert said.startswith("Spark session ")
        _, _, outputs = await ran(client, "%%sql -s daily\nselect '007' as code")
        shown = [message["content"]["data"].get("text/html", "") for message in of_type(outputs, "display_data")]
        assert any("<td>007</td>" in html for html in shown)
        _, said, outputs = await ran(client, "%emr sessions")
        (rows,) = of_type(outputs, "execute_result")
        assert "idle" in rows["content"]["data"]["text/plain"]
        assert (await ran(client, "2 + 2"))[0] == "ok"  # the kernel is still Python's own

        asked = client.execute("%%spark\nimport time\nprint('on', flush=True)\ntime.sleep(300)")
        await until(lambda: states() == ["busy"], wait=WAIT)
        await manager.interrupt_kernel()
        reply = await reply_to(client, asked, wait=WAIT)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert (await ran(client, "%%spark\nkept = 42"))[:2] == ("ok", "")
        assert (await ran(client, "%%spark\nspark.conf.get('spark.sql.shuffle.partitions')"))[1] == "'5'\n"
        await manager.shutdown_kernel(now=True)  # killed: it cannot end its session
    assert states() == ["idle"]
    with attached_to(sandbox, "open"):
        ledger = Ledger(Database(EMRConnect().state_file))
        (row,) = [row for row in ledger.all() if row.kernelspec == "%emr"]
        (orphan,) = [orphan for orphan in await find_orphans(EMRConnect()) if orphan.kernel.record == row]
    assert "the process that started it has ended" in orphan.why
    async with notebook(sandbox) as (manager, client):
        status, said, _ = await ran(client, f"%emr adopt {row.kernel_id[:8]} --as daily")
        assert (status, said) == ("ok", f"'daily' goes on with session {row.remote_id} on {label}.\n"), said
        assert (await ran(client, "%%spark -s daily\nkept"))[:2] == ("ok", "42\n")
        await manager.shutdown_kernel()  # as Jupyter does it: the kernel is asked to
        await until(lambda: states() == [])
    assert ledger.get(row.kernel_id) is None
