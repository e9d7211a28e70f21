"""Starts a real Jupyter Enterprise Gateway for one cluster or endpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from jupyter_emr_connect.sandbox.engines.kernelspecs import kernels_home, write_kernelspecs
from jupyter_emr_connect.sandbox.engines.layout import Installation
from jupyter_emr_connect.sandbox.engines.process import Engine, EngineSpec, minimal_environment

LAUNCHER = Path(__file__).with_name("gateway_launcher.py")
LISTENING = re.compile(r"^emr-connect: gateway listens on port (\d+)$", re.MULTILINE)


async def start_gateway(
    installation: Installation,
    *,
    address: str,
    workdir: Path,
    version: str,
    kernels_dir: Path,
    token: str,
    livy_url: str | None,
    on_exit: Callable[[Engine], None] | None = None,
) -> Engine:
    """Start the gateway on a free port of ``address``; called by a front door at first use.

    ``token`` must come with every request as ``Authorization: token …``; it is handed over on stdin. A cluster's
    kernels reach Livy at ``<livy_url>/kernels/<KERNEL_ID>``; with None they are an endpoint's, drivers themselves.
    Raises SandboxStartError.
    """
    default = write_kernelspecs(kernels_dir, installation, livy_url=livy_url, workdir=workdir, address=address)
    settings = {"ip": address, "token": token, "kernels_dir": str(kernels_dir), "default_kernel": default}
    settings["home"] = str(kernels_home(workdir))
    environment = minimal_environment(workdir) | {
        "JUPYTER_NO_CONFIG": "1",
        "JUPYTER_CONFIG_DIR": str(workdir / "jupyter" / "config"),
        "JUPYTER_DATA_DIR": str(workdir / "jupyter" / "data"),
        "JUPYTER_RUNTIME_DIR": str(workdir / "jupyter" / "runtime"),
        "PYTHONUNBUFFERED": "1",
    }
    spec = EngineSpec(
        name="gateway",
        command=(str(installation.gateway_python(version)), "-I", str(LAUNCHER)),
        workdir=workdir,
        environment=environment,
        address=address,
        listening=LISTENING,
        probe="/api",
        stdin=json.dumps(settings).encode() + b"\n",
        headers={"Authorization": f"token {token}"},
    )
    engine = Engine(spec, on_exit=on_exit)
    await engine.start()
    return engine
