"""A gateway kernel's life through ordinary Jupyter managers: start, restart, death, shutdown; nothing is left."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.ioloop import AsyncIOLoopKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.provisioning import EMRProvisioner
from jupyter_emr_connect.services.stages import stage_listener
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to, execute, of_type, published, reply_to, running, texts, until

pytestmark = pytest.mark.sandbox

STAGES = ["credentials", "gateway", "kernel requested", "kernel ready"]


@pytest.fixture(autouse=True)
def attached(sandbox: Sandbox) -> Iterator[None]:
    with attached_to(sandbox, "open"):
        yield


def ledger() -> Ledger:
    return Ledger(Database(EMRConnect().state_file))


def living() -> list[str]:
    """The kernels of the ledger but those that are said to be gone."""
    return [record.kernel_id for record in ledger().all() if record.state != "gone"]


def provisioner(manager: AsyncKernelManager) -> EMRProvisioner:
    assert isinstance(manager.provisioner, EMRProvisioner)
    return manager.provisioner


async def dead(manager: AsyncKernelManager) -> bool:
    return not await manager.is_alive()


async def test_a_start_goes_in_stages_and_a_shutdown_leaves_nothing(on_gateway: Any) -> None:
    told: list[str] = []
    stage_listener.set(told.append)
    async with running() as (manager, client):
        assert told == STAGES
        assert list(provisioner(manager).timings) == STAGES
        assert all(seconds >= 0 for seconds in provisioner(manager).timings.values())
        kernel_id = provisioner(manager).remote_kernel_id
        assert kernel_id in on_gateway()
        record = ledger().get(kernel_id)
        assert record
        assert (record.state, record.kernelspec) == ("connected", "emr-python")
        client.stop_channels()
        await manager.shutdown_kernel()
        assert kernel_id not in on_gateway()
        assert ledger().get(kernel_id) is None
        assert not await manager.is_alive()
    stage_listener.set(None)


async def test_a_restart_keeps_the_gateways_kernel_and_the_client(on_gateway: Any) -> None:
    async with running() as (manager, client):
        before = provisioner(manager).remote_kernel_id
        await execute(client, "kept = 1")
        await manager.restart_kernel()
        assert provisioner(manager).remote_kernel_id == before
        assert before in on_gateway()
        reply, _ = await execute(client, "kept")
        assert reply["content"]["ename"] == "NameError"


async def test_a_restart_answers_the_cell_it_ended(on_gateway: Any) -> None:
    async with running() as (manager, client):
        msg_id = client.execute("import time; time.sleep(120)")
        await asyncio.sleep(1)
        await manager.restart_kernel()
        assert (await reply_to(client, msg_id, wait=60))["content"]["status"] in ("aborted", "error")


async def test_a_forced_restart_starts_anew_behind_the_same_ports(on_gateway: Any) -> None:
    async with running() as (manager, client):
        before, ports = provisioner(manager).remote_kernel_id, list(manager.ports)
        await manager.restart_kernel(now=True)
        assert provisioner(manager).remote_kernel_id != before
        assert manager.ports == ports
        _, outputs = await execute(client, "print('new')")
        assert texts(outputs) == "new\n"
        assert before not in on_gateway()


async def test_a_client_alone_can_shut_the_kernel_down(on_gateway: Any) -> None:
    async with running() as (manager, client):
        kernel_id = provisioner(manager).remote_kernel_id
        client.shutdown()
        reply = await client.get_control_msg(timeout=60)
        assert (reply["msg_type"], reply["content"]["status"]) == ("shutdown_reply", "ok")
        await until(lambda: kernel_id not in on_gateway())
        await until(lambda: dead(manager), wait=60)


async def test_a_cell_whose_kernel_dies_ends_with_the_reason_and_the_kernel_comes_back(on_gateway: Any) -> None:
    async with running() as (manager, client):
        msg_id = client.execute("import os; os._exit(3)")
        (error,) = of_type(await published(client, msg_id), "error")
        assert error["content"]["ename"] == "KernelDied"
        assert (await reply_to(client, msg_id))["content"]["status"] == "error"
        assert await manager.is_alive()
        await asyncio.sleep(3)
        _, outputs = await execute(client, "print('alive')")
        assert texts(outputs) == "alive\n"


async def test_a_headless_run_ends_when_its_kernel_dies(on_gateway: Any) -> None:
    cells = [nbformat.v4.new_code_cell(code) for code in ("import os; os._exit(3)", "print('never')")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.raises(CellExecutionError, match="KernelDied"):
        await NotebookClient(notebook, kernel_name="emr-python").async_execute()


async def test_a_kernel_deleted_elsewhere_is_said_to_be_gone(sandbox: Sandbox, on_gateway: Any) -> None:
    async with running() as (manager, client):
        msg_id = client.execute("import time; time.sleep(120)")
        url = f"{sandbox.compute('open')['gateway_url']}/api/kernels/{provisioner(manager).remote_kernel_id}"
        request = urllib.request.Request(url, method="DELETE")
        await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=60).close())
        assert (await reply_to(client, msg_id, wait=40))["content"]["ename"] == "KernelGone"
        assert not await manager.is_alive()
        assert "no longer has the kernel" in provisioner(manager).reason


async def test_a_restart_of_a_kernel_that_its_gateway_has_no_more_starts_a_new_one(
    sandbox: Sandbox, on_gateway: Any
) -> None:
    """The user is told of it by nobody before: the WebSocket is just silent."""
    async with running() as (manager, client):
        await execute(client, "kept = 1")
        before = provisioner(manager).remote_kernel_id
        url = f"{sandbox.compute('open')['gateway_url']}/api/kernels/{before}"
        request = urllib.request.Request(url, method="DELETE")
        await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=60).close())
        await manager.restart_kernel()
        await client.wait_for_ready(timeout=60)
        _, outputs = await execute(client, "print('kept' in globals())")
        assert texts(outputs) == "False\n"
        assert provisioner(manager).remote_kernel_id in on_gateway() - {before}
        assert before not in living()


async def test_a_kernel_that_is_gone_is_started_anew_by_jupyters_restarter(sandbox: Sandbox, on_gateway: Any) -> None:
    manager = AsyncIOLoopKernelManager(kernel_name="emr-python")
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        before = provisioner(manager).remote_kernel_id
        url = f"{sandbox.compute('open')['gateway_url']}/api/kernels/{before}"
        request = urllib.request.Request(url, method="DELETE")
        await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=60).close())
        await until(lambda: provisioner(manager).remote_kernel_id not in (None, before))
        await until(manager.is_alive)
        await client.wait_for_ready(timeout=60)
        _, outputs = await execute(client, "print('back')")
        assert texts(outputs) == "back\n"
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


async def test_a_cut_connection_comes_back_with_its_output(sandbox: Sandbox, on_gateway: Any) -> None:
    async with running() as (_, client):
        code = "import time\nfor n in range(30): print(n, flush=True); time.sleep(0.2)"
        msg_id = client.execute(code)
        await asyncio.sleep(1.5)
        sandbox.fault("cut-sockets", "--compute", "open")
        outputs = await published(client, msg_id)
        assert [int(line) for line in texts(outputs).split()] == list(range(30))
        assert (await reply_to(client, msg_id))["content"]["status"] == "ok"


@pytest.mark.parametrize("stage", STAGES)
async def test_a_start_cancelled_at_any_stage_leaves_nothing(stage: str, on_gateway: Any) -> None:
    before, known = on_gateway(), set(living())
    manager = AsyncKernelManager(kernel_name="emr-python")
    reached = asyncio.Event()
    stage_listener.set(lambda name: reached.set() if name == stage else None)
    starting = asyncio.ensure_future(manager.start_kernel())
    await reached.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    stage_listener.set(None)
    await until(lambda: set(living()) <= known)
    await asyncio.sleep(1)
    assert on_gateway() <= before


async def test_many_kernels_share_their_threads(on_gateway: Any) -> None:
    async with running() as (_, first):
        async with running() as (_, second):
            pass
        names = {thread.name for thread in threading.enumerate()}
        assert [name for name in names if "loop" in name] == ["emr-connect gateway loop"]
        async with running() as (_, second), running() as (_, third):
            for client in (first, second, third):
                _, outputs = await execute(client, "print('here')")
                assert texts(outputs) == "here\n"
            grown = {thread.name for thread in threading.enumerate()} - names
            assert not [name for name in grown if "emr" in name]


FORGETFUL = """
import os, signal, sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="emr-python")
client.execute("1", reply=True)
print(manager.provisioner.remote_kernel_id, flush=True)
{end}
"""


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PRELUDE + code], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("end", ["sys.exit(0)", "raise RuntimeError", "os.kill(os.getpid(), signal.SIGINT)"])
def test_a_process_that_ends_without_shutting_down_deletes_its_kernel(end: str, on_gateway: Any) -> None:
    done = run_python(FORGETFUL.format(end=end))
    kernel_id = done.stdout.strip()
    assert len(kernel_id) == 36, done.stderr
    assert kernel_id not in on_gateway(), done.stderr
    assert ledger().get(kernel_id) is None


INTERRUPTED = """
import os, signal
import jupyter_emr_connect.gateway.event_loop
jupyter_emr_connect.gateway.event_loop.EXIT_WITHIN_S = 60  # however slow the machine
os.environ["KERNEL_LAUNCH_TIMEOUT"] = "20"  # and so long a kernel is looked for that may not even have been asked for
from jupyter_client.manager import start_new_kernel
from jupyter_emr_connect.services.stages import stage_listener
stage_listener.set(lambda name: os.kill(os.getpid(), signal.SIGINT) if name == "kernel requested" else None)
try:
    start_new_kernel(kernel_name="emr-python")
except KeyboardInterrupt:
    print("interrupted", flush=True)
import time
time.sleep({rest})
"""


@pytest.mark.parametrize("rest", [0, 5])
def test_ctrl_c_during_a_blocking_start_leaves_nothing(rest: int, on_gateway: Any) -> None:
    """Also while the process goes on, when nothing runs the loop that the start was awaited on."""
    before = set(living())
    done = run_python(INTERRUPTED.format(rest=rest))
    assert "interrupted" in done.stdout, done.stderr
    assert set(living()) <= before


PRELUDE = ""
