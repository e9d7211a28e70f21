"""A start given up while the gateway is at it: the kernel that still comes up is found and deleted."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from jupyter_client import AsyncKernelManager

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.services.stages import READY, REQUESTED, stage_listener
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.conftest import Sandbox
from tests.sandbox.gateway_process import held_up
from tests.sandbox.kernels import attached_to, until

pytestmark = pytest.mark.sandbox

# Each request is held up so long at the door; the second after the stage begins is the POST that starts the kernel.
SLOW = 0.7
INTO_THE_START = 1.5 * SLOW
# Long enough for the request to reach the gateway, which does not take it up.
AT_THE_GATEWAY = 1.2 * SLOW
# The same on a busy machine. A request that is still at the door when its client leaves never comes to the gateway,
# which costs the test a round of half a minute; while the gateway is held up nothing is lost by waiting longer.
PAST_THE_DOOR = 4 * SLOW

BLOCKING = """
import os, signal
import jupyter_emr_connect.gateway.event_loop
jupyter_emr_connect.gateway.event_loop.EXIT_WITHIN_S = {patience}
from jupyter_client.manager import start_new_kernel
from jupyter_emr_connect.services.stages import stage_listener
stage_listener.set(lambda name: print(name, flush=True))
try:
    start_new_kernel(kernel_name="emr-python")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture(autouse=True)
def slow(sandbox: Sandbox) -> Iterator[None]:
    """Attach this process to `open`, whose door is slow."""
    with attached_to(sandbox, "open"):
        sandbox.fault(f"slow:{SLOW * 1000:.0f}", "--compute", "open")
        yield
        sandbox.fault("slow", "--off")


def kernels_on(sandbox: Sandbox) -> set[str]:
    with urllib.request.urlopen(f"{sandbox.compute('open')['gateway_url']}/api/kernels", timeout=60) as answer:
        return {model["id"] for model in json.load(answer)}


def known() -> set[str]:
    return {record.kernel_id for record in Ledger(Database(EMRConnect().state_file)).all()}


async def test_a_cancelled_start(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    before, known_before = kernels_on(sandbox), known()
    holding = held_up(sandbox, "open")
    reached = asyncio.Event()
    stage_listener.set(lambda name: reached.set() if name == REQUESTED else None)
    starting = asyncio.ensure_future(AsyncKernelManager(kernel_name="emr-python").start_kernel())
    await reached.wait()
    await asyncio.sleep(INTO_THE_START)
    with holding:
        await asyncio.sleep(AT_THE_GATEWAY)
        assert not starting.done()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    stage_listener.set(None)
    await until(lambda: known() <= known_before, wait=60)
    assert kernels_on(sandbox) <= before
    assert "could not be deleted" not in caplog.text


@contextmanager
def interrupted(sandbox: Sandbox, patience: float) -> Iterator[subprocess.Popen[str]]:
    """Interrupt a blocking start once its request is at the gateway, which takes it up only afterwards."""
    command = [sys.executable, "-c", BLOCKING.format(patience=patience)]
    holding, before = held_up(sandbox, "open"), known()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while process.stdout.readline() != f"{REQUESTED}\n":
            assert process.poll() is None
        while known() <= before:  # it is noted right before the request leaves, which the door holds up
            assert process.poll() is None
            time.sleep(0.05)
        with holding:
            time.sleep(PAST_THE_DOOR)
            os.kill(process.pid, signal.SIGINT)
            while (line := process.stdout.readline()) != "interrupted\n":
                assert line == f"{READY}\n"  # this machine was slower than the door, and the kernel is there
            yield process


def test_ctrl_c_in_a_blocking_client(sandbox: Sandbox) -> None:
    before, known_before = kernels_on(sandbox), known()
    with interrupted(sandbox, patience=60) as process:
        pass
    assert process.returncode == 0
    assert known() <= known_before
    assert kernels_on(sandbox) <= before


def test_a_kernel_that_comes_up_after_its_process_has_ended_is_removed_by_prune(sandbox: Sandbox) -> None:
    """A process that ends waits for what it has requested, but not for ever."""
    before, known_before = kernels_on(sandbox), known()
    came = False
    while not came:  # on a slow machine the process may end before its request is on its way
        with interrupted(sandbox, patience=0.5) as process:
            assert process.wait(60) == 0
        if not (left := next(iter(known() - known_before), "")):
            continue
        sandbox.json("kernels")["items"]  # what is not there yet is not taken for gone
        assert left in known()
        end = time.monotonic() + 20
        while time.monotonic() < end and not came:
            came = left in kernels_on(sandbox)
        if not came:
            known_before.add(left)
            continue
        found = sandbox.json("kernels", "prune", "--yes", "--older-than", "0")
        assert left in [one["kernel_id"] for one in found]
        assert kernels_on(sandbox) <= before
        assert known() <= known_before
