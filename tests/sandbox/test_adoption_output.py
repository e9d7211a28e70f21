"""Over a killed server: cells show in the notebook what they print, and sparkmagic kernels keep their session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Sandbox
from tests.sandbox.jupyter_server import serving
from tests.sandbox.notebooks import read_while_written, write_notebook
from tests.sandbox.soak import Soak

pytestmark = pytest.mark.sandbox

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"
ROLE_TAKERS = ("analytics", "notebooks")  # a cluster, an EMR on EKS endpoint
COUNT = "import time\nkept = 1\nfor number in range(120):\n    print(number, flush=True)\n    time.sleep(0.1)"


@pytest.fixture
def work(sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """A server's folder, attached to `open`, with one below it for each compute that takes a role."""
    folder = tmp_path / "work"
    folder.mkdir()
    assert sandbox.cli("attach", "open", str(folder)).returncode == 0
    for compute in ROLE_TAKERS:
        (folder / compute).mkdir()
        done = sandbox.cli("attach", compute, str(folder / compute), "--runtime-role", ROLE)
        assert done.returncode == 0, done.stderr
    yield folder
    for place in (*ROLE_TAKERS, "."):
        sandbox.cli("detach", str(folder / place))


def numbers(path: Path) -> list[int]:
    outputs = read_while_written(path).cells[0].outputs
    return [int(line) for one in outputs if one.get("name") == "stdout" for line in one["text"].splitlines()]


@pytest.mark.parametrize("browser", [pytest.param(True, marks=pytest.mark.full), False])
async def test_a_cell_in_which_the_server_is_killed_twice_shows_each_line_once(
    sandbox: Sandbox, work: Path, on_gateway: Any, soak: Soak, browser: bool
) -> None:
    path = write_notebook(work / "n.ipynb", "emr-python", COUNT)
    cell = read_while_written(path).cells[0].id
    session: Any = None
    for life in range(3):
        async with serving(sandbox, work, leaves=True) as server:
            status, found = await server.open_session("n.ipynb", "emr-python")
            assert status == 201, found
            assert session is None or found["kernel"]["id"] == session["kernel"]["id"]
            session = found
            kernels = on_gateway()
            assert len(kernels) == 1
            if life == 0:
                async with server.channels(session["kernel"]["id"]) as channels:
                    asked = await channels.ask(COUNT, cell_id=cell)
                    await channels.until("stream", asked)
                    if browser:
                        await asyncio.sleep(soak.dice.uniform(0, 2))
                        server.process.kill()
            if life < 2:
                await asyncio.sleep(soak.dice.uniform(0, 2))
                server.process.kill()
                server.process.wait(10)
                continue
            end = time.monotonic() + 60
            while len(shown := numbers(path)) < 120:
                assert time.monotonic() < end, shown
                await asyncio.sleep(0.3)
            assert shown == list(range(120))
            async with server.channels(session["kernel"]["id"]) as channels:
                assert await channels.printed("print(kept, number)") == "1 119\n"
            assert on_gateway() == kernels
            assert (await server.call("DELETE", f"/api/sessions/{session['id']}"))[0] == 204
    assert on_gateway() == set()


async def test_kernels_under_a_role_go_on(sandbox: Sandbox, work: Path) -> None:
    """A Spark session on a cluster, and Python on an endpoint of EKS."""
    kernels = {"analytics": "emr-pyspark", "notebooks": "emr-python"}
    codes = {"analytics": "kept = sc.parallelize(range(7), 1).count()", "notebooks": "kept = 7"}
    before = {}
    async with serving(sandbox, work, leaves=True) as server:
        for compute, kernel in kernels.items():
            path = f"{compute}/s.ipynb"
            write_notebook(work / path, kernel, "1")
            status, session = await server.open_session(path, kernel)
            assert status == 201, session
            async with server.channels(session["kernel"]["id"]) as channels:
                await channels.until("execute_reply", await channels.ask(codes[compute]), wait=120)
            before[compute] = session["kernel"]["id"]
        server.process.kill()
        server.process.wait(10)
    rows = []
    async with serving(sandbox, work, leaves=True) as server:
        for compute, kernel in kernels.items():
            status, again = await server.open_session(f"{compute}/s.ipynb", kernel)
            assert (status, again["kernel"]["id"]) == (201, before[compute])
            async with server.channels(again["kernel"]["id"]) as channels:
                assert (await channels.printed("print(kept)")).strip() == "7"
            (row,) = [one for one in sandbox.json("kernels")["items"] if one["local_id"] == again["kernel"]["id"]]
            assert (row["runtime_role"], row["link"], row["cause"]) == (ROLE, "connected", "adopted")
            rows.append(row["kernel_id"])
            assert (await server.call("DELETE", f"/api/sessions/{again['id']}"))[0] == 204
    assert [one for one in sandbox.json("kernels")["items"] if one["kernel_id"] in rows] == []
