"""Outputs of gateway kernels go on into the notebook while no browser is connected: real kernels, a real server."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Sandbox
from tests.sandbox.jupyter_server import Server, serving
from tests.sandbox.kernels import until
from tests.sandbox.notebooks import read_while_written, write_notebook

pytestmark = pytest.mark.sandbox

COUNT = "import time\nfor number in range({0}):\n    print(number, flush=True)\n    time.sleep({1})"


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """A server's folder, attached to `open`."""
    (tmp_path / "work").mkdir()
    done = sandbox.cli("attach", "open", str(tmp_path / "work"))
    assert done.returncode == 0, done.stderr
    yield tmp_path
    sandbox.cli("detach", str(tmp_path / "work"))


def numbers(path: Path, cell: int = 0) -> list[int]:
    """Return what a cell has counted so far, in the file."""
    outputs = read_while_written(path).cells[cell].outputs
    texts = [output.get("text", "") for output in outputs if output.get("name") == "stdout"]
    return [int(line) for text in texts for line in text.splitlines()]


async def grows_to(path: Path, enough: int, within: float = 60) -> list[int]:
    end = time.monotonic() + within
    while len(found := numbers(path)) < enough:
        assert time.monotonic() < end, found
        await asyncio.sleep(0.2)
    return found


def newest_spool(sandbox: Sandbox) -> Path:
    recordings = Path(sandbox.env["JUPYTER_DATA_DIR"], "emr-connect", "recordings")
    return max(recordings.iterdir(), key=lambda file: file.stat().st_mtime)


async def counted(path: Path, count: int) -> None:
    """Wait until a cell shows all numbers, each once, and stays so."""
    assert await grows_to(path, count) == list(range(count))
    await asyncio.sleep(3)
    assert numbers(path) == list(range(count))


async def opened(server: Server, path: str = "n.ipynb") -> str:
    status, session = await server.open_session(path, "emr-python")
    assert status == 201, session
    kernel: str = session["kernel"]["id"]
    return kernel


def cell_id(path: Path, cell: int = 0) -> str:
    found: str = read_while_written(path).cells[cell].id
    return found


async def test_a_cell_left_alone_goes_on_into_the_file_to_its_end(sandbox: Sandbox, folder: Path) -> None:
    path = write_notebook(folder / "work" / "n.ipynb", "emr-python", COUNT.format(40, 0.25), "1 + 1")
    async with serving(sandbox, folder, "--ServerApp.root_dir=work") as server:
        kernel = await opened(server)
        async with server.channels(kernel) as channels:
            asked = await channels.ask(COUNT.format(40, 0.25), cell_id=cell_id(path))
            await channels.until("stream", asked)
            assert numbers(path) == []
        some = await grows_to(path, 1)
        assert len(some) < 40
        await counted(path, 40)
        assert read_while_written(path).cells[0].execution_count == 1
        spool = newest_spool(sandbox)
        (session,) = (await server.call("GET", "/api/sessions"))[1]
        assert (await server.call("DELETE", f"/api/sessions/{session['id']}"))[0] == 204
        await until(lambda: not spool.exists(), wait=60)


async def test_without_room_on_disk_the_user_is_told_and_nothing_is_lost(sandbox: Sandbox, folder: Path) -> None:
    """The limit on file sizes stands for a full disk; it holds for the server alone, not for its gateway kernel."""
    code = "import time\nfor number in range(400):\n    print(number, flush=True)\n    time.sleep(0.02)"
    path = write_notebook(folder / "work" / "n.ipynb", "emr-python", code)
    async with serving(sandbox, folder, "--ServerApp.root_dir=work") as server:
        kernel = await opened(server)
        async with server.channels(kernel) as channels:
            asked = await channels.ask(code, cell_id=cell_id(path))
            await channels.until("stream", asked)
            spool = newest_spool(sandbox)
            _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (spool.stat().st_size, hard))
            while "cannot be recorded" not in (told := (await channels.until("stream", asked))["content"])["text"]:
                pass
            assert told["name"] == "stderr"
            assert "free some space" in told["text"]
            _, recording = await server.call("GET", f"/jupyter-emr-connect/kernels/{kernel}/recording")
            assert recording["trouble"] in told["text"]
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
            while "recorded again" not in (await channels.until("stream", asked))["content"]["text"]:
                pass
        await counted(path, 400)
        stderr = [one.text for one in read_while_written(path).cells[0].outputs if one.get("name") == "stderr"]
        assert "cannot be recorded" in stderr[0]
        assert "recorded again" in stderr[-1]
        async with server.channels(kernel) as channels:
            assert await channels.printed("print(number)") == "399\n"
