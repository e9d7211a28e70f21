"""Kernels outlive their Jupyter server: left by its stop or by kill -9, gone on with by the next one."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Sandbox
from tests.functional.store import schema_3
from tests.sandbox.jupyter_server import Server, serving
from tests.sandbox.kernels import until
from tests.sandbox.notebooks import write_notebook

pytestmark = pytest.mark.sandbox

ENDS_WITHIN = 15
LOCKED = 7  # less than a writer waits for the state file
SETS = "kept = 'still here'; print('set', flush=True)"
LONG = """import os, time
kept = 'still here'
print('on', flush=True)
while not os.path.exists({flag!r}):
    time.sleep(0.2)
done = True"""


@pytest.fixture
def work(sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """A server's folder with a notebook, attached to `open`."""
    folder = tmp_path / "work"
    (folder / "deep").mkdir(parents=True)
    write_notebook(folder / "deep" / "n.ipynb", "emr-python", "1")
    done = sandbox.cli("attach", "open", str(folder))
    assert done.returncode == 0, done.stderr
    yield folder
    sandbox.cli("detach", str(folder))


async def opened(server: Server, path: str = "deep/n.ipynb") -> Any:
    status, session = await server.open_session(path, "emr-python")
    assert status == 201, session
    return session


async def sessions(server: Server) -> list[Any]:
    status, found = await server.call("GET", "/api/sessions")
    assert status == 200
    return list(found)


def state_file(sandbox: Sandbox) -> Path:
    return Path(sandbox.env["JUPYTER_DATA_DIR"]) / "emr-connect" / "state.sqlite"


def kill(server: Server) -> None:
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(10)


async def close(server: Server, session: Any, on_gateway: Any) -> None:
    """Shut the kernel down as its user does; it is deleted on the gateway."""
    assert (await server.call("DELETE", f"/api/sessions/{session['id']}"))[0] == 204
    await until(lambda: on_gateway() == set(), wait=60)


async def still_there(server: Server, before: Any) -> None:
    """See that the one session of a server is the former one, and its kernel has its variables."""
    (after,) = await sessions(server)  # a tab's request waits for it
    assert (after["id"], after["path"]) == (before["id"], before["path"])
    assert after["kernel"]["id"] == before["kernel"]["id"]
    async with server.channels(after["kernel"]["id"]) as channels:
        assert await channels.printed("print(kept)") == "still here\n"


async def end_by(server: Server, end: signal.Signals) -> None:
    server.process.send_signal(end)
    if end is signal.SIGINT:  # a terminal asks; twice is yes
        await asyncio.sleep(0.5)
        server.process.send_signal(end)
    await asyncio.to_thread(server.process.wait, ENDS_WITHIN)


async def test_each_next_server_has_the_session_and_its_variables(
    sandbox: Sandbox, work: Path, on_gateway: Any
) -> None:
    """One kernel and five servers, for a notebook that VS Code makes up a name for.

    They end by SIGTERM and ``kill -9``, on a host that is replaced, and before an update that changes the ledger.
    """
    async with serving(sandbox, work, leaves=True) as server:
        session = await opened(server, "n-jvsc-0f3c2c1e-5f3a-4c55-9d3b-1b7a3a0d2c4e6f1d.ipynb")
        async with server.channels(session["kernel"]["id"]) as channels:
            assert await channels.printed(SETS) == "set\n"
        (kernel,) = on_gateway()
        await until(lambda: noted(sandbox, session["id"]), wait=60)
        await end_by(server, signal.SIGTERM)
    assert on_gateway() == {kernel}
    for after in (None, partial(move_to_another_host, kernel), schema_3.rewrite):
        async with serving(sandbox, work, leaves=True) as server:
            await still_there(server, session)
            assert on_gateway() == {kernel}
            assert "Traceback" not in server.said
            kill(server)
        if after:
            after(state_file(sandbox))
    async with serving(sandbox, work, leaves=True) as server:
        await still_there(server, session)
        assert on_gateway() == {kernel}
        assert "Traceback" not in server.said
        await close(server, session, on_gateway)


def move_to_another_host(kernel: str, state: Path) -> None:
    """Let the kernel's owner be a process on another host, whose clock is two hours ahead.

    Of it only the heartbeat tells, as it is seen to change: so it is where a container replaces a killed one.
    """
    with closing(sqlite3.connect(state)) as database, database:
        moved = "UPDATE owners SET host = 'replaced', heartbeat_at = heartbeat_at + 7200 WHERE id ="
        database.execute(f"{moved} (SELECT owner_id FROM kernels WHERE kernel_id = ?)", (kernel,))


@pytest.mark.full
async def test_a_server_ended_by_ctrl_c_leaves_its_kernel(sandbox: Sandbox, work: Path, on_gateway: Any) -> None:
    async with serving(sandbox, work, leaves=True) as server:
        session = await opened(server)
        async with server.channels(session["kernel"]["id"]) as channels:
            assert await channels.printed(SETS) == "set\n"
        kernels = on_gateway()
        await until(lambda: noted(sandbox, session["id"]), wait=60)
        await end_by(server, signal.SIGINT)
    assert on_gateway() == kernels
    async with serving(sandbox, work, leaves=True) as server:
        await still_there(server, session)
        await close(server, session, on_gateway)


async def test_a_cell_goes_on_while_its_server_is_killed_and_another_starts(
    sandbox: Sandbox, work: Path, on_gateway: Any
) -> None:
    flag = work / "go on"
    async with serving(sandbox, work, leaves=True) as server:
        before = await opened(server)
        async with server.channels(before["kernel"]["id"]) as channels:
            asked = await channels.ask(LONG.format(flag=str(flag)))
            await channels.until("stream", asked)
            kernels = on_gateway()
            kill(server)
    async with serving(sandbox, work, leaves=True) as server:
        after = await opened(server)  # as a browser does that is opened anew
        assert after["kernel"]["id"] == before["kernel"]["id"]
        assert on_gateway() == kernels

        async def busy() -> bool:
            state: str = (await server.call("GET", f"/api/kernels/{after['kernel']['id']}"))[1]["execution_state"]
            return state == "busy"

        await until(busy)
        flag.touch()
        async with server.channels(after["kernel"]["id"]) as channels:
            assert await channels.printed("print(kept, done)") == "still here True\n"
        assert len(await sessions(server)) == 1
        await close(server, after, on_gateway)
    assert on_gateway() == set()


async def test_one_kernel_is_taken_by_a_slow_server_by_one_of_two_and_by_none_once_it_is_gone(
    sandbox: Sandbox, work: Path, on_gateway: Any
) -> None:
    """A held state file delays that the kernel is brought back, while its notebook is opened already."""
    async with serving(sandbox, work, leaves=True) as server:
        session = await opened(server)
        async with server.channels(session["kernel"]["id"]) as channels:
            assert await channels.printed(SETS) == "set\n"
        (kernel,) = on_gateway()
        kill(server)
    async with AsyncExitStack() as stack:
        with closing(sqlite3.connect(state_file(sandbox), isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            server = await stack.enter_async_context(serving(sandbox, work, leaves=True))
            opening = asyncio.ensure_future(opened(server))
            await asyncio.sleep(LOCKED)
            assert not opening.done()
            writer.execute("ROLLBACK")
        session = await opening
        await still_there(server, session)
        assert on_gateway() == {kernel}
        await until(lambda: noted(sandbox, session["id"]), wait=60)
        kill(server)
    await of_two_one_has_it(sandbox, work, session)
    assert on_gateway() == {kernel}

    url = f"{sandbox.compute('open')['gateway_url']}/api/kernels/{kernel}"
    request = urllib.request.Request(url, method="DELETE")
    await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=60).close())
    async with serving(sandbox, work, leaves=True) as server:

        async def none_left() -> bool:
            return await sessions(server) == []

        await until(none_left, wait=60)
        assert "no longer has the kernel" in server.said
        await asyncio.sleep(4)  # Jupyter's restarter looks every 3 s
        assert on_gateway() == set()
        session = await opened(server)
        assert len(on_gateway()) == 1
        await close(server, session, on_gateway)


async def of_two_one_has_it(sandbox: Sandbox, work: Path, before: Any) -> None:
    """Start two servers on the folder at once; both end in good order and leave the kernel."""
    elsewhere = work.parent / "elsewhere"
    elsewhere.mkdir()
    root = f"--ServerApp.root_dir={work}"
    async with serving(sandbox, work, leaves=True) as one, serving(sandbox, elsewhere, root, leaves=True) as two:
        ((winner, _),) = [(server, session) for server in (one, two) for session in await sessions(server)]
        await still_there(winner, before)


async def test_a_notebook_opened_in_another_servers_folder_finds_its_kernel(
    sandbox: Sandbox, work: Path, on_gateway: Any
) -> None:
    """Not brought back by its id, but found as the notebook's when that is opened."""
    async with serving(sandbox, work, leaves=True) as server:
        before = await opened(server)
        async with server.channels(before["kernel"]["id"]) as channels:
            await channels.printed(SETS)
        kernels = on_gateway()
        async with serving(sandbox, work / "deep", leaves=True) as other:
            assert await sessions(other) == []  # the first one lives
            kill(server)
            after = await opened(other, "n.ipynb")
            assert on_gateway() == kernels
            async with other.channels(after["kernel"]["id"]) as channels:
                assert await channels.printed("print(kept)") == "still here\n"
            (row,) = [one for one in sandbox.json("kernels")["items"] if one["kernel_id"] in kernels]
            assert (row["link"], row["cause"], row["owner"]["alive"]) == ("connected", "adopted", True)
            await close(other, after, on_gateway)


def noted(sandbox: Sandbox, session: str) -> bool:
    from jupyter_emr_connect.store.database import Database
    from jupyter_emr_connect.store.ledger import Ledger

    state = state_file(sandbox)
    return session in [record.jupyter_session for record in Ledger(Database(state)).all()]
