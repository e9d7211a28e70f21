"""Amazon EMR Studio's Workspace for any JupyterLab."""

from __future__ import annotations

import sys
from typing import Any

if sys.platform == "win32":
    text = "jupyter_emr_connect runs on Linux and macOS, not on Windows. Install it in WSL, with JupyterLab."
    raise ImportError(text)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell jupyter_server where the extension is; called while the server starts."""
    from .server.app import EMRConnectExtension

    return [{"module": "jupyter_emr_connect", "app": EMRConnectExtension}]


def load_ipython_extension(shell: Any) -> None:
    """Have ``%emr`` and its cell magics in an IPython shell; called by ``%load_ext jupyter_emr_connect``."""
    from .magics.extension import load

    load(shell)


def __getattr__(name: str) -> str:
    """Return ``__version__``, which the installed package's metadata has; looked up only when it is asked for."""
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
