"""Runs Jupyter Enterprise Gateway with settings from stdin; executed by the gateway's own Python, never imported by us.

Works with 2.6.0 and 3.3.0. One JSON line: ``ip``, ``token``, ``kernels_dir``, ``default_kernel``, ``home``. The token
reaches the application as a trait and nothing else: no argv, no environment, no file. The port is the operating
system's choice and is printed once it is bound.
"""

from __future__ import annotations

import json
import logging
import os
import sys

from enterprise_gateway.enterprisegatewayapp import EnterpriseGatewayApp
from jupyter_client.kernelspec import KernelSpecManager
from traitlets import Unicode, default
from traitlets.config import Config


class OwnKernelSpecs(KernelSpecManager):
    """Offers the kernels of one folder, none of the machine's."""

    folder = Unicode(config=True, help="The one folder with kernelspecs.")

    @default("kernel_dirs")
    def _own_kernel_dirs(self) -> list[str]:
        return [self.folder]


def gateway_config(settings: dict[str, str]) -> Config:
    """Return the traits: as on EMR, but listing kernels, and on an address of its own."""
    config = Config()
    app = config.EnterpriseGatewayApp
    app.ip = settings["ip"]
    app.port = 0
    app.port_retries = 0
    app.auth_token = settings["token"]
    app.list_kernels = True
    app.default_kernel_name = settings["default_kernel"]
    # The sandbox often runs as root, and the front door alone decides which user a kernel is for.
    app.unauthorized_users = set()
    app.ws_ping_interval = 30
    app.kernel_spec_manager_class = OwnKernelSpecs
    config.OwnKernelSpecs.ensure_native_kernel = False
    config.OwnKernelSpecs.folder = settings["kernels_dir"]
    return config


def main() -> None:
    """Read the settings, bind, tell the port, serve until SIGTERM."""
    settings = json.loads(sys.stdin.readline())
    app = EnterpriseGatewayApp.instance(config=gateway_config(settings))
    app.initialize([])
    # Kernels inherit it.
    os.chdir(settings["home"])
    # One line per request at INFO would grow without end.
    logging.getLogger("tornado.access").setLevel(logging.WARNING)
    sockets = list(app.http_server._sockets.values())
    app.port = sockets[0].getsockname()[1]
    print(f"emr-connect: gateway listens on port {app.port}", flush=True)  # noqa: T201 - the supervisor reads it
    app.start()


if __name__ == "__main__":
    main()
