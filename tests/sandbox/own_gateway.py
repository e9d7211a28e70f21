"""Gateways of the tests' own: real ones without a door, with the options, address and port that a test needs."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from jupyter_emr_connect.sandbox.engines.install import ensure_installed
from jupyter_emr_connect.sandbox.engines.kernelspecs import write_kernelspecs
from jupyter_emr_connect.sandbox.engines.layout import Installation
from tests.conftest import ENGINES
from tests.free_ports import free_port

STARTS_WITHIN = 60
NO_LIVY = "http://127.0.0.1:1"


class OwnGateway:
    """A Jupyter Enterprise Gateway. ``options`` are traits by class: ``{"MappingKernelManager": {…}}``."""

    def __init__(
        self,
        address: str,
        folder: Path,
        *,
        port: int = 0,
        version: str = "3.3.0",
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.address = address
        self.port = port or free_port(address)
        self.url = f"http://{address}:{self.port}"
        self.folder = folder
        installation = ensure_installed(lambda *_: None, root=ENGINES, gateways=[version])
        self._python = str(installation.gateway_python(version))
        self._configure(installation, options or {})
        self.process = self._launch()

    def wait(self) -> None:
        """Return once it answers."""
        end = time.monotonic() + STARTS_WITHIN
        while True:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            with contextlib.suppress(OSError):
                self.asked("/api")
                return
            time.sleep(0.1)

    def asked(self, path: str) -> Any:
        """Return the answer to a GET."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=60) as answer:
            return json.load(answer)

    @property
    def kernels(self) -> set[str]:
        """The ids of its kernels."""
        return {row["id"] for row in self.asked("/api/kernels")}

    @property
    def said(self) -> str:
        """What it logged."""
        return (self.folder / "gateway.log").read_text()

    def crash(self) -> None:
        """Kill it, and the kernels that nobody could reach again."""
        family = [self.process, *psutil.Process(self.process.pid).children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.Error):
                one.kill()
        self.process.wait()

    def start_again(self) -> None:
        """Start it anew, with no kernels, at the same place."""
        self.process = self._launch()
        self.wait()

    def close(self) -> None:
        """End it with all its kernels."""
        with contextlib.suppress(psutil.Error):
            self.crash()

    def _configure(self, installation: Installation, options: Mapping[str, Mapping[str, Any]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        kernels = self.folder / "jupyter" / "kernels"
        write_kernelspecs(kernels, installation, livy_url=NO_LIVY, workdir=self.folder, address=self.address)
        app = {"ip": self.address, "port": self.port, "port_retries": 0, "list_kernels": True, "unauthorized_users": []}
        settings: dict[str, dict[str, Any]] = {"EnterpriseGatewayApp": app, "KernelSpecManager": {}}
        settings["KernelSpecManager"]["ensure_native_kernel"] = False
        for name, traits in options.items():
            settings.setdefault(name, {}).update(traits)
        lines = [
            f"c.{name}.{trait} = {value!r}" for name, traits in settings.items() for trait, value in traits.items()
        ]
        (self.folder / "config.py").write_text("\n".join(lines))

    def _launch(self) -> subprocess.Popen[bytes]:
        places = {f"JUPYTER_{name}": str(self.folder / "jupyter" / name) for name in ("CONFIG_DIR", "RUNTIME_DIR")}
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "LANG": "C.UTF-8", **places}
        env |= {"JUPYTER_DATA_DIR": str(self.folder / "jupyter"), "JUPYTER_NO_CONFIG": "1"}
        command = [self._python, "-I", "-m", "enterprise_gateway", f"--config={self.folder / 'config.py'}"]
        with (self.folder / "gateway.log").open("a") as log:
            return subprocess.Popen(command, env=env, cwd=self.folder / "home", stdout=log, stderr=log)


@contextmanager
def own_gateway(address: str, folder: Path, **settings: Any) -> Iterator[OwnGateway]:
    """Run one for a test."""
    gateway = OwnGateway(address, folder, **settings)
    try:
        gateway.wait()
        yield gateway
    finally:
        gateway.close()
