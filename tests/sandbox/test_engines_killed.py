"""Whatever ends the sandbox's own process, no engine outlives it: Spark's drivers and their Python neither."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import ENGINES
from tests.sandbox.engine_talk import all_gone

pytestmark = pytest.mark.sandbox

# Stands for the supervisor: starts Livy with a session and a gateway with a kernel, says their pids, and stays.
SUPERVISOR = """
import asyncio, json, sys
from pathlib import Path
import aiohttp
from jupyter_emr_connect.sandbox.engines.gateway import start_gateway
from jupyter_emr_connect.sandbox.engines.install import ensure_installed
from jupyter_emr_connect.sandbox.engines.livy import start_livy

async def main(folder):
    address = "127.0.40.5"
    installed = ensure_installed(lambda *_: None, root=Path(sys.argv[2]))
    livy, gateway = await asyncio.gather(
        start_livy(installed, address=address, workdir=folder / "livy", superuser="door-killed"),
        start_gateway(installed, address=address, workdir=folder / "gateway", version="3.3.0",
                      kernels_dir=folder / "kernels", token="t", livy_url="http://127.0.40.5:1"),
    )
    claims = {"user.name": "door-killed", "doAs": "emranalyst"}
    async with aiohttp.ClientSession() as session:
        headers = {"X-Requested-By": "test"}
        await session.post(livy.url + "/sessions", params=claims, json={"kind": "pyspark"}, headers=headers)
        body = {"state": ""}
        while body["state"] != "idle":
            await asyncio.sleep(0.2)
            async with session.get(livy.url + "/sessions/0", params=claims) as answer:
                body = await answer.json(content_type=None)
        await session.post(gateway.url + "/api/kernels", json={"name": "python3"},
                           headers={"Authorization": "token t"})
    await asyncio.sleep(1)
    running = [process for engine in (livy, gateway) for process in engine.processes()]
    print(json.dumps([process.pid for process in running if process.status() != "zombie"]), flush=True)
    await asyncio.sleep(600)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.full
def test_kill_9_of_the_supervisor_ends_every_engine(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SUPERVISOR, str(tmp_path), str(ENGINES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        try:
            pids = json.loads(supervisor.stdout.readline())
            names = [" ".join(psutil.Process(pid).cmdline()) for pid in pids]
        finally:
            supervisor.kill()
    # Two guards, Livy, the session's driver with its Python, the gateway and its kernel.
    assert len(pids) >= 7
    for expected in ("LivyServer", "RSCDriverBootstrapper", "gateway_launcher", "ipykernel_launcher"):
        assert any(expected in name for name in names), expected
    assert asyncio.run(all_gone(pids))
