"""Kernels that die as they come up, and starts whose request, line or gateway is lost meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import AsyncKernelManager
from traitlets.config import Config

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import KernelStartFailed
from jupyter_emr_connect.services.stages import READY, stage_listener
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.conftest import Sandbox
from tests.faultproxy import fault_proxy
from tests.sandbox.kernels import attached_to, execute, running, texts, until
from tests.sandbox.line import address_of, at_port
from tests.sandbox.own_gateway import OwnGateway, own_gateway
from tests.webproxy import web_proxy

pytestmark = pytest.mark.sandbox

# Takes a port that the gateway chose, before the kernel does, for longer than the gateway tries; not its child.
THIEF = """
import json, os, pathlib, socket, sys, time
os.setsid()
taken = socket.create_server(("127.0.0.1", json.loads(pathlib.Path(sys.argv[1]).read_text())["shell_port"]))
pathlib.Path(sys.argv[2]).write_text(str(os.getpid()))
time.sleep(60)
"""


# Binds one port and hears the gateway's question, then ends as a kernel does that finds another port taken.
HALF = """
import json, pathlib, sys, zmq
told = json.loads(pathlib.Path(sys.argv[1]).read_text())
socket = zmq.Context().socket(zmq.ROUTER)
socket.bind(f"tcp://{told['ip']}:{told['shell_port']}")
socket.recv_multipart()
pathlib.Path(sys.argv[2]).touch()
sys.exit(1)
"""


def launched_by(gateway: OwnGateway, script: str) -> None:
    """Let the gateway launch its kernels by a shell script, with the command as its arguments."""
    path = gateway.folder / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec: dict[str, Any] = json.loads(path.read_text())
    path.write_text(json.dumps({**spec, "argv": ["sh", "-c", script, "sh", *spec["argv"]]}))


def known() -> set[str]:
    return {record.kernel_id for record in Ledger(Database(EMRConnect().state_file)).all()}


async def test_one_whose_port_was_taken_is_started_anew(sandbox: Sandbox, tmp_path: Path) -> None:
    thief, taken = tmp_path / "thief.py", tmp_path / "taken"
    thief.write_text(THIEF)
    # The command is: python -I -m ipykernel_launcher -f FILE
    steal = f'"$1" "{thief}" "$6" "{taken}" & until test -s "{taken}"; do sleep 0.1; done'
    script = f'printf . >> "{tmp_path}/launched"; test -e "{taken}" || {{ {steal}; }}; exec "$@"'
    with attached_to(sandbox, "open"), own_gateway(address_of(sandbox), tmp_path / "gateway") as gateway:
        launched_by(gateway, script)
        async with running(config=at_port(gateway.port)) as (_, client):
            _, outputs = await execute(client, "print('works')")
            assert texts(outputs) == "works\n"
            assert len(gateway.kernels) == 1
        assert gateway.kernels == set()
        os.kill(int(taken.read_text()), signal.SIGKILL)
        # Five times by the gateway, then by us; on a machine as busy as CI's a port may be taken by chance once more.
        assert (tmp_path / "launched").stat().st_size >= 6
        assert "Address already in use" in gateway.said


async def test_one_whose_first_process_took_the_gateways_question_along_is_started_anew(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    half, heard = tmp_path / "half.py", tmp_path / "heard"
    half.write_text(HALF)
    once = f'test -e "{heard}" || exec "$1" "{half}" "$6" "{heard}"'
    config = Config({"EMRConnect": {"ready_timeout": 30.0}})
    with attached_to(sandbox, "open"), own_gateway(address_of(sandbox), tmp_path / "gateway") as gateway:
        launched_by(gateway, f'printf . >> "{tmp_path}/launched"; {once}; exec "$@"')
        config.merge(at_port(gateway.port))
        async with running(config=config) as (_, client):
            _, outputs = await execute(client, "print('works')")
            assert texts(outputs) == "works\n"
            assert len(gateway.kernels) == 1
        assert gateway.kernels == set()
        assert heard.exists()
        assert (tmp_path / "launched").stat().st_size >= 3  # by the gateway twice, then by us


async def test_one_that_dies_each_time_is_said_so_and_leaves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    with (
        attached_to(sandbox, "open"),
        own_gateway(address_of(sandbox), tmp_path / "gateway", version="2.6.0") as gateway,
    ):
        launched_by(gateway, "exit 3")
        before = known()
        manager = AsyncKernelManager(kernel_name="emr-python", config=at_port(gateway.port))
        with pytest.raises(KernelStartFailed, match=r"'kernel ready': The kernel died while it started on .*, 2 times"):
            await asyncio.wait_for(manager.start_kernel(), 90)
        await until(lambda: known() <= before, wait=60)
        assert gateway.kernels == set()


@asynccontextmanager
async def slow_start(gateway: OwnGateway, port: int, mark: Path) -> AsyncIterator[None]:
    """Start a kernel through ``port``; yields once the gateway waits for it, and awaits it. There is one at the end."""
    launched_by(gateway, f'test -e "{mark}" || {{ touch "{mark}"; sleep 8; }}; exec "$@"')
    waits = asyncio.Event()
    manager = AsyncKernelManager(kernel_name="emr-python", config=at_port(port))
    stage_listener.set(lambda name: waits.set() if name == READY else None)
    starting = asyncio.ensure_future(manager.start_kernel())
    await asyncio.wait_for(waits.wait(), 60)
    await asyncio.sleep(1)
    stage_listener.set(None)
    yield
    await asyncio.wait_for(starting, 60)
    assert len(gateway.kernels) == 1
    await manager.shutdown_kernel()
    assert gateway.kernels == set()


@pytest.mark.parametrize("cut", ["rst", "fin"])
async def test_one_whose_line_is_cut_meanwhile_is_waited_for(sandbox: Sandbox, tmp_path: Path, cut: str) -> None:
    with (
        attached_to(sandbox, "open"),
        own_gateway(address_of(sandbox), tmp_path / "gateway") as gateway,
        fault_proxy(gateway.address, gateway.port) as line,
    ):
        async with slow_start(gateway, line.port, tmp_path / "mark"):
            line.cut(cut)
            assert line.cuts


async def test_one_whose_gateway_is_restarted_meanwhile_is_started_anew(sandbox: Sandbox, tmp_path: Path) -> None:
    with attached_to(sandbox, "open"), own_gateway(address_of(sandbox), tmp_path / "gateway") as gateway:
        async with slow_start(gateway, gateway.port, tmp_path / "mark"):
            gateway.crash()
            await asyncio.to_thread(gateway.start_again)


@pytest.mark.parametrize("status", [0, 504])
async def test_one_whose_request_was_lost_or_given_up_by_a_proxy_is_found(
    sandbox: Sandbox, tmp_path: Path, status: int
) -> None:
    with (
        attached_to(sandbox, "open"),
        own_gateway(address_of(sandbox), tmp_path / "gateway") as gateway,
        web_proxy(gateway.url, gateway.address) as proxy,
    ):
        proxy.on_answer = lambda method, path: (status, "") if (method, path) == ("POST", "/api/kernels") else None
        async with running(config=at_port(proxy.port)) as (_, client):
            _, outputs = await execute(client, "print('works')")
            assert texts(outputs) == "works\n"
            assert len(gateway.kernels) == 1
        assert gateway.kernels == set()
        assert proxy.asked.count("POST /api/kernels") == 1
