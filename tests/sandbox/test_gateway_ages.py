"""Gateways of every age and place: both versions, both framings, under a path prefix, behind what cuts idle sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client import AsyncKernelClient

from jupyter_emr_connect.provisioning import EMRProvisioner
from tests.conftest import Sandbox
from tests.faultproxy import FaultProxy, fault_proxy
from tests.functional.conftest import Cloud, before_front, cloud  # noqa: F401 - a fixture of the other
from tests.functional.services.endpoints import add_endpoint
from tests.sandbox.kernels import attached_to, execute, published, reply_to, running, texts
from tests.sandbox.line import address_of, at_port, kernel_on_line
from tests.sandbox.numbers import GOOD, account, numbers
from tests.sandbox.own_gateway import own_gateway
from tests.sandbox.soak import Soak
from tests.webproxy import web_proxy

__all__ = ["cloud"]

pytestmark = [pytest.mark.sandbox, pytest.mark.faults]

PREFIX = "/gw/one"


@pytest.fixture
def attached(sandbox: Sandbox) -> Iterator[None]:
    with attached_to(sandbox, "open"):
        yield


async def survives_cuts(client: AsyncKernelClient, line: FaultProxy, soak: Soak) -> None:
    """Numbers come once each, over cuts after which the gateway goes on writing to nobody."""
    msg_id = client.execute(numbers(300, 0.005))
    for _ in range(3):
        await asyncio.sleep(soak.dice.uniform(0.3, 0.7))
        line.cut(lost=soak.dice.uniform(0, 0.5))
    outputs = await published(client, msg_id)
    assert (account(texts(outputs), 300), texts(outputs, "stderr")) == (GOOD, "")
    content = (await reply_to(client, msg_id))["content"]
    assert content["status"] == "ok", content


@pytest.mark.parametrize(
    ("version", "offer_v1"),
    [
        pytest.param("2.6.0", False, id="2.6.0, legacy"),
        pytest.param("2.6.0", True, id="2.6.0, v1 offered", marks=pytest.mark.full),
        pytest.param("3.3.0", False, id="3.3.0, legacy", marks=pytest.mark.full),
        pytest.param("3.3.0", True, id="3.3.0, v1", marks=pytest.mark.full),
    ],
)
async def test_nothing_is_lost_with_any_gateway_in_any_framing(
    sandbox: Sandbox, attached: None, tmp_path: Path, soak: Soak, version: str, offer_v1: bool
) -> None:
    with (
        own_gateway(address_of(sandbox), tmp_path / "gateway", version=version) as gateway,
        fault_proxy(gateway.address, gateway.port) as line,
    ):
        assert gateway.asked("/api")["gateway_version"] == version
        async with running(config=at_port(line.port, offer_v1=offer_v1)) as (manager, client):
            for _ in range(soak.choose(1, 10)):
                await manager.restart_kernel()
                await survives_cuts(client, line, soak)
        assert gateway.kernels == set()


async def test_a_gateway_under_a_path_prefix(
    cloud: Cloud, tmp_path: Path, soak: Soak, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an endpoint behind an ingress; nothing is asked beside the prefix."""
    address = "127.0.45.201"
    with (
        own_gateway(address, tmp_path / "gateway") as gateway,
        web_proxy(gateway.url, address, prefix=PREFIX) as ingress,
        fault_proxy(address, ingress.port) as line,
    ):
        endpoint = add_endpoint(cloud, url=f"http://{address}:{line.port}{PREFIX}")
        monkeypatch.setenv("EMR_CONNECT_COMPUTE", endpoint.compute_id)
        async with running() as (manager, client):
            await survives_cuts(client, line, soak)
            await manager.interrupt_kernel()
            await manager.restart_kernel()
            reply, _ = await execute(client, "number")
            assert reply["content"]["ename"] == "NameError"
            assert isinstance(manager.provisioner, EMRProvisioner)
            assert gateway.kernels == {manager.provisioner.remote_kernel_id}
        assert gateway.kernels == set()
        beside = [line for line in ingress.asked if not line.split()[1].startswith(f"{PREFIX}/api")]
        assert beside == []


async def test_an_idle_kernel_is_not_cut_by_a_proxy_that_cuts_idle_sockets(
    sandbox: Sandbox, attached: None, soak: Soak
) -> None:
    limit = soak.choose(7, 60)
    async with kernel_on_line(sandbox, idle=limit) as kernel:
        await execute(kernel.client, "1")
        await asyncio.sleep(2 * limit)
        assert kernel.line.cuts == 0
        assert kernel.line.websockets == 1
        _, outputs = await execute(kernel.client, "print('goes on')")
        assert texts(outputs) == "goes on\n"
        soak.note(f"idle for {2 * limit} s behind a proxy that allows {limit} s")
