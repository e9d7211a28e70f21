"""The kernel provisioner ``emr-connect``: starts a kernel on the attached compute and bridges it to local channels."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from typing import Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Bool, List, Unicode
from traitlets.config import Config

from ..config import EMRConnect, load_config
from ..errors import EMRConnectError
from ..gateway.channels.bridge import Bridge
from ..gateway.channels.zmq_channels import LocalChannels
from ..gateway.connection.status import LinkStatus
from ..gateway.event_loop import GatewayLoop, gateway_loop
from .adopt import Adopter
from .kernel import RemoteKernel
from .reattachment import Reattachment
from .spec import KernelRequest, recorder_of
from .stages import StartStages, reporter

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
        self._return: Reattachment | None = None
        self._bridge: Bridge | None = None
        self._has_process = False
        self._left = False

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel, dead or alive, that was not yet waited for."""
        return self._has_process

    @property
    def remote_kernel_id(self) -> str | None:
        """The kernel's id on its gateway."""
        return known.kernel_id if (known := self._return or self._remote) else None

    @property
    def was_taken(self) -> bool:
        """Whether another process has taken the kernel over (``kernels adopt --force``)."""
        return self._remote is not None and self._remote.was_taken

    @property
    def channels(self) -> LocalChannels | None:
        """Where this process speaks to the kernel, also past ZeroMQ; asked when a browser connects."""
        return self._bridge.channels if self._bridge else None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Prepare the environment; called by ``KernelManager`` before :meth:`launch_kernel`. There is no command."""
        kwargs.pop("extra_arguments", None)
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel, restart its own, or go on with one that was left behind; called by ``KernelManager``."""
        env = dict(kwargs.get("env") or os.environ)
        stages = StartStages(reporter(self.log, self.kernel_id))
        loop = gateway_loop()
        try:
            self.connection_info = await loop.call(self._launch(loop, self._wishes(env), stages))
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

    async def _launch(self, loop: GatewayLoop, wishes: KernelRequest, stages: StartStages) -> KernelConnectionInfo:
        bridge = self._open_bridge()
        local = cast(KernelConnectionInfo, bridge.connection_info)
        # A server that ends otherwise than by its own stop leaves its kernels too.
        loop.at_exit(self, self._leave if wishes.persistent else self._finish)
        remote = self._remote
        if remote is not None and remote.restart_pending:
            await remote.restart(stages)
            return local
        try:
            adopter = Adopter(await asyncio.to_thread(self._settings), wishes, bridge, self.log)
            if entry := adopter.handed():
                self._remote, self._return = None, Reattachment(adopter, entry, bridge, self.log, self._back)
                return local
            self._remote = await adopter.find(stages)
            if not self._remote.is_up:
                await self._remote.start(stages)
        except BaseException:
            if not self._has_process:
                loop.keep(self._finish())
            raise
        return local

    def _back(self, kernel: RemoteKernel) -> None:
        """Take a kernel that has come back; called on the gateway loop."""
        self._remote, self._return = kernel, None

    def _wishes(self, env: dict[str, str]) -> KernelRequest:
        from ..services.kernels.ownership import keeps

        server = getattr(self.parent, "parent", None)
        persistent = keeps(server)
        return KernelRequest(
            kernelspec=str(getattr(self.parent, "kernel_name", "")),
            candidates=tuple(self.candidates),
            language=str(self.kernel_spec.language),
            spark=self.spark,
            offer_v1=self.offer_v1,
            env=env,
            local_id=self.kernel_id or None,
            root=str(getattr(server, "root_dir", "")) or None if persistent else None,
            persistent=persistent,
            observe=recorder_of(self.parent, self.kernel_id),
        )

    def _settings(self) -> EMRConnect:
        """Our settings: those of the Jupyter configuration files, then those of the application we run in."""
        merged: Config = load_config()
        merged.merge(self.config)
        return EMRConnect(config=merged)

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
        if not restart:
            await self._end()
        elif self._remote is not None:
            self._remote.pause_for_restart()

    def _on_state(self, status: LinkStatus) -> None:
        if self._remote is not None:
            self._remote.on_state(status)

    def _on_status(self, state: str) -> None:
        if self._remote is not None:
            self._remote.on_status(state)

    async def poll(self) -> int | None:
        """Return None while the kernel lives, else its exit code; called by ``KernelManager.is_alive``."""
        if self._left:  # it looks alive until Jupyter ends it, so that it is not started anew
            return None if self._has_process else 0
        if self._return is not None:
            self.reason = self._return.failure
            return 1 if self.reason else None
        if (kernel := self._remote) is None:
            return 0
        if kernel.exit_code is not None:
            self.reason = kernel.reason
        # One that another server has must not be started anew here: the server closes it (server.restoring).
        return None if self.was_taken and self._has_process and kernel.entry.record.persistent else kernel.exit_code

    async def wait(self) -> int | None:
        """Wait until the kernel is no more; called as ``KernelManager`` finishes a shutdown or a kill."""
        if not self._left and (kernel := self._remote) is not None:
            await gateway_loop().call(kernel.over())
        self._has_process = False
        return await self.poll()

    async def detach(self, cause: str = "server stopped", reason: str = "Its Jupyter server was stopped.") -> None:
        """Leave the kernel running on its gateway, and close; called by the server extension as its server stops.

        Jupyter's own shutdown may follow and then ends nothing. A kernel that only starts is given up and removed.
        """
        self._left = True
        await gateway_loop().call(self._detach(cause, reason))

    async def returned(self) -> bool:
        """Wait until a kernel that is brought back is there; False when it will not come. Others are there."""
        if self._return is None:
            return True
        return await gateway_loop().call(self._return.settled())

    def link_state(self) -> dict[str, str]:
        """Return ``state``, ``since``, ``cause`` and ``reason`` of the connection; called from any thread."""
        return known.standing.to_json() if (known := self._return or self._remote) else {}

    async def send_signal(self, signum: int) -> None:
        """SIGINT interrupts over REST, SIGKILL and SIGTERM delete; 0 asks nothing; others do not reach a gateway."""
        if signum == signal.SIGINT and (kernel := self._remote) is not None:
            try:
                await gateway_loop().call(kernel.interrupt())
            except EMRConnectError as error:
                self.log.warning("Kernel %s could not be interrupted: %s", self.kernel_id, error)
        elif signum in (signal.SIGKILL, signal.SIGTERM):
            await self.kill()

    async def kill(self, restart: bool = False) -> None:
        """Delete the kernel, unless it is only between two lives; called to end it at once."""
        if self._left:
            self._has_process = False
        elif self._remote is None or not self._remote.restart_pending:
            await gateway_loop().call(self._end())

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
        if self._left:
            self._has_process = False
        else:
            gateway_loop().submit(self._on_shutdown(restart))

    async def cleanup(self, restart: bool = False) -> None:
        """Delete the kernel and close the channels, unless a launch follows; called last in a shutdown."""
        if not restart:
            await gateway_loop().call(self._finish())

    async def _end(self) -> None:
        """Delete the kernel."""
        if known := self._return or self._remote:
            await known.end()

    async def _detach(self, cause: str, reason: str) -> None:
        gateway_loop().at_exit(self, None)
        if known := self._return or self._remote:
            await known.detach(cause, reason)
        await self._close()

    async def _leave(self) -> None:
        """Leave the kernel as the process ends without having stopped its server."""
        self._left = True
        await self._detach("server ended", "Its Jupyter server ended.")

    async def _finish(self) -> None:
        """Leave nothing: on the gateway, or here. Also called when a process ends that is no Jupyter server."""
        gateway_loop().at_exit(self, None)
        if not self._left:
            await self._end()
        await self._close()

    async def _close(self) -> None:
        self._remote, self._return = None, None
        bridge, self._bridge = self._bridge, None
        if bridge is not None:
            await bridge.close()

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        """Allow for the network and for a gateway that waits for its kernel."""
        return max(recommended, SHUTDOWN_SECONDS)
