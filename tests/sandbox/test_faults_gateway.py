"""Gateways that crash, forget kernels, hang, repeat themselves or talk nonsense; real ones, of the tests' own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from jupyter_client import AsyncKernelClient, AsyncKernelManager

from jupyter_emr_connect.gateway.connection.status import NOT_THERE
from jupyter_emr_connect.gateway.delivery.journal import REPLAY_REPLY
from jupyter_emr_connect.gateway.protocol.framing import Message, decode, encode
from jupyter_emr_connect.provisioning import EMRProvisioner
from tests.conftest import Sandbox
from tests.faultproxy import fault_proxy
from tests.sandbox.kernels import attached_to, execute, of_type, published, reply_to, running, says, texts, until
from tests.sandbox.line import address_of, at_port
from tests.sandbox.numbers import GOOD, account, numbers
from tests.sandbox.own_gateway import OwnGateway, own_gateway
from tests.sandbox.soak import Soak
from tests.webproxy import Frame, web_proxy

pytestmark = [pytest.mark.sandbox, pytest.mark.faults]

SAID_WITHIN = 20  # seconds, from the issue


@pytest.fixture(autouse=True)
def attached(sandbox: Sandbox) -> Iterator[None]:
    with attached_to(sandbox, "open"):
        yield


@pytest.fixture
def gateway(sandbox: Sandbox, tmp_path: Path) -> Iterator[OwnGateway]:
    with own_gateway(address_of(sandbox), tmp_path / "gateway") as found:
        yield found


@asynccontextmanager
async def busy(port: int, **options: Any) -> AsyncIterator[tuple[AsyncKernelManager, AsyncKernelClient, str]]:
    """A kernel in the midst of a long cell."""
    async with running(config=at_port(port, **options)) as (manager, client):
        msg_id = client.execute("import time; print('on', flush=True); time.sleep(120)")
        await says(client, "on\n")
        yield manager, client, msg_id


async def ends_as_gone(manager: AsyncKernelManager, client: AsyncKernelClient, msg_id: str) -> str:
    """The running cell ends with an error in time, and the manager knows; returns the reason given."""
    outputs = await published(client, msg_id, wait=SAID_WITHIN)
    (error,) = of_type(outputs, "error")
    assert error["content"]["ename"] == "KernelGone"
    assert (await reply_to(client, msg_id))["content"]["status"] == "error"
    assert not await manager.is_alive()
    assert isinstance(manager.provisioner, EMRProvisioner)
    assert manager.provisioner.reason == error["content"]["evalue"]
    return manager.provisioner.reason


async def test_a_gateway_that_crashed_and_came_back_has_lost_the_kernel(gateway: OwnGateway) -> None:
    async with busy(gateway.port) as (manager, client, msg_id):
        gateway.crash()
        await asyncio.to_thread(gateway.start_again)
        assert await ends_as_gone(manager, client, msg_id) == NOT_THERE


async def test_a_kernel_that_was_culled_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    options = {"MappingKernelManager": {"cull_idle_timeout": 3, "cull_interval": 1, "cull_connected": True}}
    with own_gateway(address_of(sandbox), tmp_path, options=options) as gateway:
        async with running(config=at_port(gateway.port)) as (manager, client):
            await execute(client, "1")
            await until(lambda: not gateway.kernels, wait=60)
            await until(lambda: is_gone(manager), wait=SAID_WITHIN)
            assert isinstance(manager.provisioner, EMRProvisioner)
            assert manager.provisioner.reason == NOT_THERE


async def is_gone(manager: AsyncKernelManager) -> bool:
    return not await manager.is_alive()


async def test_a_kernel_that_someone_else_deleted_is_gone(gateway: OwnGateway) -> None:
    async with busy(gateway.port) as (manager, client, msg_id):
        (kernel_id,) = gateway.kernels
        request = urllib.request.Request(f"{gateway.url}/api/kernels/{kernel_id}", method="DELETE")
        await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=60).close())
        outputs = await published(client, msg_id, wait=SAID_WITHIN)
        # Enterprise Gateway interrupts a kernel before it ends it, and may be heard doing so.
        assert of_type(outputs, "error")[0]["content"]["ename"] in ("KernelGone", "KeyboardInterrupt")
        await until(lambda: is_gone(manager), wait=SAID_WITHIN)
        assert isinstance(manager.provisioner, EMRProvisioner)
        assert manager.provisioner.reason == NOT_THERE


async def test_a_gateway_that_hangs_for_a_time_is_waited_for(gateway: OwnGateway, soak: Soak) -> None:
    seconds = soak.choose(14, 60)
    async with running(config=at_port(gateway.port)) as (_, client):
        msg_id = client.execute(numbers(100, 0.02))
        await asyncio.sleep(1)
        os.kill(gateway.process.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(gateway.process.pid, signal.SIGCONT)
        assert account(texts(await published(client, msg_id)), 100) == GOOD


def with_strays(frame: Frame) -> list[Frame]:
    """Put before each reply others under ids of their own: to nobody, to no request, and on the wrong channel."""
    message = decode(frame, "v1")
    if message.channel == "iopub" or not message.msg_type.endswith("_reply"):
        return [frame]
    header = json.dumps({"msg_id": f"stray_{uuid.uuid4().hex}", "msg_type": message.msg_type}).encode()
    nobody = Message(message.channel, header, b'{"msg_id": "nobody_1"}', b"{}", message.content)
    empty = Message(message.channel, header, b"{}", b"{}", b"{}")
    elsewhere = Message("stdin", header, message.parent_header, b"{}", b"{}")
    return [encode(one, "v1") for one in (nobody, empty, elsewhere)] + [frame]


@pytest.mark.parametrize(
    "on_frame",
    [
        lambda frame: [frame, frame],
        lambda frame: [frame, b"\x00" * 30, frame[: len(frame) // 2], "garbage"],
        with_strays,
    ],
    ids=["everything twice", "garbage frames", "wrong replies"],
)
async def test_nonsense_among_the_messages_is_not_passed_on(
    gateway: OwnGateway, on_frame: Callable[[Frame], list[Frame]]
) -> None:
    with web_proxy(gateway.url, gateway.address) as proxy:
        proxy.on_frame = on_frame
        async with running(config=at_port(proxy.port)) as (_, client):
            msg_id = client.execute(numbers(100, 0.005))
            outputs = await published(client, msg_id)
            assert account(texts(outputs), 100) == GOOD
            assert texts(outputs, "stderr") == ""
            reply = await reply_to(client, msg_id)
            assert (reply["msg_type"], reply["content"]["status"]) == ("execute_reply", "ok")
            reply, outputs = await execute(client, "6 * 7")
            assert [one["content"]["data"]["text/plain"] for one in of_type(outputs, "execute_result")] == ["42"]
            with pytest.raises(Empty):
                await client.get_shell_msg(timeout=1)


async def test_rest_answers_that_make_no_sense_do_not_end_a_kernel(gateway: OwnGateway) -> None:
    """Some other server answers in the gateway's place for a time; the WebSocket is cut meanwhile."""
    nonsense = [(404, "<html>"), (200, "<html>"), (200, "[]"), (418, "tea"), (302, ""), (404, "{}"), (503, "{}")] * 2
    with web_proxy(gateway.url, gateway.address) as proxy:
        async with running(config=at_port(proxy.port)) as (manager, client):
            await execute(client, "kept = 5")
            proxy.on_request = lambda method, path: nonsense.pop() if nonsense else None
            proxy.cut()
            await until(lambda: not nonsense)
            _, outputs = await execute(client, "print(kept)")
            assert texts(outputs) == "5\n"
            assert await manager.is_alive()


async def test_a_journal_whose_answers_come_late_is_believed(gateway: OwnGateway) -> None:
    late = 0

    def holds_back(frame: Frame) -> float:
        nonlocal late
        if decode(frame, "v1").msg_type != REPLAY_REPLY:
            return 0
        late += 1
        return 2

    with web_proxy(gateway.url, gateway.address) as proxy, fault_proxy(gateway.address, proxy.port) as line:
        proxy.holds_back = holds_back
        async with running(config=at_port(line.port)) as (_, client):
            msg_id = client.execute(numbers(800, 0.01))
            for _ in range(2):
                await asyncio.sleep(1)
                line.cut(lost=0.3)
                await asyncio.sleep(2)
            outputs = await published(client, msg_id)
            assert (account(texts(outputs), 800), texts(outputs, "stderr")) == (GOOD, "")
            assert late
