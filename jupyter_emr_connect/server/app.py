"""The server extension: it gives the server's ``EMRConnect`` settings to everything that runs inside the server."""

from __future__ import annotations

from jupyter_server.extension.application import ExtensionApp

from .._version import __version__
from ..config import EMRConnect


class EMRConnectExtension(ExtensionApp):
    """Loaded by every Jupyter server (``etc/jupyter/jupyter_server_config.d``); imports neither boto3 nor aiohttp.

    ``jupyter server --EMRConnect.gateway_port=…`` and the server's configuration files reach :class:`EMRConnect`
    through it; handlers find it in ``settings["emr_connect"]``.
    """

    name = "jupyter_emr_connect"
    description = "Attach notebooks to Amazon EMR under a runtime role"
    version = __version__
    extension_url = "/jupyter-emr-connect"
    load_other_extensions = True
    classes = [EMRConnect]

    def initialize_settings(self) -> None:
        """Make the settings object from the server's configuration; called by jupyter_server once."""
        self.settings["emr_connect"] = EMRConnect(parent=self)
