"""A kernel of another launcher than the gateway's goes the whole way: from its attachment to its end in the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import AsyncKernelClient, AsyncKernelManager

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import ConfigurationError, KernelStartFailed, NotAttached
from jupyter_emr_connect.models import Attachment, KernelRecord
from jupyter_emr_connect.provisioning.launchers import LAUNCHERS
from jupyter_emr_connect.provisioning.stages import StartStages
from jupyter_emr_connect.services.attachments.connect import CONNECTORS
from jupyter_emr_connect.services.attachments.resolution import open_attachments
from jupyter_emr_connect.services.kernels.listing import list_kernels
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.functional.provisioning.local_launcher import TRANSPORT, LocalKernel, LocalLauncher, connect_locally

WAIT = 60


@pytest.fixture
def attached(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a cluster that offers the transport, to which kernels that start now are attached."""
    monkeypatch.setenv("EMR_CONNECT_COMPUTE", "analytics")
    monkeypatch.setenv("EMR_CONNECT_RUNTIME_ROLE", cloud.roles["EMRAnalyst"])
    monkeypatch.setenv("EMR_CONNECT_TRANSPORT", TRANSPORT)
    return str(cloud.id("analytics"))


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version in which the transport is driven by the launcher of these tests."""
    monkeypatch.setitem(CONNECTORS, TRANSPORT, connect_locally)
    monkeypatch.setitem(LAUNCHERS, TRANSPORT, LocalLauncher)


def rows() -> list[KernelRecord]:
    return Ledger(Database(EMRConnect().state_file)).all()


async def run(client: AsyncKernelClient, code: str, *, until: str = "") -> tuple[str, str]:
    """Run a cell; return what it printed and its id, when it ends or has printed ``until``."""
    msg_id, printed = client.execute(code), ""
    while True:
        message = await client.get_iopub_msg(timeout=WAIT)
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        printed += message["content"].get("text", "")
        if message["content"].get("execution_state") == "idle" or (until and until in printed):
            return printed, msg_id


async def reply_to(client: AsyncKernelClient, msg_id: str) -> dict[str, Any]:
    while True:
        message = await client.get_shell_msg(timeout=WAIT)
        if message["parent_header"]["msg_id"] == msg_id:
            return dict(message["content"])


@pytest.mark.slow
async def test_a_kernel_is_started_interrupted_restarted_and_shut_down(attached: str, registered: None) -> None:
    manager = AsyncKernelManager(kernel_name="emr-python")
    await manager.start_kernel()
    client = manager.client()
    try:
        client.start_channels()
        await client.wait_for_ready(timeout=WAIT)
        first, _ = await run(client, "import os; number = 42; print(os.getpid(), number)")
        assert first.split()[1] == "42"

        (row,) = rows()
        assert (row.transport, row.url, row.remote_id, row.persistent) == (TRANSPORT, None, None, False)
        assert (row.compute, row.state, row.kernelspec) == (attached, "connected", "emr-python")
        (listed,) = (await list_kernels(EMRConnect())).to_json()["items"]
        assert (listed["kernel_id"], listed["transport"], listed["link"]) == (row.kernel_id, TRANSPORT, "connected")
        assert (listed["state"], listed["gateway_url"]) == ("unknown", None)

        _, asked = await run(client, "import time; print('on', flush=True); time.sleep(300)", until="on")
        await manager.interrupt_kernel()
        assert (await reply_to(client, asked))["ename"] == "KeyboardInterrupt"

        ports = list(manager.ports)
        await manager.restart_kernel()
        await client.wait_for_ready(timeout=WAIT)
        second, _ = await run(client, "import os; print(os.getpid(), 'number' in globals())")
        assert second.split()[0] != first.split()[0]
        assert second.split()[1] == "False"
        assert list(manager.ports) == ports
        assert [one.kernel_id for one in rows()] == [row.kernel_id]
    finally:
        client.stop_channels()
        await manager.shutdown_kernel()
    assert not await manager.is_alive()
    assert rows() == []


@pytest.mark.slow
async def test_a_restart_goes_to_what_is_attached_now(
    cloud: Any, registered: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notebook = tmp_path / "work" / "n.ipynb"
    notebook.parent.mkdir()
    notebook.write_text("{}")
    store = open_attachments(EMRConnect())

    def attach(role: str) -> None:
        compute, path = cloud.id("analytics"), str(notebook)
        store.put(Attachment(compute, cloud.roles[role], TRANSPORT, path=path, profile="developer"))

    attach("EMRAnalyst")
    manager = AsyncKernelManager(kernel_name="emr-python")
    await manager.start_kernel(env={**os.environ, "JPY_SESSION_NAME": str(notebook)})
    try:
        (before,) = rows()
        assert (before.runtime_role, before.path) == (cloud.roles["EMRAnalyst"], str(notebook))
        with caplog.at_level("INFO"):
            await manager.restart_kernel()
        (same,) = rows()
        assert (same.kernel_id, same.runtime_role) == (before.kernel_id, cloud.roles["EMRAnalyst"])
        assert f"restarted on {cloud.id('analytics')} under the runtime role {same.runtime_role}." in caplog.text

        attach("EMREngineer")
        moved = notebook.rename(notebook.with_name("moved.ipynb"))  # as Jupyter's rename has it followed
        store.move(str(notebook), str(moved))
        Ledger(Database(EMRConnect().state_file)).move(str(notebook), str(moved))
        await manager.restart_kernel()
        (after,) = rows()
        assert (after.runtime_role, after.path) == (cloud.roles["EMREngineer"], str(moved))
        assert after.kernel_id != before.kernel_id
        assert f"under the runtime role {after.runtime_role}." in (after.reason or "")
        assert f"under {before.runtime_role}" in (after.reason or "")

        attach_nowhere = store.remove(str(moved))
        assert attach_nowhere
        with pytest.raises(NotAttached):
            await manager.restart_kernel()
        (kept,) = rows()
        assert kept.kernel_id == after.kernel_id
        store.put(Attachment(cloud.id("analytics"), cloud.roles["EMREngineer"], "auto", path=str(tmp_path)))
        await manager.restart_kernel()
        assert [row.kernel_id for row in rows()] == [after.kernel_id]
    finally:
        await manager.shutdown_kernel()
    assert rows() == []


class HangingKernel(LocalKernel):
    """One whose restart never comes to its end."""

    restarts = threading.Event()

    async def restart(self, stages: StartStages) -> None:
        self.restarts.set()
        await asyncio.Event().wait()


class HangingLauncher(LocalLauncher):
    kernel_class = HangingKernel


@pytest.mark.parametrize("now", [True, False])
async def test_a_shutdown_in_the_midst_of_a_restart_ends_both(
    attached: str, registered: None, monkeypatch: pytest.MonkeyPatch, now: bool
) -> None:
    monkeypatch.setitem(LAUNCHERS, TRANSPORT, HangingLauncher)
    HangingKernel.restarts.clear()
    manager = AsyncKernelManager(kernel_name="emr-python")
    await manager.start_kernel()
    restarting = asyncio.ensure_future(manager.restart_kernel())
    assert await asyncio.to_thread(HangingKernel.restarts.wait, WAIT)
    with contextlib.suppress(asyncio.InvalidStateError):  # jupyter_client (8.10) reports both to one future
        await manager.shutdown_kernel(now=now)
    with pytest.raises((KernelStartFailed, asyncio.InvalidStateError)):
        await asyncio.wait_for(restarting, WAIT)
    assert not await manager.is_alive()
    assert rows() == []


async def test_a_transport_without_a_launcher_is_refused(attached: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMR_CONNECT_TRANSPORT", "spark-connect")
    with pytest.raises(ConfigurationError, match=r"cannot use the transport 'spark-connect'\..*'livy' or 'auto'"):
        await AsyncKernelManager(kernel_name="emr-python").start_kernel()
    assert rows() == []
