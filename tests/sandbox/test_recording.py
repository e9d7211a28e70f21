"""Outputs of gateway kernels go on into the notebook while no browser is connected: real kernels, a real server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Sandbox
from tests.sandbox.jupyter_server import Server, serving
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
    return [int(line) for output in outputs for line in output.get("text", "").splitlines()]


async def grows_to(path: Path, enough: int, within: float = 60) -> list[int]:
    end = time.monotonic() + within
    while len(found := numbers(path)) < enough:
        assert time.monotonic() < end, found
        await asyncio.sleep(0.2)
    return found


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
        assert await grows_to(path, 40) == list(range(40))
        await asyncio.sleep(3)
        assert numbers(path) == list(range(40))
        assert read_while_written(path).cells[0].execution_count == 1
