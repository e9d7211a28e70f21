"""Cuts of the line, tabs that come and go, a server that is killed or sleeps: the notebook has all, each once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import Sandbox
from tests.faultproxy import FaultProxy, fault_proxy
from tests.sandbox.jupyter_server import Server, serving
from tests.sandbox.kernels import until
from tests.sandbox.line import address_of
from tests.sandbox.notebooks import read_while_written, write_notebook
from tests.sandbox.numbers import GOOD, account, numbers
from tests.sandbox.own_gateway import OwnGateway, own_gateway
from tests.sandbox.soak import Soak
from tests.sandbox.tab import in_file, tab

pytestmark = [pytest.mark.sandbox, pytest.mark.faults]

WAIT = 120


@pytest.fixture
def gateway(sandbox: Sandbox, tmp_path: Path) -> Iterator[OwnGateway]:
    with own_gateway(address_of(sandbox), tmp_path / "gateway") as found:
        yield found


@pytest.fixture
def line(gateway: OwnGateway) -> Iterator[FaultProxy]:
    with fault_proxy(gateway.address, gateway.port) as proxy:
        yield proxy


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """A server's folder, attached to `open`."""
    (tmp_path / "work").mkdir()
    done = sandbox.cli("attach", "open", str(tmp_path / "work"))
    assert done.returncode == 0, done.stderr
    yield tmp_path
    sandbox.cli("detach", str(tmp_path / "work"))


@asynccontextmanager
async def server_on(sandbox: Sandbox, folder: Path, port: int, *, leaves: bool = False) -> AsyncIterator[Server]:
    words = ("--ServerApp.root_dir=work", f"--EMRConnect.gateway_port={port}")
    async with serving(sandbox, folder, *words, leaves=leaves) as server:
        yield server


async def kernel_of(server: Server) -> str:
    """Open the notebook as JupyterLab does; return its kernel."""
    status, session = await server.open_session("n.ipynb", "emr-python")
    assert status == 201, session
    kernel: str = session["kernel"]["id"]
    return kernel


async def in_file_at_last(path: Path, count: int, cell: int = 0) -> None:
    """All numbers come into the file, each once, and stay so."""
    end = asyncio.get_running_loop().time() + WAIT
    while not in_file(path, cell=cell).endswith(f"\n{count - 1}\n"):
        assert asyncio.get_running_loop().time() < end, account(in_file(path, cell=cell), count)
        await asyncio.sleep(0.3)
    await asyncio.sleep(3)
    assert account(in_file(path, cell=cell), count) == GOOD
    assert in_file(path, "stderr", cell) == ""


async def test_each_number_is_in_the_notebook_once(
    sandbox: Sandbox, folder: Path, line: FaultProxy, soak: Soak
) -> None:
    """The line is cut, and nobody looks half of the time; a tab that comes back shows all."""
    count, cuts = soak.choose(1000, 10_000), soak.choose(4, 20)
    code = numbers(count, 0.012)
    path = write_notebook(folder / "work" / "n.ipynb", "emr-python", code)
    async with server_on(sandbox, folder, line.port) as server:
        kernel = await kernel_of(server)
        async with tab(server, kernel) as first:
            msg_id = await first.channels.ask(code, cell_id=read_while_written(path).cells[0].id)
            await asyncio.sleep(0.5)
        cutting = asyncio.ensure_future(cut_often(line, soak, cuts, count * 0.012))
        while not cutting.done():
            await asyncio.sleep(soak.dice.uniform(0, 5))
            async with tab(server, kernel, msg_id=msg_id):
                await asyncio.sleep(soak.dice.uniform(0, 5))
        async with tab(server, kernel, msg_id=msg_id) as shown:
            await asyncio.wait_for(shown.ended.wait(), WAIT)
            assert account(shown.out, count) == GOOD
            assert shown.err == ""
        await in_file_at_last(path, count)
        assert line.cuts >= cuts
        soak.note(f"{count} numbers over {line.cuts} cuts: each once in the tab and in the file")


async def cut_often(line: FaultProxy, soak: Soak, cuts: int, seconds: float) -> None:
    for _ in range(cuts):
        await asyncio.sleep(soak.dice.uniform(0.5, 1.5) * 0.9 * seconds / cuts)
        lost = soak.dice.choice([0.0, soak.dice.uniform(0.1, 1.0)])
        await asyncio.to_thread(line.cut, soak.dice.choice(["rst", "fin"]), lost=lost)


async def test_a_server_that_sleeps_loses_nothing(sandbox: Sandbox, folder: Path, line: FaultProxy, soak: Soak) -> None:
    """A laptop is closed in the midst of a cell; meanwhile the network forgets its connections."""
    seconds = soak.choose(16, 180)
    count = 20 * (seconds + 5)
    code = numbers(count, 0.05)
    path = write_notebook(folder / "work" / "n.ipynb", "emr-python", code)
    async with server_on(sandbox, folder, line.port) as server:
        kernel = await kernel_of(server)
        async with tab(server, kernel) as shown:
            shown.msg_id = await shown.channels.ask(code, cell_id=read_while_written(path).cells[0].id)
            await asyncio.sleep(2)
            os.kill(server.process.pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(seconds / 2)
                line.cut(lost=seconds / 4)
                await asyncio.sleep(seconds / 2)
            finally:
                os.kill(server.process.pid, signal.SIGCONT)
            await asyncio.wait_for(shown.ended.wait(), WAIT)
            assert account(shown.out, count) == GOOD
            assert shown.err == ""
        await in_file_at_last(path, count)
        soak.note(f"the server stopped for {seconds} s: nothing lost")


async def test_a_server_that_is_killed_loses_nothing(
    sandbox: Sandbox, folder: Path, gateway: OwnGateway, soak: Soak
) -> None:
    """kill -9 at any instant of a cell, with its tab open or closed; the next server goes on with the same kernel."""
    kills, count = soak.choose(1, 20), 150
    codes = [f"kept = {n}\n{numbers(count, 0.02)}" for n in range(kills)]
    path = write_notebook(folder / "work" / "n.ipynb", "emr-python", *codes)
    kernels: set[str] = set()
    for n, code in enumerate(codes):
        async with server_on(sandbox, folder, gateway.port, leaves=True) as server:
            kernel = await kernel_of(server)
            kernels |= gateway.kernels
            async with tab(server, kernel) as shown:
                shown.msg_id = await shown.channels.ask(code, cell_id=read_while_written(path).cells[n].id)
                await until(lambda tab=shown: tab.out)  # what has not reached the kernel dies with its server
                await asyncio.sleep(soak.dice.uniform(0, 2.8))
                if leaves := soak.dice.random() < 0.5:
                    kill(server)
            if not leaves:
                await asyncio.sleep(soak.dice.uniform(0, 1))
                kill(server)
        await asyncio.sleep(soak.dice.uniform(0, 2))
        async with server_on(sandbox, folder, gateway.port, leaves=True) as server:
            kernel = await kernel_of(server)
            await in_file_at_last(path, count, n)
            async with server.channels(kernel) as channels:
                assert await channels.printed("print(kept)") == f"{n}\n"
            assert gateway.kernels == kernels
            assert len(kernels) == 1
            last = n == kills - 1
            if last:
                (session,) = (await server.call("GET", "/api/sessions"))[1]
                assert (await server.call("DELETE", f"/api/sessions/{session['id']}"))[0] == 204
    assert gateway.kernels == set()
    soak.note(f"{kills} times kill -9 in the midst of a cell: output complete, variables there, one kernel")


def kill(server: Server) -> None:
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
