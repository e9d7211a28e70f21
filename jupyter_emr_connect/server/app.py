"""The server extension: it gives the server's ``EMRConnect`` settings to everything that runs inside the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from importlib.metadata import version as version_of
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.services.shutdown import ShutdownHandler

from ..config import CONFIG_FILES, SETTINGS_ATTRIBUTE, EMRConnect
from ..executors import FILES, run_in
from ..services.audit import Audit, register_schemas
from ..tasks import report_failure
from .backups.backups import ServerBackups
from .catalogues import Catalogues
from .contents_events import AttachmentFollower, ContentsEvents
from .kernels.locating import LOCATOR, path_asked_for
from .kernels.provisioner_import import ProvisionerImport
from .kernels.restoring import Restorer
from .kernels.shutdowns import Shutdowns
from .kernels.waiting import Waiting
from .kernels.websocket import RECORDER, install_websockets
from .open_requests import all_answered
from .paths import PathMapper
from .recording.recorder import Recorder
from .routes.base import SETTING, EMRHandler, Services
from .routes.jupyters_failures import explain_failures
from .routes.table import patterns
from .sandbox import ServerSandbox

CALLS_END_WITHIN = 1.0


class EMRConnectExtension(ExtensionApp):
    """Loaded by every Jupyter server (``etc/jupyter/jupyter_server_config.d``); imports neither boto3 nor aiohttp.

    ``jupyter server --EMRConnect.gateway_port=…`` and the server's configuration files reach :class:`EMRConnect`
    through it; handlers find it in ``settings["emr_connect"]``.
    """

    name = "jupyter_emr_connect"
    description = "Attach notebooks to Amazon EMR under a runtime role"
    version = version_of("jupyter_emr_connect")
    extension_url = "/jupyter-emr-connect"
    load_other_extensions = True
    classes = [EMRConnect]
    _services: Services | None = None  # until the server has its settings
    _restorer: Restorer | None = None
    _recorder: Recorder | None = None
    _shutdowns: Shutdowns | None = None

    def _config_file_name_default(self) -> str:
        """Return the name of our configuration files; jupyter_server's own choice begins with one more ``jupyter_``."""
        return CONFIG_FILES[-1]

    def initialize_settings(self) -> None:
        """Make the settings object from the server's configuration; called by jupyter_server once."""
        config = EMRConnect(parent=self)
        server: Any = self.serverapp
        paths = PathMapper(server.contents_manager)
        register_schemas(server.event_logger)
        audit = Audit(server.event_logger, self.log, "rest")
        self.settings["emr_connect"] = config
        setattr(server.kernel_manager, SETTINGS_ATTRIBUTE, config)  # for the provisioner of each kernel
        setattr(server.kernel_manager, LOCATOR, partial(path_asked_for, paths))
        contents_events = ContentsEvents(server.event_logger, self.log)
        followed = Audit(server.event_logger, self.log, "contents")
        attachment_follower = AttachmentFollower(
            config, paths, self.log, partial(server.io_loop.add_callback, followed.attachment)
        )
        contents_events.subscribe(attachment_follower)
        server.contents_manager.register_pre_save_hook(attachment_follower.before_save)
        self._shutdowns = Shutdowns(server.kernel_manager, self.log)
        self._shutdowns.install()
        ProvisionerImport(server.kernel_manager).install()
        self._restorer = Restorer(config, server, paths, self.log)
        backups = ServerBackups(config, paths, self.log)
        backups.start(contents_events, server.contents_manager)
        catalogues = Catalogues(config)
        sandbox = ServerSandbox(config, self.log, audit, catalogues.close)
        self._services = Services(config, paths, audit, catalogues, attachment_follower, backups, sandbox)
        self.settings[SETTING] = self._services
        self._recorder = Recorder(config, server, paths, self.log)
        self._recorder.start(contents_events)
        self.settings[RECORDER] = self._recorder
        install_websockets(self.settings, low_latency=config.low_latency)
        explain_failures(server.web_app, server.log)
        # The first thing that the server's loop does, before it reads a request.
        server.io_loop.add_callback(self._restorer.start, Waiting(server.web_app, server.base_url))

    def initialize_handlers(self) -> None:
        """Add the REST routes; called by jupyter_server once."""
        self.handlers.extend(patterns())

    async def stop_extension(self) -> None:
        """Stop listing, break off kernels that still start, and leave or end the others as configured.

        Called by jupyter_server before it ends kernels. What fails here does not keep the server from ending.
        """
        for step in self._stops():
            try:
                await step()
            except Exception as error:
                report_failure(self.log, "A part of jupyter_emr_connect could not be stopped in order.", error)

    def _stops(self) -> Iterator[Callable[[], Awaitable[None]]]:
        """Return what is to be done as the server stops, in order."""
        if self._recorder is not None:
            yield self._recorder.close
        if services := self._services:
            yield partial(run_in, FILES, services.catalogues.close, CALLS_END_WITHIN)
            yield partial(run_in, FILES, services.attachment_follower.close)
            yield services.backups.close
            yield services.sandbox.cancel
        if self._shutdowns:
            yield self._shutdowns.settle_all
            yield partial(all_answered, besides=(EMRHandler, ShutdownHandler))
        if self._restorer:
            yield self._restorer.stop
        if (config := self.settings.get("emr_connect")) and self._shutdowns and config.on_server_exit == "shutdown":
            yield self._shutdowns.end_all_failed
