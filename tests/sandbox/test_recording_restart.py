"""A server that is killed in the midst of a cell: the next one completes the notebook, each number once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Sandbox
from tests.sandbox.jupyter_server import serving
from tests.sandbox.notebooks import write_notebook
from tests.sandbox.soak import Soak
from tests.sandbox.test_recording import cell_id, counted, opened

pytestmark = [pytest.mark.sandbox, pytest.mark.full]

COUNT = 150
CODE = f"import time\nkept = 'here'\nfor number in range({COUNT}):\n    print(number, flush=True)\n    time.sleep(0.1)"


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """A server's folder, attached to `open`."""
    (tmp_path / "work").mkdir()
    done = sandbox.cli("attach", "open", str(tmp_path / "work"))
    assert done.returncode == 0, done.stderr
    yield tmp_path
    sandbox.cli("detach", str(tmp_path / "work"))


@pytest.mark.parametrize("stays", [pytest.param(True, id="with a tab"), pytest.param(False, id="without a tab")])
async def test_a_killed_server_loses_no_number(sandbox: Sandbox, folder: Path, soak: Soak, stays: bool) -> None:
    path = write_notebook(folder / "work" / "n.ipynb", "emr-python", CODE)
    async with serving(sandbox, folder, "--ServerApp.root_dir=work", leaves=True) as server:
        kernel = await opened(server)
        async with server.channels(kernel) as channels:
            asked = await channels.ask(CODE, cell_id=cell_id(path))
            await channels.until("stream", asked)
            if stays:
                await asyncio.sleep(soak.dice.uniform(0, 4))
                server.process.send_signal(signal.SIGKILL)
        if not stays:
            await asyncio.sleep(soak.dice.uniform(4, 9))
            server.process.send_signal(signal.SIGKILL)
        server.process.wait(10)
    await asyncio.sleep(soak.dice.uniform(0, 3))
    async with serving(sandbox, folder, "--ServerApp.root_dir=work", leaves=True) as server:
        await counted(path, COUNT)
        (session,) = (await server.call("GET", "/api/sessions"))[1]
        async with server.channels(session["kernel"]["id"]) as channels:
            assert await channels.printed("print(kept)") == "here\n"
        assert (await server.call("DELETE", f"/api/sessions/{session['id']}"))[0] == 204
        assert "Traceback" not in server.said
