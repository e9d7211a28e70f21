"""A launcher for the tests alone, in place of that of `livy`: its kernels are ipykernel processes on this machine."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo, write_connection_file

from jupyter_emr_connect.aws.session import AWSSession
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.gateway.target import GatewayTarget
from jupyter_emr_connect.models import Compute, Transport
from jupyter_emr_connect.provisioning.launchers import LaunchContext
from jupyter_emr_connect.provisioning.ledger_entry import KernelStatus, LedgerEntry
from jupyter_emr_connect.provisioning.spec import KernelRequest
from jupyter_emr_connect.provisioning.stages import StartStages
from tests.free_ports import free_ports

TRANSPORT: Transport = "livy"
NOWHERE = GatewayTarget("http://127.0.0.1:9")  # where nothing says how its kernels are


@dataclass(frozen=True)
class LocalConnection:
    """A compute that nothing was asked of."""

    compute: Compute
    role: str | None
    transport: Transport = TRANSPORT
    url: str | None = None
    target: GatewayTarget = NOWHERE


async def connect_locally(
    config: EMRConnect, session: AWSSession, compute: Compute, role: str | None, stage: Callable[[str], None]
) -> Any:
    return LocalConnection(compute, role)


class LocalLauncher:
    """Keeps one connection file, with its ports, for all lives of the kernel."""

    outlives_process = False
    kernel_class: type[LocalKernel]

    def __init__(self, context: LaunchContext) -> None:
        self._folder = tempfile.TemporaryDirectory()
        name, info = write_connection_file(
            str(Path(self._folder.name) / "kernel.json"),
            key=context.key,
            signature_scheme=context.scheme,
            **free_ports(),
        )
        self._file = Path(name)
        self.connection_info: KernelConnectionInfo = {**info, "key": context.key}
        self.channels = None
        self.session_id = None

    def kernel(self, config: EMRConnect, request: KernelRequest, connection: Any, entry: LedgerEntry) -> LocalKernel:
        return self.kernel_class(self._file, entry, self.status(entry))

    def status(self, entry: LedgerEntry) -> KernelStatus:
        return KernelStatus(entry, lambda kind, content: None, lambda: None)

    def pause(self, paused: bool) -> None:
        raise AssertionError(paused)  # nothing of it comes back

    async def close(self) -> None:
        self._folder.cleanup()


class LocalKernel:
    """One process after the other, all on the ports of the connection file."""

    def __init__(self, file: Path, entry: LedgerEntry, status: KernelStatus) -> None:
        self.kernel_id = entry.record.kernel_id
        self.entry = entry
        self.status = status
        self.reason = ""
        self.was_taken = False
        self.restart_pending = False
        self._file = file
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll() if self._process else None

    async def start(self, stages: StartStages) -> None:
        await self.entry.add()
        self._spawn()
        self.entry.start_heartbeat(lambda: None)
        await self.status.save("connected", "started")

    def _spawn(self) -> None:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(self._file)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    async def adopt(self) -> None:
        raise AssertionError  # it is in nobody's ledger when its process has ended

    async def restart(self, stages: StartStages) -> None:
        await self._stop()
        self._spawn()
        self.restart_pending = False

    async def interrupt(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGINT)

    async def detach(self, cause: str, reason: str) -> None:
        await self.end()

    async def end(self) -> None:
        await self._stop()
        await self.entry.delete()

    async def _stop(self) -> None:
        if self._process:
            self._process.terminate()
            await self.over()

    async def over(self) -> int:
        assert self._process
        return await asyncio.to_thread(self._process.wait)

    def pause_for_restart(self) -> None:
        self.restart_pending = True


LocalLauncher.kernel_class = LocalKernel
