"""The gateway that EMR 7 has, JEG 2.6.0, carries the same as 3.3.0."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from traitlets.config import Config

from jupyter_emr_connect.provisioning import EMRProvisioner
from tests.conftest import Sandbox, running_sandbox
from tests.sandbox.kernels import attached_to, execute, of_type, published, reply_to, running, says, texts

pytestmark = pytest.mark.sandbox

COMM = """
from comm import create_comm
c = create_comm(target_name="t", data={"s": "é\\u2028"}, buffers=[b"\\x00\\xff" * 10])
c.on_msg(lambda msg: c.send({"sizes": [len(b) for b in msg["buffers"]]}, buffers=[bytes(msg["buffers"][0])[::-1]]))
"""


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own; only its cluster `open` is touched."""
    words = (f"older-{os.getpid()}", "--gateway-version", "2.6.0")
    with running_sandbox(tmp_path_factory.mktemp("older"), *words) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def attached(older: Sandbox) -> Iterator[None]:
    """Attach this process to it; at the end its gateway has no kernel."""
    with attached_to(older, "open"):
        yield
    assert asked(older, "/api/kernels") == []


def asked(sandbox: Sandbox, path: str) -> Any:
    with urllib.request.urlopen(f"{sandbox.compute('open')['gateway_url']}{path}", timeout=60) as answer:
        return json.load(answer)


def test_it_is_the_older_gateway(older: Sandbox) -> None:
    assert asked(older, "/api")["gateway_version"] == "2.6.0"


@pytest.mark.parametrize(
    "offer_v1", [pytest.param(True, id="v1 offered"), pytest.param(False, id="legacy", marks=pytest.mark.full)]
)
async def test_a_kernels_life(older: Sandbox, offer_v1: bool) -> None:
    async with running(config=Config({"EMRProvisioner": {"offer_v1": offer_v1}})) as (manager, client):
        await use(client)
        await interrupt(manager, client)
        assert isinstance(manager.provisioner, EMRProvisioner)
        before = manager.provisioner.remote_kernel_id
        await manager.restart_kernel()
        assert manager.provisioner.remote_kernel_id == before
        reply, _ = await execute(client, "sys")
        assert reply["content"]["ename"] == "NameError"
        await manager.shutdown_kernel()
        assert asked(older, "/api/kernels") == []


async def use(client: AsyncKernelClient) -> None:
    """Streams, a result, comms with binary buffers, and ``input()``."""
    reply, outputs = await execute(client, "import sys; print('out ✓'); print('err', file=sys.stderr); 6 * 7")
    assert reply["content"]["status"] == "ok"
    assert (texts(outputs), texts(outputs, "stderr")) == ("out ✓\n", "err\n")
    assert of_type(outputs, "execute_result")[0]["content"]["data"]["text/plain"] == "42"

    _, outputs = await execute(client, COMM)
    (opened,) = of_type(outputs, "comm_open")
    assert opened["content"]["data"] == {"s": "é\u2028"}
    assert [bytes(b) for b in opened["buffers"]] == [b"\x00\xff" * 10]
    message = client.session.msg("comm_msg", {"comm_id": opened["content"]["comm_id"], "data": {}})
    client.session.send(client.shell_channel.socket, message, buffers=[b"\x01\x02\x03", b""])
    (back,) = of_type(await published(client, message["header"]["msg_id"]), "comm_msg")
    assert back["content"]["data"] == {"sizes": [3, 0]}
    assert [bytes(b) for b in back["buffers"]] == [b"\x03\x02\x01"]

    msg_id = client.execute("print(input('who? '))", allow_stdin=True)
    assert (await client.get_stdin_msg(timeout=60))["content"]["prompt"] == "who? "
    client.input("Ann")
    assert texts(await published(client, msg_id)) == "Ann\n"
    await reply_to(client, msg_id)


async def interrupt(manager: AsyncKernelManager, client: AsyncKernelClient) -> None:
    msg_id = client.execute("import time; print('on', flush=True); time.sleep(120)")
    await says(client, "on\n")
    await manager.interrupt_kernel()
    assert (await reply_to(client, msg_id, wait=60))["content"]["ename"] == "KeyboardInterrupt"
