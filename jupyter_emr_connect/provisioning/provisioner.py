"""The kernel provisioner ``emr-connect``: what Jupyter asks of a kernel, done on the compute that it is attached to."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.multikernelmanager import MultiKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Bool, List, Unicode
from traitlets.config import Config

from ..config import SETTINGS_ATTRIBUTE, EMRConnect, load_config
from ..errors import EMRConnectError, KernelGone, KernelStartFailed, StoreError
from ..executors import FILES, run_in
from ..gateway.channels.zmq_channels import LocalChannels
from ..gateway.event_loop import GatewayLoop, gateway_loop
from ..models import Attachment, KernelRecord, Transport
from ..services.attachments.location import KernelLocation
from .adopt import Adopter
from .launchers import LAUNCHERS, LaunchContext, LaunchedKernel, Launcher
from .locate import attachment_of, locate, location_now
from .reattachment import Reattachment
from .spec import KernelRequest, import_services, is_alike, new_record, recorder_of, runs_on
from .stages import StartStages, reporter

if TYPE_CHECKING:
    from ..services.attachments.connect import Connection
    from ..services.kernels.starts import RunningStart

SHUTDOWN_WAIT_S = 30.0
NOT_RESTARTED = "restart"  # the cause of a status, for clients: the kernel was to be restarted, and could not be


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
        self._kernel: LaunchedKernel | None = None
        self._reattachment: Reattachment | None = None
        self._launchers: dict[Transport, Launcher] = {}
        self._launcher: Launcher | None = None
        self._location: KernelLocation | None = None
        self._attachment: Attachment | None = None  # by which the kernel was started; None for one taken over
        self._has_process = False
        self._left = False
        self._given_up = False  # for good: its server shuts the kernel down, or stops
        self._launching: asyncio.Task[Any] | None = None  # on the gateway loop
        self._breaking_off = False
        self._restart_asked = False  # by a user; Jupyter restarts kernels that died by itself
        self._address: dict[str, Any] = {}

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel, dead or alive, that was not yet waited for."""
        return self._has_process

    @property
    def remote_kernel_id(self) -> str | None:
        """The kernel's id in the ledger, which is also its id on its gateway."""
        return kernel.kernel_id if (kernel := self._reattachment or self._kernel) else None

    @property
    def was_taken(self) -> bool:
        """Whether another process has taken the kernel over (``kernels adopt --force``)."""
        return self._kernel is not None and self._kernel.was_taken

    @property
    def channels(self) -> LocalChannels | None:
        """Where this process speaks to the kernel, also past ZeroMQ; asked when a browser connects."""
        return self._launcher.channels if self._launcher else None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Prepare the environment; called by ``KernelManager`` before :meth:`launch_kernel`. There is no command."""
        kwargs.pop("extra_arguments", None)
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel, restart its own, or go on with one that was left behind; called by ``KernelManager``."""
        env = dict(kwargs.get("env") or os.environ)
        await import_services()
        start = self._new_start(loop := gateway_loop())
        stages = StartStages(reporter(self.log, self.kernel_id, start.enter))
        try:
            if self._location is None:
                self._location = await locate(self.parent, env, kwargs.get("cwd"))
            request = self._request(env, kwargs.get("cwd"))
            with start.listed(request.kernelspec):
                self.connection_info = await loop.call(self._launch(loop, self._settings(), request, stages, start))
        except EMRConnectError as error:
            self.reason = str(error)
            self.log.error("Kernel %s did not start. %s", self.kernel_id, error)
            raise
        except asyncio.CancelledError:
            loop.start(self._finish())
            raise
        finally:
            self.timings, self._restart_asked = stages.timings, False
        self._has_process = True
        return self.connection_info

    def _new_start(self, loop: GatewayLoop) -> RunningStart:
        """Return the start as a user sees it, who can cancel it unless it is a restart; called on Jupyter's loop."""
        from ..services.kernels.starts import RunningStart

        is_restart = self._kernel is not None or self._reattachment is not None
        return RunningStart(self.kernel_id, None if is_restart else lambda: loop.start(self._break_off()))

    async def _launch(
        self, loop: GatewayLoop, config: EMRConnect, request: KernelRequest, stages: StartStages, start: RunningStart
    ) -> KernelConnectionInfo:
        """Have the kernel run, and return where local clients reach it; called on the gateway loop.

        Raises :class:`KernelStartFailed` when it is broken off (:meth:`_break_off`): of a launch that is cancelled,
        jupyter_client (8.10) never says that it is over.
        """
        if self._given_up:
            raise _not_wanted()
        self._launching = asyncio.current_task()
        try:
            return await self._launched(loop, config, request, stages, start)
        except asyncio.CancelledError:
            if not self._breaking_off:
                raise
            raise (start.cancellation() if start.was_cancelled else _not_wanted()) from None
        finally:
            self._launching = None

    async def _launched(
        self, loop: GatewayLoop, config: EMRConnect, request: KernelRequest, stages: StartStages, start: RunningStart
    ) -> KernelConnectionInfo:
        # A server that ends otherwise than by its own stop leaves its kernels too.
        loop.at_exit(self, self._leave if request.persistent else self._finish)
        request = await self._located(request)
        start.path = request.path or request.location.folder
        former = self._kernel
        if former is not None and former.restart_pending:
            try:
                return (await self._restart(config, former, request, stages)).connection_info
            except EMRConnectError as error:
                former.status.announce(former.status.state, NOT_RESTARTED, error.message, error.fix)
                raise
        if self._address:  # who named the ports may wait for them: they are there at once, and answer with the kernel
            self._launcher_of("gateway").pause(True)
        try:
            launcher = await self._obtain(config, request, stages)
        except BaseException as error:
            if former is not None and isinstance(error, EMRConnectError):  # a client may still be there
                former.status.announce("gone", NOT_RESTARTED, error.message, error.fix)
                if not self._restart_asked:  # whoever asked is answered, and may ask again
                    former.status.announce_death()
            if not self._has_process:
                loop.keep(self._finish())
            raise
        if self._address:
            launcher.pause(False)
        return launcher.connection_info

    async def _located(self, request: KernelRequest) -> KernelRequest:
        """Return the request with the kernel's notebook or folder as it is now."""
        location = self._location or KernelLocation()
        if self._kernel is not None:
            location = self._location = await location_now(location, self._kernel.entry)
        path = await run_in(FILES, lambda: location.notebook)
        return replace(request, location=location, path=path)

    async def _restart(
        self, config: EMRConnect, kernel: LaunchedKernel, request: KernelRequest, stages: StartStages
    ) -> Launcher:
        """Restart the kernel in place, or start another where its attachment has changed; returns the launcher.

        What is attached now is reached before the kernel is ended, so that a refusal leaves it as it is.
        """
        former = kernel.entry.record
        try:
            attachment = await attachment_of(config, request)
        except StoreError as error:
            self.log.warning("Kernel %s is restarted where it is. %s", self.kernel_id, error)
            attachment = self._attachment or former.attachment
        adopter = Adopter(config, request, self._launcher_of, self.log)
        wanted = attachment.compute, attachment.runtime_role, attachment.transport
        stays, connection = is_alike(attachment, self._attachment) or runs_on(former, *wanted), None
        if not stays:
            connection = await adopter.connect(attachment, stages)
            stays = runs_on(former, connection.compute.id, connection.role, connection.transport)
        launcher = self._launcher_of(former.transport)
        if not stays or not await self._restarted_in_place(kernel, stages):
            await kernel.end()
            connection = connection or await adopter.connect(attachment, stages)
            await self._move_to(connection.transport)
            launcher = await self._start(adopter, connection, stages)
        self._attachment = attachment
        await self._say_where(former)
        return launcher

    async def _restarted_in_place(self, kernel: LaunchedKernel, stages: StartStages) -> bool:
        """Restart a kernel; False for one that its gateway has no more, of which the user was not told before."""
        try:
            await kernel.restart(stages)
        except KernelGone as error:
            self.log.warning("Kernel %s is started anew. %s", self.kernel_id, error.message)
            return False
        return True

    async def _say_where(self, former: KernelRecord) -> None:
        """Say on what compute and under which role the kernel runs since its restart."""
        if self._kernel is None:
            return
        record = self._kernel.entry.record
        role = f"under the runtime role {record.runtime_role}" if record.runtime_role else "without a runtime role"
        reason = f"It was restarted on {record.compute} {role}."
        if (record.compute, record.runtime_role) != (former.compute, former.runtime_role):
            before = f"under {former.runtime_role}" if former.runtime_role else "without a runtime role"
            reason = f"{reason} Before, it ran on {former.compute} {before}."
        self.log.info("Kernel %s: %s", self.kernel_id, reason)
        await self._kernel.status.tell("connected", "restarted", reason)

    async def _obtain(self, config: EMRConnect, request: KernelRequest, stages: StartStages) -> Launcher:
        """Go on with a kernel that was left behind for this one, else start a new one; returns its launcher."""
        self._attachment = None
        adopter = Adopter(config, request, self._launcher_of, self.log)
        if entry := adopter.handed_over():
            launcher = self._launcher_of(entry.record.transport)
            self._kernel = None
            self._reattachment = Reattachment(adopter, entry, launcher, self.log, self._on_back)
            return launcher
        if kernel := await adopter.wanted_kernel(stages):
            self._kernel = kernel
            return self._launcher_of(kernel.entry.record.transport)
        self._attachment = await attachment_of(config, request)
        if folder := request.location.folder:
            await self._warn_of_notebooks_apart(config, folder)
        connection = await adopter.connect(self._attachment, stages)
        await self._move_to(connection.transport)
        if kernel := await adopter.left_kernel(connection, stages):
            self._kernel = kernel
            return self._launcher_of(connection.transport)
        return await self._start(adopter, connection, stages)

    async def _warn_of_notebooks_apart(self, config: EMRConnect, folder: str) -> None:
        """Say that a notebook's own attachment does not count where nobody says which notebook it is."""
        from ..services.attachments.resolution import notebooks_apart

        if self._attachment is None or not self._attachment.path:
            return
        if apart := await run_in(FILES, notebooks_apart, config, folder):
            text = (
                "Kernel %s: nobody says which notebook it is for, so the attachment of %s counts, and not that of %s."
            )
            self.log.warning(text, self.kernel_id, self._attachment.path, " or ".join(apart))

    async def _start(self, adopter: Adopter, connection: Connection, stages: StartStages) -> Launcher:
        """Start a new kernel on a compute that answered; returns its launcher."""
        launcher, request = self._launcher_of(connection.transport), adopter.request
        record = new_record(connection, request, persistent=request.persistent and launcher.outlives_process)
        self._kernel = adopter.kernel(adopter.entry(record), connection)
        await self._kernel.start(stages)
        return launcher

    def _on_back(self, kernel: LaunchedKernel) -> None:
        """Take a kernel that has come back; called on the gateway loop."""
        self._kernel, self._reattachment = kernel, None

    def _request(self, env: Mapping[str, str], cwd: str | None) -> KernelRequest:
        """Return what is asked for under this environment; called on Jupyter's loop."""
        from ..services.kernels.ownership import are_persistent

        server = getattr(self.parent, "parent", None)
        persistent = are_persistent(server)
        return KernelRequest(
            kernelspec=str(getattr(self.parent, "kernel_name", "")) or Path(self.kernel_spec.resource_dir).name,
            candidates=tuple(self.candidates),
            language=str(self.kernel_spec.language),
            spark=self.spark,
            offer_v1=self.offer_v1,
            env=env,
            local_id=self.kernel_id or None,
            root=os.path.realpath(getattr(server, "root_dir", "")) if persistent else None,
            persistent=persistent,
            observe=recorder_of(self.parent, self.kernel_id),
            cwd=cwd,
            # nbclient, papermill and consoles show none, and would keep sparkmagic's progress bars as text.
            widgets=self.parent is None or isinstance(server, MultiKernelManager),
        )

    def _settings(self) -> EMRConnect:
        """Our settings: those of the server whose kernel it is; else of Jupyter's files, then of the application.

        Called on Jupyter's loop: configuration files are a user's code, and have run there before.
        """
        served: EMRConnect | None = getattr(getattr(self.parent, "parent", None), SETTINGS_ATTRIBUTE, None)
        if served is not None:
            return served
        merged: Config = load_config()
        merged.merge(self.config)
        return EMRConnect(config=merged)

    def _launcher_of(self, transport: Transport) -> Launcher:
        """Return the launcher of a transport; clients find all lives of the kernel at the same address."""
        if transport not in self._launchers:
            self._launchers[transport] = LAUNCHERS[transport](self._context())
        self._launcher = self._launchers[transport]
        return self._launcher

    async def _move_to(self, transport: Transport) -> None:
        """Leave the address where clients expect the kernel to the launcher of another transport."""
        for other in [name for name in self._launchers if name != transport]:
            launcher = self._launchers.pop(other)
            self._address = self._address or dict(launcher.connection_info)
            await launcher.close()

    def _context(self) -> LaunchContext:
        """Return what launchers are made with: the address that was named, else the key of our ``KernelManager``."""
        if address := self._address:
            ports = {name.removesuffix("_port"): port for name, port in address.items() if name.endswith("_port")}
            key, scheme, ip = address["key"], address["signature_scheme"], address["ip"]
            key = key.encode() if isinstance(key, str) else key
            return LaunchContext(key, scheme, self._on_shutdown, self.log, ip=ip, ports=ports)
        session = getattr(self.parent, "session", None)
        key = session.key if session else uuid.uuid4().hex.encode()
        scheme = session.signature_scheme if session else "hmac-sha256"
        return LaunchContext(key, scheme, self._on_shutdown, self.log)

    async def _on_shutdown(self, restart: bool) -> None:
        """Delete the kernel, or let it look dead until its restart; called when a client asked it to shut down."""
        if not restart:
            await self._end()
        elif self._kernel is not None:
            self._kernel.pause_for_restart()

    async def poll(self) -> int | None:
        """Return None while the kernel lives, else its exit code; called by ``KernelManager.is_alive``."""
        if self._left:  # it looks alive until Jupyter ends it, so that it is not started anew
            return None if self._has_process else 0
        if self._reattachment is not None:
            self.reason = self._reattachment.failure
            return 1 if self.reason else None
        if (kernel := self._kernel) is None:
            return 0
        if kernel.exit_code is not None:
            self.reason = kernel.reason
        # One that another server has must not be started anew here: the server closes it (server.restoring).
        return None if self.was_taken and self._has_process and kernel.entry.record.persistent else kernel.exit_code

    async def wait(self) -> int | None:
        """Wait until the kernel is no more; called as ``KernelManager`` finishes a shutdown or a kill."""
        if not self._left and (kernel := self._kernel) is not None:
            await gateway_loop().call(kernel.over())
        self._has_process = False
        return await self.poll()

    async def give_up(self) -> None:
        """Break off a start or restart under way, and begin none any more; called before a server ends the kernel."""
        self._given_up = True
        await gateway_loop().call(self._break_off())

    async def _break_off(self) -> None:
        """Have a launch under way fail, and wait for that; called on the gateway loop by another task than its own."""
        if (launching := self._launching) is None:
            return
        self._breaking_off = True
        try:
            launching.cancel()
            await asyncio.wait({launching})
            if not launching.cancelled():
                launching.exception()  # retrieved, so that asyncio does not print it
        finally:
            self._breaking_off = False

    async def detach(self, cause: str = "server stopped", reason: str = "Its Jupyter server was stopped.") -> None:
        """Leave the kernel running on its gateway, and close; called by the server extension as its server stops.

        Jupyter's own shutdown may follow and then ends nothing. A kernel that only starts is given up and removed.
        """
        self._left = True
        await gateway_loop().call(self._detach(cause, reason))

    async def returned(self) -> bool:
        """Wait until a kernel that is brought back is there; False when it will not come. Others are there."""
        if self._reattachment is None:
            return True
        return await gateway_loop().call(self._reattachment.settled())

    def link_state(self) -> dict[str, str]:
        """Return ``state``, ``since``, ``cause`` and ``reason`` of the connection; called from any thread."""
        return kernel.status.to_json() if (kernel := self._reattachment or self._kernel) else {}

    async def send_signal(self, signum: int) -> None:
        """Interrupt the kernel for SIGINT, delete it for SIGKILL and SIGTERM; other signals do not reach a compute."""
        if signum == signal.SIGINT and (kernel := self._kernel) is not None:
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
        elif self._kernel is None or not self._kernel.restart_pending:
            await gateway_loop().call(self._end())

    async def terminate(self, restart: bool = False) -> None:
        """Delete the kernel; called when it takes too long to shut down."""
        await self.kill(restart=restart)

    async def get_provisioner_info(self) -> dict[str, Any]:
        """Return what another process needs to find the kernel again; called by managers that persist their kernels.

        The connection to the compute is not in it: it is made of secrets, and is made anew from the ledger's record.
        """
        info = await super().get_provisioner_info()
        session = self._launcher.session_id if self._launcher else None
        return info | {"gateway_kernel_id": self.remote_kernel_id, "gateway_session_id": session}

    async def load_provisioner_info(self, provisioner_info: dict[str, Any]) -> None:
        """Have the next kernel serve at the address (``connection_info``) that its clients know already.

        Called by :mod:`.process` before the launch. The ports are there as soon as that begins.
        """
        await super().load_provisioner_info(provisioner_info)
        self._address = dict(self.connection_info)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Shut the kernel down; called after a request on the control channel, which may be slower than this call."""
        self._restart_asked = restart
        if self._left:
            self._has_process = False
        else:
            gateway_loop().start(self._on_shutdown(restart))

    async def cleanup(self, restart: bool = False) -> None:
        """Delete the kernel and close the channels, unless a launch follows; called last in a shutdown."""
        if not restart:
            await gateway_loop().call(self._finish())

    async def _end(self) -> None:
        """Delete the kernel, also one that is only being started or restarted."""
        await self._break_off()
        if kernel := self._reattachment or self._kernel:
            await kernel.end()

    async def _detach(self, cause: str, reason: str) -> None:
        gateway_loop().at_exit(self, None)
        await self._break_off()
        if kernel := self._reattachment or self._kernel:
            await kernel.detach(cause, reason)
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
        """Forget the kernel, and close the local channels."""
        self._kernel, self._reattachment, self._launcher = None, None, None
        launchers, self._launchers = self._launchers, {}
        for launcher in launchers.values():
            await launcher.close()

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        """Allow for the network and for a gateway that waits for its kernel."""
        return max(recommended, SHUTDOWN_WAIT_S)


def _not_wanted() -> KernelStartFailed:
    return KernelStartFailed("The kernel was shut down before it had started.", fix="Start it again.")
