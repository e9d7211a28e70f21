"""A JupyterLab server for a browser to look at."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Sandbox

STARTS_WITHIN = 60
# It is here for its own tests; without a front end that uses it, it ends with a traceback (3.0.4).
WITHOUT_ROOMS = "--ServerApp.jpserver_extensions={'jupyter_server_ydoc': False}"


@dataclass
class Lab:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving_lab(
    sandbox: Sandbox,
    folder: Path,
    *words: str,
    port: int = 0,
    exit_by: str = "shutdown",
    program: Sequence[str] = ("jupyter", "lab"),
) -> Iterator[Lab]:
    """Run JupyterLab in a folder; ``words`` are more options, ``exit_by`` what becomes of its kernels when it stops.

    ``program`` may be another front end's server.
    """
    port = port or free_port()
    command = [*program, "--no-browser", "--allow-root", f"--port={port}", f"--notebook-dir={folder}"]
    command += ["--IdentityProvider.token=", "--LabApp.news_url=", "--ServerApp.port_retries=0", WITHOUT_ROOMS]
    command += [f"--EMRConnect.on_server_exit={exit_by}", "--LabApp.expose_app_in_browser=True", *words]
    log = (folder / "lab.log").open("a")
    server = subprocess.Popen(command, env=sandbox.env, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                urllib.request.urlopen(f"{url}/api", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, (folder / "lab.log").read_text()
                assert time.monotonic() < end, (folder / "lab.log").read_text()
                time.sleep(0.5)
        yield Lab(url, server)
    finally:
        server.terminate()
        server.wait(90)
        log.close()
