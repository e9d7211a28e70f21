"""The server extension: it gives the server's ``EMRConnect`` settings to everything that runs inside the server."""

from __future__ import annotations

import asyncio
from functools import partial
from importlib.metadata import version as version_of
from typing import Any

from jupyter_server.extension.application import ExtensionApp

from ..config import CONFIG_FILES, SETTINGS_ATTRIBUTE, EMRConnect
from ..executors import FILES, run_in
from ..services.audit import Audit, register_schemas
from .catalogues import Catalogues
from .contents_events import AttachmentFollower, ContentsEvents
from .kernels.locating import LOCATOR, path_asked_for
from .kernels.restoring import Restorer
from .kernels.waiting import Waiting
from .kernels.websocket import RECORDER, install_websockets
from .paths import PathMapper
from .recording.recorder import Recorder
from .routes.base import SETTING, Services
from .routes.jupyters_failures import explain_failures
from .routes.table import patterns

STARTS_END_WITHIN = 5.0
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
        self._restorer = Restorer(config, server, paths, self.log)
        self._services = Services(config, paths, audit, Catalogues(config), attachment_follower)
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
        """Stop listing, cancel kernels that still start, forget those that failed to, and leave the others running.

        Called by jupyter_server before it ends kernels.

        jupyter_client (8.10) keeps both in ``_pending_kernels``. jupyter_server (2.21) means to end them with the
        others, is answered that it knows no such kernel, and then never ends.
        """
        if self._recorder is not None:
            await self._recorder.close()
        if services := self._services:
            await run_in(FILES, services.catalogues.close, CALLS_END_WITHIN)
            await run_in(FILES, services.attachment_follower.close)
        manager: Any = getattr(self.serverapp, "kernel_manager", None)
        pending: dict[str, asyncio.Future[None]] = getattr(manager, "_pending_kernels", {})
        strays = {kernel_id: start for kernel_id, start in pending.items() if kernel_id not in manager}
        for start in strays.values():
            start.cancel()
        if strays:
            await asyncio.wait(strays.values(), timeout=STARTS_END_WITHIN)
        for kernel_id in strays:
            pending.pop(kernel_id, None)
        if self._restorer:
            await self._restorer.stop()
