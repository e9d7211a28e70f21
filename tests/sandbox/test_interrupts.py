"""Interrupts and restarts reach what they are meant for, also while the line is down, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from jupyter_client import AsyncKernelClient
from traitlets.config import Config

from jupyter_emr_connect.provisioning.provisioner import EMRProvisioner
from jupyter_emr_connect.services.stages import CONNECTION_RETURNS
from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to, execute, of_type, published, reply_to, running, says, texts

pytestmark = pytest.mark.sandbox

SLOW_TO_ENTER = """
import time
kernel = get_ipython().kernel
def slow(enter=kernel.pre_handler_hook):
    time.sleep({seconds})
    enter()
kernel.pre_handler_hook = slow
"""
LATE_ENDS = """
import time
kernel = get_ipython().kernel
def late(status, *args, publish=kernel._publish_status, **kwargs):
    time.sleep(0.5 if status == "idle" else 0)
    publish(status, *args, **kwargs)
kernel._publish_status = late
"""
LATER = "will be delivered when it returns"
FAULTS = ("no-gateway", "black-hole")


@pytest.fixture(autouse=True)
def attached(sandbox: Sandbox) -> Iterator[None]:
    with attached_to(sandbox, "open"):
        yield


async def line_state(client: AsyncKernelClient, state: str) -> None:
    """Wait until front ends are told this state of the line."""
    while True:
        message = await client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "emr_connect_status" and message["content"]["state"] == state:
            return


@contextmanager
def fault(sandbox: Sandbox, name: str) -> Iterator[None]:
    sandbox.fault(name, "--compute", "open")
    try:
        yield
    finally:
        sandbox.fault(name, "--compute", "open", "--off")


@asynccontextmanager
async def line_down(sandbox: Sandbox, client: AsyncKernelClient, how: str = "no-gateway") -> AsyncIterator[None]:
    """Cut the line of `open` (or let it fall silent), and let it return afterwards."""
    with fault(sandbox, how):
        if how == "no-gateway":
            sandbox.fault("cut-sockets", "--compute", "open")
        await line_state(client, "reconnecting")
        yield


async def begun(client: AsyncKernelClient, code: str) -> str:
    msg_id: str = client.execute(f"print('on', flush=True)\n{code}")
    await says(client, "on\n")
    return msg_id


async def test_an_interrupt_right_after_a_cell_was_sent_is_not_lost(sandbox: Sandbox) -> None:
    """It goes another way than the cell, and must not be there before it."""
    async with running() as (manager, client):
        await execute(client, "import time")
        for number in range(10):
            # Else the kernel may abort this cell for the error of the one before.
            msg_id = client.execute("time.sleep(600)", stop_on_error=False)
            await asyncio.sleep(number * 0.002)
            await manager.interrupt_kernel()
            content = (await reply_to(client, msg_id, wait=60))["content"]
            assert content["ename"] == "KeyboardInterrupt"
        _, outputs = await execute(client, "time.sleep(2); print('unharmed')")
        assert texts(outputs) == "unharmed\n"


async def test_an_interrupt_that_overtakes_a_cell_is_not_lost(sandbox: Sandbox) -> None:
    """On a loaded machine a cell may take longer to us than an interrupt that was sent after it."""
    async with running() as (manager, client):
        await execute(client, "import time")
        request = {"code": "time.sleep(600)", "silent": False, "stop_on_error": False}
        message = client.session.msg("execute_request", request)
        await asyncio.wait_for(manager.interrupt_kernel(), 2)
        await asyncio.sleep(1)
        client.session.send(client.shell_channel.socket, message)
        content = (await reply_to(client, message["header"]["msg_id"], wait=60))["content"]
        assert content["ename"] == "KeyboardInterrupt"
        _, outputs = await execute(client, "time.sleep(2); print('unharmed')")
        assert texts(outputs) == "unharmed\n"


async def test_an_interrupt_is_for_the_next_cell_once_one_was_replied_to(sandbox: Sandbox) -> None:
    """Its end may come later than its reply, which is when clients send the next one."""
    async with running() as (manager, client):
        await execute(client, LATE_ENDS)
        await reply_to(client, client.execute("import time"))
        msg_id = client.execute("time.sleep(600)")
        await manager.interrupt_kernel()
        assert (await reply_to(client, msg_id, wait=60))["content"]["ename"] == "KeyboardInterrupt"


@pytest.mark.parametrize("seconds", [2, 5])
async def test_an_interrupt_waits_for_a_kernel_that_is_slow_to_enter_a_cell(sandbox: Sandbox, seconds: float) -> None:
    """Until then ipykernel ignores interrupts; it takes so long on a loaded machine."""
    async with running() as (manager, client):
        await execute(client, SLOW_TO_ENTER.format(seconds=seconds))
        msg_id = client.execute("time.sleep(600)")
        await manager.interrupt_kernel()
        assert (await reply_to(client, msg_id, wait=60))["content"]["ename"] == "KeyboardInterrupt"
        _, outputs = await execute(client, "time.sleep(1); print('unharmed')")
        assert texts(outputs) == "unharmed\n"


@pytest.mark.parametrize("how", FAULTS)
async def test_an_interrupt_is_told_at_once_and_delivered_when_the_line_is_back(sandbox: Sandbox, how: str) -> None:
    async with running() as (manager, client):
        await execute(client, "import time; kept = 41")
        msg_id = await begun(client, "time.sleep(300)")
        async with line_down(sandbox, client, how):
            for _ in range(3):
                await asyncio.wait_for(manager.interrupt_kernel(), 20)
            while (told := await client.get_iopub_msg(timeout=60))["msg_type"] != "stream":
                pass
            assert LATER in told["content"]["text"]
            assert told["parent_header"]["msg_id"] == msg_id
        outputs = await published(client, msg_id)
        assert [one["content"]["ename"] for one in of_type(outputs, "error")] == ["KeyboardInterrupt"]
        assert texts(outputs, "stderr") == ""  # it was told once
        assert (await reply_to(client, msg_id))["content"]["ename"] == "KeyboardInterrupt"
        _, outputs = await execute(client, "time.sleep(3); print(kept + 1)")
        assert texts(outputs) == "42\n"


async def test_an_interrupt_of_a_cell_that_ends_by_itself_strikes_no_other(sandbox: Sandbox) -> None:
    async with running() as (manager, client):
        await execute(client, "import time")
        msg_id = await begun(client, "time.sleep(8); print('ended')")
        async with line_down(sandbox, client):
            await manager.interrupt_kernel()
            await asyncio.sleep(8)
            later = client.execute("time.sleep(3); print('unharmed')")
        outputs = await published(client, msg_id)
        assert LATER in texts(outputs, "stderr")
        assert texts(outputs) == "ended\n"
        assert (await reply_to(client, msg_id))["content"]["status"] == "ok"
        assert texts(await published(client, later)) == "unharmed\n"


async def test_an_interrupt_goes_to_the_cell_behind_one_that_ends_by_itself(sandbox: Sandbox) -> None:
    """Both were sent before it, and none of them is to go on."""
    async with running() as (manager, client):
        await execute(client, "import time")
        first = await begun(client, "time.sleep(8); print('ended')")
        second = client.execute("time.sleep(600)")
        await asyncio.sleep(0.5)
        async with line_down(sandbox, client):
            await manager.interrupt_kernel()
            await asyncio.sleep(8)
        outputs = await published(client, first)
        assert (LATER in texts(outputs, "stderr"), texts(outputs)) == (True, "ended\n")
        assert (await reply_to(client, second, wait=60))["content"]["ename"] == "KeyboardInterrupt"


async def test_an_interrupt_of_nothing_strikes_no_cell_that_is_asked_for_afterwards(sandbox: Sandbox) -> None:
    async with running() as (manager, client):
        await execute(client, "import time")
        async with line_down(sandbox, client):
            await manager.interrupt_kernel()
            later = client.execute("time.sleep(3); print('unharmed')")
            await asyncio.sleep(0.5)  # until it is in our hands
        assert texts(await published(client, later)) == "unharmed\n"
        assert (await reply_to(client, later))["content"]["status"] == "ok"


async def test_cells_that_were_not_sent_yet_end_at_once_and_never_run(sandbox: Sandbox) -> None:
    async with running() as (manager, client):
        async with line_down(sandbox, client):
            waiting = [client.execute(f"ran_{number} = True") for number in range(3)]
            await asyncio.sleep(0.5)
            await manager.interrupt_kernel()
            for msg_id in waiting:
                content = (await reply_to(client, msg_id, wait=60))["content"]
                assert content["ename"] == "KeyboardInterrupt"
                assert "did not run" in content["evalue"]
        _, outputs = await execute(client, "print([name for name in globals() if name.startswith('ran_')])")
        assert texts(outputs) == "[]\n"


async def test_a_restart_waits_for_the_line_and_says_so(sandbox: Sandbox) -> None:
    async with running() as (manager, client):
        await execute(client, "import time; old = True")
        msg_id = await begun(client, "time.sleep(300)")
        async with line_down(sandbox, client):
            await manager.interrupt_kernel()
            unsent = client.execute("sent_before_the_restart = True")
            await asyncio.sleep(0.5)  # until it is in our hands
            restart = asyncio.ensure_future(manager.restart_kernel())
            assert (await reply_to(client, unsent, wait=60))["content"]["status"] in ("error", "aborted")
            assert (await reply_to(client, msg_id, wait=60))["content"]["status"] == "aborted"
            await asyncio.sleep(2)
            assert not restart.done()
        await asyncio.wait_for(restart, 60)
        assert isinstance(manager.provisioner, EMRProvisioner)
        assert CONNECTION_RETURNS in manager.provisioner.timings
        _, outputs = await execute(
            client, "print([name for name in ('old', 'sent_before_the_restart') if name in globals()])"
        )
        assert texts(outputs) == "[]\n"


async def test_a_restart_asked_of_a_line_that_is_silently_dead_comes_when_it_lives_again(sandbox: Sandbox) -> None:
    async with running() as (manager, client):
        await execute(client, "old = True")
        with fault(sandbox, "black-hole"):
            restart = asyncio.ensure_future(manager.restart_kernel())
            await line_state(client, "reconnecting")
            assert not restart.done()
        await asyncio.wait_for(restart, 60)
        assert isinstance(manager.provisioner, EMRProvisioner)
        assert CONNECTION_RETURNS in manager.provisioner.timings
        _, outputs = await execute(client, "print('old' in globals())")
        assert texts(outputs) == "False\n"


@pytest.mark.parametrize("megabytes", [32, 0], ids=["journal", "no journal"])
async def test_a_cell_that_the_kernel_does_not_reply_to_ends_all_the_same(megabytes: int) -> None:
    """So does one that is interrupted between its last statement and its reply: ipykernel drops the reply then."""
    code = """
kernel = get_ipython().kernel
def interrupted(*_):
    del kernel.finish_metadata
    raise KeyboardInterrupt
kernel.finish_metadata = interrupted
print("ran")
"""
    async with running(config=Config({"EMRConnect": {"journal_megabytes": megabytes}})) as (_, client):
        msg_id = client.execute(code)
        assert texts(await published(client, msg_id)) == "ran\n"
        content = (await reply_to(client, msg_id, wait=60))["content"]
        assert (content["status"], content["ename"]) == ("error", "NoReply")
        _, outputs = await execute(client, "print('goes on')")
        assert texts(outputs) == "goes on\n"
