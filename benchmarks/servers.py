"""The emulated AWS of a benchmark and the Jupyter servers that use it, each a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

HERE = Path(__file__).parent
STARTS_WITHIN_S = 180  # on a loaded machine; 5 s are usual


class Front:
    """The emulated AWS and the environment that leads to it."""

    def __init__(self, folder: Path, counts: dict[str, int] | None = None, regions: list[str] | None = None) -> None:
        arguments = json.dumps({"counts": counts or {}, "regions": regions or ["us-east-1"]})
        command = [sys.executable, str(HERE / "aws_front.py"), arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told = self._read()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EMR_CONNECT_"))},
            "AWS_ENDPOINT_URL": told["url"],
            "AWS_ACCESS_KEY_ID": told["access_key"],
            "AWS_SECRET_ACCESS_KEY": told["secret"],
            "AWS_CONFIG_FILE": str(folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONPATH": str(HERE),
            "HOME": str(folder),
            "JUPYTER_NO_CONFIG": "1",
        }
        if not regions:
            self.environment["AWS_DEFAULT_REGION"] = "us-east-1"

    def ask(self, command: str) -> dict[str, int]:
        """Send a command."""
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._read()

    def calls(self, *names: str) -> dict[str, int]:
        """Return how often each of these actions was called."""
        calls = self.ask("calls")
        return {name: sum(n for key, n in calls.items() if f":{name}:" in key) for name in names}

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())


@dataclass(frozen=True)
class JupyterServer:
    """A Jupyter server that runs: its address, its folder, and its process."""

    url: str
    folder: Path
    process: psutil.Process


@contextmanager
def server(
    python: str, front: Front, extensions: dict[str, bool], *words: str, **environment: str
) -> Iterator[JupyterServer]:
    """Run a Jupyter server with these extensions alone, in a folder of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    access = ["--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", "--ServerApp.password="]
    wanted = [f"--ServerApp.jpserver_extensions={name}={on}" for name, on in extensions.items()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "root")
        folder.mkdir()
        command = [
            str(Path(python).absolute()),
            "-m",
            "jupyter_server",
            *common,
            *access,
            *wanted,
            f"--ServerApp.root_dir={folder}",
            *words,
        ]
        state = {"JUPYTER_DATA_DIR": f"{name}/data", "JUPYTER_RUNTIME_DIR": f"{name}/runtime"}
        with Path(name, "log").open("w") as log:
            where = {**front.environment, **state, **environment}
            process = subprocess.Popen(command, env=where, stdout=log, stderr=log, cwd=name)
            try:
                url = f"http://127.0.0.1:{port}"
                asyncio.run(up(url))
                yield JupyterServer(url, folder, psutil.Process(process.pid))
            finally:
                process.terminate()
                process.wait(30)


async def up(url: str) -> None:
    """Wait until a server answers."""
    async with aiohttp.ClientSession() as http:
        end = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < end:
            try:
                async with http.get(f"{url}/api/status") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    sys.exit(f"The server at {url} did not start.")


async def probe(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """Ask the ticker."""
    async with http.get(f"{url}/bench") as answer:
        return await answer.json()
