"""The line between a kernel's manager and a cluster of the sandbox, with a proxy on it that fails at command."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jupyter_client import AsyncKernelClient, AsyncKernelManager
from traitlets.config import Config

from tests.conftest import Sandbox
from tests.faultproxy import FaultProxy, fault_proxy
from tests.sandbox.kernels import running


def address_of(sandbox: Sandbox, compute: str = "open") -> str:
    """Return the address of a cluster: whatever listens there is a gateway of the cluster's to us."""
    return str(urlsplit(sandbox.compute(compute)["gateway_url"]).hostname)


@contextmanager
def line_to(sandbox: Sandbox, compute: str, *, idle: float | None = None) -> Iterator[FaultProxy]:
    """Put a proxy before a cluster's gateway, at the cluster's own address and another port."""
    with fault_proxy(address_of(sandbox, compute), 18888, idle=idle) as proxy:
        yield proxy


def at_port(port: int, **provisioner: Any) -> Config:
    """Return the settings by which kernels find gateways at this port; others are the provisioner's."""
    return Config({"EMRConnect": {"gateway_port": port}, "EMRProvisioner": provisioner})


@dataclass
class Kernel:
    """A kernel whose line fails."""

    line: FaultProxy
    manager: AsyncKernelManager
    client: AsyncKernelClient


@asynccontextmanager
async def kernel_on_line(
    sandbox: Sandbox, compute: str = "open", *, name: str = "emr-python", idle: float | None = None, **provisioner: Any
) -> AsyncIterator[Kernel]:
    """Start a kernel behind a proxy; this process must be attached (``attached_to``)."""
    with line_to(sandbox, compute, idle=idle) as proxy:
        async with running(name, at_port(proxy.port, **provisioner)) as (manager, client):
            yield Kernel(proxy, manager, client)


async def begun(kernel: Kernel, code: str) -> str:
    """Send a cell that prints something, and wait for that; return its message id."""
    msg_id: str = kernel.client.execute(code)
    while (await kernel.client.get_iopub_msg(timeout=60))["msg_type"] != "stream":
        pass
    return msg_id


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Measure; the list has the seconds afterwards."""
    began, seconds = time.monotonic(), list[float]()
    yield seconds
    seconds.append(time.monotonic() - began)
