"""Amazon EMR Studio's Workspace for any JupyterLab."""

from __future__ import annotations

from ._version import __version__ as __version__
