"""Amazon EMR Studio's Workspace for any JupyterLab."""

from __future__ import annotations

from typing import Any

from ._version import __version__ as __version__


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell jupyter_server where the extension is; called while the server starts."""
    from .server.app import EMRConnectExtension

    return [{"module": "jupyter_emr_connect", "app": EMRConnectExtension}]
