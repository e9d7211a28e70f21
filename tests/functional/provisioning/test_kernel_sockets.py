"""The ports of a kernel that is a local process are its own from before its first process until after its last."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Iterator
from queue import Empty

import pytest
from jupyter_client import AsyncKernelClient

import jupyter_emr_connect.provisioning.kernel_sockets as subject
from jupyter_emr_connect.errors import KernelStartFailed
from jupyter_emr_connect.magics.livy_kernel import make_app
from jupyter_emr_connect.provisioning.kernel_sockets import CHANNELS, KernelSockets

SERVE = f"import json, sys; from {make_app.__module__} import make_app as make; app = make(json.load(sys.stdin))"
KERNEL = f"{SERVE}; app.kernel_class = 'ipykernel.ipkernel.IPythonKernel'; app.initialize([]); app.start()"


@pytest.fixture
def sockets() -> Iterator[KernelSockets]:
    made = KernelSockets("127.0.0.1", {})
    yield made
    made.close()


def test_no_other_program_can_take_a_port(sockets: KernelSockets) -> None:
    for port in sockets.ports.values():
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))
    sockets.close()
    for port in sockets.ports.values():
        socket.create_server(("127.0.0.1", port)).close()


def test_no_two_kernels_are_given_the_same_port(sockets: KernelSockets) -> None:
    others = KernelSockets("127.0.0.1", {})
    assert len({*sockets.ports.values(), *others.ports.values()}) == 2 * len(CHANNELS)
    others.close()


async def test_named_ports_are_waited_for_while_their_former_user_lets_go(sockets: KernelSockets) -> None:
    named = {channel: sockets.ports[f"{channel}_port"] for channel in CHANNELS}
    successor = KernelSockets("127.0.0.1", named)
    opening = asyncio.ensure_future(successor.open())
    await asyncio.sleep(0.2)
    assert not opening.done()
    sockets.close()
    await opening
    assert successor.ports == sockets.ports
    assert set(successor.descriptors) == set(CHANNELS)
    successor.close()


async def test_a_port_that_is_kept_by_another_is_named(sockets: KernelSockets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "FREE_WITHIN_S", 0.2)
    port = sockets.ports["shell_port"]
    refused = KernelSockets("127.0.0.1", {"shell": port})
    with pytest.raises(KernelStartFailed, match=f"cannot listen on 127.0.0.1:{port}.*in use"):
        await refused.open()
    refused.close()


async def answered(client: AsyncKernelClient) -> None:
    """Ask until a process answers; jupyter_client's own wait gives up where a busy machine is late with a heartbeat."""
    for _ in range(30):
        asked = client.kernel_info()
        with contextlib.suppress(Empty):
            while (await client.get_shell_msg(timeout=2))["parent_header"]["msg_id"] != asked:
                pass
            return
    pytest.fail("no process answers")


async def test_a_process_answers_also_what_was_sent_before_it_served_and_so_does_the_next(
    sockets: KernelSockets,
) -> None:
    """The application of Livy's kernels with ipykernel's own kernel in it."""
    address = {"ip": "127.0.0.1", "transport": "tcp", "key": "", "signature_scheme": "hmac-sha256", **sockets.ports}
    order = json.dumps({"address": address, "sockets": sockets.descriptors}).encode()
    client = AsyncKernelClient()
    client.load_connection_info(address)
    client.start_channels()
    asked = client.kernel_info()
    for life in range(2):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", KERNEL, stdin=asyncio.subprocess.PIPE, pass_fds=sockets.descriptors.values()
        )
        assert process.stdin is not None
        process.stdin.write(order)
        process.stdin.close()
        if life == 0:  # what is sent as a process is killed may go with it, as with any kernel
            assert (await client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] == asked
        await answered(client)
        process.kill()
        await process.wait()
    client.stop_channels()
