"""The kernel provisioner ``emr-connect``: starts a kernel on the attached compute and bridges it to local channels."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Bool, List, Unicode
from traitlets.config import Config

from ..config import EMRConnect, load_config
from ..errors import ConfigurationError, EMRConnectError
from ..gateway import spark_cells
from ..gateway.bridge import Bridge
from ..gateway.loop import GatewayLoop, gateway_loop
from ..gateway.state import LinkStatus
from ..gateway.tap import Taps
from ..models import Attachment, KernelRecord
from ..services.stages import stage_listener
from .launching import gateway_env, launch_timeout
from .observing import Observe, recorder_of
from .remote import Order, RemoteKernel
from .stages import Stages

if TYPE_CHECKING:
    from ..services.connect import Connection
    from ..store.ledger import Ledger

SHUTDOWN_SECONDS = 30.0


class EMRProvisioner(KernelProvisionerBase):
    """One per kernel, made by ``KernelManager``. ``timings`` is seconds by stage of the last start."""

    candidates = List(Unicode(), help="Kernelspecs on the gateway that this one may stand for, best first.").tag(
        config=True
    )
    spark = Bool(False, help="Whether this kernelspec is for Spark.").tag(config=True)

    offer_v1 = Bool(
        True, help="Offer the gateway the binary WebSocket framing, not only the older JSON that every gateway takes."
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timings: dict[str, float] = {}
        self.reason = ""
        self._remote: RemoteKernel | None = None
        self._bridge: Bridge | None = None
        self._has_process = False
        self._observe: Observe | None = None

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel, dead or alive, that was not yet waited for."""
        return self._has_process

    @property
    def remote_kernel_id(self) -> str | None:
        """The kernel's id on its gateway."""
        return self._remote.kernel_id if self._remote else None

    @property
    def taps(self) -> Taps | None:
        """Who in this process receives what the kernel publishes, past ZeroMQ; asked when a browser connects."""
        return self._bridge.local.taps if self._bridge else None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Prepare the environment; called by ``KernelManager`` before :meth:`launch_kernel`. There is no command."""
        kwargs.pop("extra_arguments", None)
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel, or restart it if it was shut down for that; called by ``KernelManager``."""
        env = dict(kwargs.get("env") or os.environ)
        stages = Stages(self._reporter())
        self._observe = recorder_of(self.parent, self.kernel_id)
        loop = gateway_loop()
        try:
            self.connection_info = await loop.call(self._launch(loop, env, stages))
        except EMRConnectError as error:
            self.reason = str(error)
            self.log.error("Kernel %s did not start. %s", self.kernel_id, error)
            raise
        except asyncio.CancelledError:
            loop.submit(self._finish())
            raise
        finally:
            self.timings = stages.timings
        self._has_process = True
        return self.connection_info

    async def _launch(self, loop: GatewayLoop, env: dict[str, str], stages: Stages) -> KernelConnectionInfo:
        bridge = self._open_bridge()
        local = cast(KernelConnectionInfo, bridge.connection_info)
        loop.at_exit(self, self._finish)
        remote = self._remote
        if remote is not None and remote.restart_pending:
            await remote.restart(stages)
            return local
        try:
            remote = await self._order(env, stages, bridge)
            self._remote = remote
            if self._observe is not None:
                bridge.observer = self._observe(remote.kernel_id, bridge.publish)
            await remote.start(stages)
        except BaseException:
            if not self._has_process:
                loop.keep(self._finish())
            raise
        return local

    async def _order(self, env: dict[str, str], stages: Stages, bridge: Bridge) -> RemoteKernel:
        config = await asyncio.to_thread(self._settings)
        path = env.get("JPY_SESSION_NAME") or None
        bridge.journal_bytes = config.journal_megabytes * 1_000_000
        bridge.reconnect_for = config.reconnect_hours * 3600
        bridge.helpers = [spark_cells.installation()] if self.spark and config.cancel_spark_jobs else []
        attachment = await self._resolve(config, env, path)
        if attachment.transport not in ("auto", "gateway"):
            message = f"This kernel cannot use the transport {attachment.transport!r}."
            raise ConfigurationError(message, fix="Attach with the transport 'gateway' or 'auto'.")
        seconds = config.credentials_timeout + 4 * config.connect_timeout
        connection = await stages.bounded(self._connect(config, attachment, stages.enter), seconds)
        record = KernelRecord(
            kernel_id="",
            compute=connection.compute.id,
            kernelspec=str(getattr(self.parent, "kernel_name", "")),
            gateway_url=connection.target.url,
            runtime_role=connection.role,
            path=path,
            profile=connection.compute.profile,
            region=connection.compute.region,
            access_role=connection.compute.access_role,
        )
        order = Order(
            target=connection.target,
            record=record,
            candidates=tuple(self.candidates),
            language=str(self.kernel_spec.language),
            spark=self.spark,
            offer_v1=self.offer_v1,
            env=gateway_env(env),
            connect_timeout=config.connect_timeout,
            launch_timeout=launch_timeout(env, config, connection.compute.kind),
            ready_timeout=config.ready_timeout,
        )
        return RemoteKernel(order, bridge, self._ledger(config), self.log)

    def _settings(self) -> EMRConnect:
        """Our settings: those of the Jupyter configuration files, then those of the application we run in."""
        merged: Config = load_config()
        merged.merge(self.config)
        return EMRConnect(config=merged)

    async def _resolve(self, config: EMRConnect, env: Mapping[str, str], path: str | None) -> Attachment:
        # Imported here: it brings boto3, and listing kernelspecs must not.
        from ..services import attachments

        return await asyncio.to_thread(attachments.resolve, config, env, path)

    async def _connect(self, config: EMRConnect, request: Attachment, stage: Callable[[str], None]) -> Connection:
        from ..services.connect import connect

        return await connect(config, request, stage=stage)

    def _ledger(self, config: EMRConnect) -> Ledger:
        from ..store.database import Database
        from ..store.ledger import Ledger

        return Ledger(Database(config.state_file))

    def _reporter(self) -> Callable[[str], None]:
        """Return what is told of each stage: the log, and the face that listens, on its own loop."""
        listener = stage_listener.get()
        caller = asyncio.get_running_loop()

        def report(name: str) -> None:
            self.log.info("Kernel %s: %s", self.kernel_id, name)
            if listener is not None:
                caller.call_soon_threadsafe(listener, name)

        return report

    def _open_bridge(self) -> Bridge:
        """Return the local sockets, which stay the same for all lives of the kernel."""
        if self._bridge is None:
            session = getattr(self.parent, "session", None)
            self._bridge = Bridge(
                key=session.key if session else uuid.uuid4().hex.encode(),
                scheme=session.signature_scheme if session else "hmac-sha256",
                on_shutdown=self._on_shutdown,
                on_state=self._on_state,
                on_status=self._on_status,
            )
        return self._bridge

    async def _on_shutdown(self, restart: bool) -> None:
        """A client asked the kernel to shut down; called on the gateway loop."""
        if self._remote is None:
            return
        if restart:
            self._remote.pause_for_restart()
        else:
            await self._remote.end()

    def _on_state(self, status: LinkStatus) -> None:
        if self._remote is not None:
            self._remote.on_state(status)

    def _on_status(self, state: str) -> None:
        if self._remote is not None:
            self._remote.on_status(state)

    async def poll(self) -> int | None:
        """Return None while the kernel lives, else its exit code; called by ``KernelManager.is_alive``."""
        if self._remote is None:
            return 0
        if self._remote.exit_code is not None:
            self.reason = self._remote.reason
        return self._remote.exit_code

    async def wait(self) -> int | None:
        """Wait until the kernel is no more; called as ``KernelManager`` finishes a shutdown or a kill."""
        if self._remote is not None:
            await gateway_loop().call(self._remote.over())
        self._has_process = False
        return await self.poll()

    async def send_signal(self, signum: int) -> None:
        """SIGINT interrupts over REST, SIGKILL and SIGTERM delete; 0 asks nothing; others do not reach a gateway."""
        if self._remote is None or signum == 0:
            return
        if signum == signal.SIGINT:
            try:
                await gateway_loop().call(self._remote.interrupt())
            except EMRConnectError as error:
                self.log.warning("Kernel %s could not be interrupted: %s", self.kernel_id, error)
        elif signum in (signal.SIGKILL, signal.SIGTERM):
            await self.kill()

    async def kill(self, restart: bool = False) -> None:
        """Delete the kernel, unless it is only between two lives; called to end it at once."""
        if self._remote is not None and not self._remote.restart_pending:
            await gateway_loop().call(self._remote.end())

    async def terminate(self, restart: bool = False) -> None:
        """Delete the kernel; called when it takes too long to shut down."""
        await self.kill(restart=restart)

    async def get_provisioner_info(self) -> dict[str, Any]:
        """Return what another process needs to find the kernel again; called by managers that persist their kernels.

        The connection to the compute is not in it: it is made of secrets, and is made anew from the ledger's record.
        """
        known = await super().get_provisioner_info()
        link = self._bridge.link if self._bridge else None
        session = link.session_id if link else None
        return known | {"gateway_kernel_id": self.remote_kernel_id, "gateway_session_id": session}

    async def shutdown_requested(self, restart: bool = False) -> None:
        """The manager has sent a shutdown request on the control channel, which may be slower than this call."""
        gateway_loop().submit(self._on_shutdown(restart))

    async def cleanup(self, restart: bool = False) -> None:
        """Delete the kernel and close the channels, unless a launch follows; called last in a shutdown."""
        if not restart:
            await gateway_loop().call(self._finish())

    async def _finish(self) -> None:
        """Leave nothing: on the gateway, or here. Also called when the process ends."""
        gateway_loop().at_exit(self, None)
        remote, self._remote = self._remote, None
        bridge, self._bridge = self._bridge, None
        if remote is not None:
            await remote.end()
        if bridge is not None:
            await bridge.close()

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        """Allow for the network and for a gateway that waits for its kernel."""
        return max(recommended, SHUTDOWN_SECONDS)
