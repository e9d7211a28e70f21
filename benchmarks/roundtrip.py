"""Cell round trips and a 50 MB stream: our provisioner, jupyter_server's GatewayClient, and a local kernel, in one run.

All three are measured as a front end sees them, over a WebSocket to a Jupyter server. The front end re-arms
``TCP_QUICKACK``, so that jupyter_server's own missing ``TCP_NODELAY`` hides nothing. Needs a gateway that
asks for no credentials, for instance the sandbox's cluster ``open``::

    jupyter emr sandbox up && eval "$(jupyter emr sandbox env)"
    EMR_CONNECT_COMPUTE=open python benchmarks/roundtrip.py --gateway-url http://127.0.10.3:18888
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import uuid
from typing import Any

import aiohttp

LIMITLESS = "1000000000000"
STREAM = "import sys\nfor n in range(50): sys.stdout.write('x' * 1_000_000); sys.stdout.flush()"


class FrontEnd:
    """A browser's part: one WebSocket to one kernel."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self._ws = ws

    async def run(self, code: str) -> tuple[float, int]:
        """Run a cell; return the seconds until reply and idle are there, and the bytes of its streams."""
        msg_id = uuid.uuid4().hex
        header = {"msg_id": msg_id, "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        begin = time.perf_counter()
        await self._ws.send_str(json.dumps(message))
        missing, size = {"execute_reply", "idle"}, 0
        while missing:
            self._ws.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            got = json.loads((await self._ws.receive(timeout=120)).data)
            if got["parent_header"].get("msg_id") != msg_id:
                continue
            missing.discard(got["msg_type"])
            missing.discard(got["content"].get("execution_state", ""))
            if got["msg_type"] == "stream":
                size += len(got["content"]["text"])
        return time.perf_counter() - begin, size


def serve(*words: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start a Jupyter server on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    limits = [f"--ZMQChannelsWebsocketConnection.iopub_{kind}_rate_limit={LIMITLESS}" for kind in ("data", "msg")]
    common = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    access = ["--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", "--ServerApp.password="]
    command = [sys.executable, "-m", "jupyter_server", *common, *access, *limits, *words]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL), f"http://127.0.0.1:{port}"


async def measure(url: str, kernel: str, cells: int) -> dict[str, Any]:
    """Start a kernel behind a server and measure it."""
    async with aiohttp.ClientSession() as http:
        for _ in range(100):
            try:
                await (await http.get(f"{url}/api")).read()
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.2)
        started = await http.post(f"{url}/api/kernels", json={"name": kernel})
        model = await started.json()
        assert started.status == 201, model
        async with http.ws_connect(f"{url}/api/kernels/{model['id']}/channels", max_msg_size=0) as ws:
            front = FrontEnd(ws)
            for _ in range(10):
                await front.run("1")
            trips = sorted([(await front.run("1"))[0] * 1000 for _ in range(cells)])
            rates = [size / seconds / 1e6 for seconds, size in [await front.run(STREAM) for _ in range(3)]]
        await http.delete(f"{url}/api/kernels/{model['id']}")
    return {"p50": statistics.median(trips), "p99": trips[int(cells * 0.99)], "stream": max(rates)}


def main() -> None:
    """Measure the three and print the ratios."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--gateway-url", required=True)
    options.add_argument("--gateway-kernel", default="python3")
    options.add_argument("--cells", type=int, default=200)
    given = options.parse_args()
    rows = {}
    for name, kernel, words in (
        ("local kernel", "python3", ()),
        ("GatewayClient", given.gateway_kernel, (f"--GatewayClient.url={given.gateway_url}",)),
        ("jupyter_emr_connect", "emr-python", ()),
    ):
        process, url = serve(*words)
        try:
            rows[name] = asyncio.run(measure(url, kernel, given.cells))
        finally:
            process.terminate()
            process.wait(30)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {given.cells} cells")
    for name, row in rows.items():
        print(f"{name:20} p50 {row['p50']:6.1f} ms  p99 {row['p99']:6.1f} ms  50 MB stream {row['stream']:6.1f} MB/s")
    ours, peer = rows["jupyter_emr_connect"], rows["GatewayClient"]
    print("ratio to GatewayClient: " + ", ".join(f"{key} {ours[key] / peer[key]:.2f}" for key in ours))


if __name__ == "__main__":
    main()
