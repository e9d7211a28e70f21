"""What starts kernels, by transport: what the provisioner asks of each launcher, and those for gateways and Livy.

A further transport adds its launcher to :data:`LAUNCHERS`, its connection to ``services.attachments.connect`` and its
name to ``services.compute.eligibility.verdict.SUPPORTED_TRANSPORTS``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from jupyter_client.connect import KernelConnectionInfo

from ..config import EMRConnect
from ..errors import NotAttachable
from ..gateway.channels.bridge import Bridge
from ..gateway.channels.zmq_channels import LocalChannels
from ..gateway.connection.status import LinkStatus
from ..gateway.injected.install import spark_installation
from ..models import Transport
from .emr_cells import EMRCells
from .kernel import GatewayKernel, gateway_status
from .kernel_sockets import KernelSockets
from .ledger_entry import KernelStatus, LedgerEntry
from .session_kernel import KINDS, ProcessSpec, SessionKernel
from .spec import KernelRequest, start_spec
from .stages import StartStages

if TYPE_CHECKING:
    from ..magics.kernel_commands import OwnKernel
    from ..services.attachments.connect import Connection

MEGABYTE = 1_000_000


class LaunchedKernel(Protocol):
    """One kernel as the provisioner drives it, on the gateway loop.

    ``exit_code`` is None while it lives, and 0 between the two lives of a restart (``restart_pending``); ``reason``
    says why it ended. ``was_taken`` says whether another process took it over.
    """

    kernel_id: str
    entry: LedgerEntry
    status: KernelStatus
    reason: str
    was_taken: bool
    restart_pending: bool

    @property
    def exit_code(self) -> int | None:
        """None while the kernel lives; read from any thread."""

    async def start(self, stages: StartStages) -> None:
        """Start the kernel and return when it answers; on any failure, or if cancelled, nothing is left of it."""

    async def adopt(self) -> None:
        """Go on with the kernel where another process left it; raises ``KernelGone`` when it is no more."""

    async def restart(self, stages: StartStages) -> None:
        """Restart the kernel under the same id."""

    async def interrupt(self) -> None:
        """Interrupt the cell that runs."""

    async def detach(self, cause: str, reason: str) -> None:
        """Leave the kernel running for whoever takes it over; one that cannot outlive this process ends."""

    async def end(self) -> None:
        """End the kernel, once, however often this is called; afterwards ``exit_code`` is set."""

    async def over(self) -> int:
        """Wait for the end of the kernel, or of this life of it, and return the exit code."""

    def pause_for_restart(self) -> None:
        """Look dead until :meth:`restart`."""


class Launcher(Protocol):
    """Makes the kernels of one provisioner by one transport, and keeps the local channels that outlive each of them."""

    outlives_process: bool  # whether its kernels can go on when this process ends

    @property
    def connection_info(self) -> KernelConnectionInfo:
        """Where local clients reach the kernel; asked once it was started, or is being waited for."""

    @property
    def channels(self) -> LocalChannels | None:
        """Where this process speaks to the kernel past ZeroMQ; None where it cannot."""

    @property
    def session_id(self) -> str | None:
        """The id of the connection to the kernel, if there is one."""

    def kernel(
        self, config: EMRConnect, request: KernelRequest, connection: Connection, entry: LedgerEntry
    ) -> LaunchedKernel:
        """Return the kernel of a row of the ledger, yet to be started or taken over."""

    def status(self, entry: LedgerEntry) -> KernelStatus:
        """Return the status of a kernel that is not there yet."""

    def pause(self, paused: bool) -> None:
        """Leave what local clients send in their sockets, or take it again."""

    async def close(self) -> None:
        """Close the local channels."""


@dataclass(frozen=True)
class LaunchContext:
    """What a launcher is made with: the key and scheme by which local clients sign, and whom to tell and ask.

    ``ip`` and ``ports`` (by channel) are where they expect the kernel, where a connection file says so already.
    ``on_shutdown(restart)`` is awaited on the gateway loop when a local client asks the kernel to shut down.
    """

    key: bytes = field(repr=False)
    scheme: str
    on_shutdown: Callable[[bool], Coroutine[Any, Any, None]]
    log: logging.Logger | Any
    ip: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=dict)


class GatewayLauncher:
    """Launches kernels on gateways, behind one bridge whose local sockets stay the same for all of them."""

    outlives_process = True

    def __init__(self, context: LaunchContext) -> None:
        self._log = context.log
        self._kernel: GatewayKernel | None = None
        self._bridge = Bridge(
            key=context.key,
            scheme=context.scheme,
            ip=context.ip,
            ports=context.ports,
            on_shutdown=context.on_shutdown,
            on_state=self._on_state,
            on_status=self._on_status,
        )

    @property
    def connection_info(self) -> KernelConnectionInfo:
        """The bridge's local sockets."""
        return cast(KernelConnectionInfo, self._bridge.connection_info)

    @property
    def channels(self) -> LocalChannels:
        """The bridge's local channels."""
        return self._bridge.channels

    @property
    def session_id(self) -> str | None:
        """The id of the WebSocket's session on the gateway."""
        return self._bridge.link.session_id if self._bridge.link else None

    def kernel(
        self, config: EMRConnect, request: KernelRequest, connection: Connection, entry: LedgerEntry
    ) -> GatewayKernel:
        """Return a kernel on the gateway of ``connection``; what the bridge says is told to it from now on."""
        # Imported here: it brings boto3, and listing kernelspecs must not.
        from ..services.attachments.connect import GatewayConnection

        if not isinstance(connection, GatewayConnection):
            raise TypeError
        self._bridge.journal_bytes = config.journal_megabytes * MEGABYTE
        self._bridge.reconnect_for = config.reconnect_hours * 3600
        self._bridge.injections = (
            [spark_installation(bars=request.widgets)] if request.spark and config.cancel_spark_jobs else []
        )
        spec = start_spec(config, connection, request)
        kernel = self._kernel = GatewayKernel(spec, self._bridge, entry, self._log, request.observe)

        def own() -> OwnKernel:
            from ..magics.kernel_commands import OwnKernel

            record = kernel.entry.record
            return OwnKernel(record.kernel_id, record.compute, record.runtime_role, "gateway", request.env)

        self._bridge.local_cells.answers = EMRCells(config, own, kernel.restart_for_cell)
        return kernel

    def status(self, entry: LedgerEntry) -> KernelStatus:
        """Return the status of a gateway kernel that is being brought back."""
        return gateway_status(self._bridge, entry)

    def pause(self, paused: bool) -> None:
        """Leave what local clients send in their sockets, or take it again."""
        self._bridge.channels.pause(paused)

    async def close(self) -> None:
        """Close the WebSocket and the local sockets."""
        self._kernel = None
        await self._bridge.close()

    def _on_state(self, status: LinkStatus) -> None:
        if self._kernel is not None:
            self._kernel.on_state(status)

    def _on_status(self, state: str) -> None:
        if self._kernel is not None:
            self._kernel.on_status(state)


class LivyLauncher:
    """Launches local processes of ours whose cells run in Spark sessions on Livy, all at one address."""

    outlives_process = True
    channels = None
    session_id = None

    def __init__(self, context: LaunchContext) -> None:
        self._context = context
        self._sockets = KernelSockets(context.ip, context.ports)
        self._address = {
            "transport": "tcp",
            "ip": context.ip,
            "key": context.key,
            "signature_scheme": context.scheme,
            **self._sockets.ports,
        }

    @property
    def connection_info(self) -> KernelConnectionInfo:
        """Where the process serves, or will."""
        return cast(KernelConnectionInfo, dict(self._address))

    def kernel(
        self, config: EMRConnect, request: KernelRequest, connection: Connection, entry: LedgerEntry
    ) -> SessionKernel:
        """Return a kernel for the Livy of ``connection``; raises ``NotAttachable`` for a kernelspec without Spark."""
        # Imported here: it brings boto3, and listing kernelspecs must not.
        from ..services.attachments.connect import LivyConnection
        from ..services.attachments.handover import hand_over

        if not isinstance(connection, LivyConnection):
            raise TypeError
        if not request.spark:
            message = f"The kernel {request.kernelspec} runs on the compute itself, which Livy cannot do."
            raise NotAttachable(message, fix="Use emr-pyspark, emr-spark or emr-sparkr, or the transport gateway.")
        spec = ProcessSpec(
            connection=connection,
            handed=hand_over(config, connection),
            kind=KINDS[request.language],
            address={**self._address, "key": self._context.key.decode()},
            sockets=self._sockets,
            env=request.env,
            cwd=request.cwd,
            ready_timeout=config.ready_timeout,
        )
        return SessionKernel(spec, entry, self._context.log)

    def status(self, entry: LedgerEntry) -> KernelStatus:
        """Return the status of a kernel that is being brought back."""
        return KernelStatus(entry, lambda msg_type, content: None, lambda: None)

    def pause(self, paused: bool) -> None:
        """Do nothing: what clients send waits in their own sockets until the process serves."""

    async def close(self) -> None:
        """Let others have the ports."""
        self._sockets.close()


# The same transports as services.compute.eligibility.verdict.SUPPORTED_TRANSPORTS.
LAUNCHERS: dict[Transport, Callable[[LaunchContext], Launcher]] = {"gateway": GatewayLauncher, "livy": LivyLauncher}
