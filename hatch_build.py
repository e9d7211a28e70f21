"""Builds JupyterLab's plugin into wheels and sdists: hatchling calls it.

Node is needed for that alone. Where there is none, or in a development install, what was built before is taken, or the
package goes without the plugin: all else works.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLE = "jupyter_emr_connect/labextension"
TARGET = "share/jupyter/labextensions/jupyter_emr_connect"


class LabExtensionHook(BuildHookInterface):
    """The hook ``custom`` of pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the plugin unless it is there, and put it where JupyterLab looks."""
        bundle = Path(self.root, BUNDLE, "package.json")
        if version == "standard" and not bundle.exists() and shutil.which("node"):
            self._build()
        if not bundle.exists():
            self.app.display_warning("JupyterLab's plugin is not built (`make frontend` does it); going without.")
        elif self.target_name == "wheel" and version == "standard":
            build_data["shared_data"][str(bundle.parent)] = TARGET
            build_data["shared_data"][str(Path(self.root, "labextension", "install.json"))] = f"{TARGET}/install.json"

    def _build(self) -> None:
        folder = Path(self.root, "labextension")
        scripts = str(Path(sys.executable).parent)
        path = os.pathsep.join([scripts, os.environ.get("PATH", "")])
        jlpm = shutil.which("jlpm", path=path) or "jlpm"
        for words in (["install", "--immutable"], ["build:prod"]):
            subprocess.run([jlpm, *words], cwd=folder, env=os.environ | {"PATH": path}, check=True)
