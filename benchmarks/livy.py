"""Cells of transport ``livy`` against sparkmagic's on the same Livy, in one run; prints medians and ratios.

Needs a sandbox in the environment (``jupyter emr sandbox env``), and an environment that has sparkmagic.
Beyond Livy's own time is what a kernel adds to a statement that is posted and polled every 5 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

CODE = "1+1"
WARM_UP = 5


def rest(url: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
    """Return the answer of Livy itself."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Requested-By": "benchmark"}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@contextmanager
def raw_session(url: str) -> Iterator[Callable[[], None]]:
    """Give what runs one statement by Livy's API alone."""
    session = rest(f"{url}/sessions", {"kind": "pyspark"})
    own = f"{url}/sessions/{session['id']}"
    try:
        while rest(own)["state"] != "idle":
            time.sleep(0.2)

        def run() -> None:
            made = rest(f"{own}/statements", {"code": CODE})
            while rest(f"{own}/statements/{made['id']}")["state"] != "available":
                time.sleep(0.005)

        yield run
    finally:
        rest(own, method="DELETE")


@contextmanager
def kernel(name: str, command: list[str] | None, env: dict[str, str]) -> Iterator[Callable[[], None]]:
    """Give what runs one cell in a kernel: ours by its name, another by its command."""
    manager = KernelManager(kernel_name=name)
    if command:
        manager._kernel_spec = KernelSpec(argv=command, display_name=name, language="python")
    manager.start_kernel(env={**os.environ, **env})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)

        def run() -> None:
            printed: list[str] = []

            def hook(message: dict[str, Any]) -> None:
                content = message["content"]
                printed.append(str(content.get("text") or content.get("data", {}).get("text/plain", "")))

            reply = client.execute_interactive(CODE, output_hook=hook, timeout=180)
            if reply["content"]["status"] != "ok" or "2" not in "".join(printed):
                sys.exit(f"{name} did not answer: {reply['content']}, {printed}")

        yield run
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def measure(run: Callable[[], None], times: int) -> tuple[float, float]:
    """Return the median of single runs, and the time of all in a row, in seconds."""
    for _ in range(WARM_UP):
        run()
    single = []
    for _ in range(times):
        begun = time.perf_counter()
        run()
        single.append(time.perf_counter() - begun)
    return statistics.median(single), sum(single)


def main() -> None:
    """Measure all three on the cluster without roles, and print what each adds to Livy's own time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--livy-url", required=True)
    parser.add_argument("--peer-python", required=True, help="an interpreter with sparkmagic")
    parser.add_argument("--times", type=int, default=200)
    options = parser.parse_args()
    figures: dict[str, tuple[float, float]] = {}
    with raw_session(options.livy_url) as run:
        figures["Livy itself"] = measure(run, options.times)
    with kernel("emr-pyspark", None, {"EMR_CONNECT_COMPUTE": "open", "EMR_CONNECT_TRANSPORT": "livy"}) as run:
        figures["EMR Connect"] = measure(run, options.times)
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "kernel_python_credentials": {"username": "", "password": "", "auth": "None", "url": options.livy_url}
        }
        Path(folder, "config.json").write_text(json.dumps(settings))
        module = "sparkmagic.kernels.pysparkkernel.pysparkkernel"
        command = [options.peer_python, "-m", module, "-f", "{connection_file}"]
        with kernel("sparkmagic", command, {"SPARKMAGIC_CONF_DIR": folder}) as run:
            figures["sparkmagic"] = measure(run, options.times)
    for name, (median, total) in figures.items():
        print(f"{name:<12} {median * 1000:7.1f} ms median, {total:6.2f} s for {options.times}")
    livy, ours, peer = (figures[name] for name in ("Livy itself", "EMR Connect", "sparkmagic"))
    print(f"beyond Livy's own time: {(ours[0] - livy[0]) / (peer[0] - livy[0]):.2f} of sparkmagic's (aim 0.3)")
    print(f"{options.times} in a row: {ours[1] / peer[1]:.2f} of sparkmagic's (aim 0.6)")


if __name__ == "__main__":
    main()
