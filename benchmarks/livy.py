"""Cells of transport ``livy`` against sparkmagic's on the same Livy, in one run; prints medians and ratios.

Needs a sandbox in the environment (``jupyter emr sandbox env``), and an environment that has sparkmagic.
Beyond Livy's own time is what a kernel adds to a statement that is posted and polled every 5 ms. Rows come by ``-o``
out of a frame that Spark has in memory; more than some 150,000 of them are too much for one answer of Livy (50 MB), and
sparkmagic asks for one.
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
COLUMNS = (
    "id",
    "id * 9007199254 AS big",
    "id / 7.0D AS ratio",
    "cast(id / 4 AS decimal(12, 2)) AS amount",
    "concat('name-', id) AS name",
    "lpad(string(id), 8, '0') AS code",
    "id % 2 = 0 AS even",
    "date_add(DATE'2024-01-01', int(id % 365)) AS day",
    "timestamp_seconds(1700000000 + id) AS at",
    "if(id % 10 = 0, null, id) AS some",
)
Run = Callable[[str], str]
"""Runs a cell and returns what it printed and displayed as text."""


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
def kernel(name: str, command: list[str] | None, env: dict[str, str]) -> Iterator[Run]:
    """Give what runs a cell in a kernel: ours by its name, another by its command."""
    manager = KernelManager(kernel_name=name)
    if command:
        manager._kernel_spec = KernelSpec(argv=command, display_name=name, language="python")
    manager.start_kernel(env={**os.environ, **env})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)

        def run(code: str) -> str:
            printed: list[str] = []

            def hook(message: dict[str, Any]) -> None:
                content = message["content"]
                printed.append(str(content.get("text") or content.get("data", {}).get("text/plain", "")))

            reply = client.execute_interactive(code, output_hook=hook, timeout=900)
            if reply["content"]["status"] != "ok":
                sys.exit(f"{name} did not answer: {reply['content']}, {printed}")
            return "".join(printed)

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


def one_cell(run: Run) -> Callable[[], None]:
    """Return what runs the cell that is measured, and demands its answer."""

    def cell() -> None:
        if "2" not in (printed := run(CODE)):
            sys.exit(f"{CODE} came to {printed!r}")

    return cell


def seconds(run: Run, code: str) -> float:
    """Return how long a cell takes."""
    begun = time.perf_counter()
    run(code)
    return time.perf_counter() - begun


def rows(run: Run, count: int, unasked: str) -> float:
    """Return the seconds that a frame of this many rows and ten columns takes to come here, the better of two."""
    run(f"df = spark.range({count}).selectExpr({', '.join(map(repr, COLUMNS))}).cache()\ndf.count()")
    best = min(seconds(run, f"%%spark -o df -n -1 {unasked}\npass") for _ in range(2))
    if str(count) not in run("%%local\nprint(len(df))"):
        sys.exit("Not all rows came.")
    return best


def main() -> None:
    """Measure all three on the cluster without roles, and print what each adds to Livy's own time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--livy-url", required=True)
    parser.add_argument("--peer-python", required=True, help="an interpreter with sparkmagic")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--rows", type=int, default=100_000, help="0: none")
    options = parser.parse_args()
    figures: dict[str, tuple[float, float]] = {}
    brought: dict[str, float] = {}
    ended: dict[str, float] = {}
    with raw_session(options.livy_url) as run:
        figures["Livy itself"] = measure(run, options.times)
    with kernel("emr-pyspark", None, {"EMR_CONNECT_COMPUTE": "open", "EMR_CONNECT_TRANSPORT": "livy"}) as run:
        figures["EMR Connect"] = measure(one_cell(run), options.times)
        if options.rows:
            brought["EMR Connect"] = rows(run, options.rows, "-y")
        ended["%%configure -f"] = seconds(run, "%%configure -f\n{}")
        run(CODE)
        ended["%%cleanup -f"] = seconds(run, "%%cleanup -f")
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "kernel_python_credentials": {"username": "", "password": "", "auth": "None", "url": options.livy_url}
        }
        Path(folder, "config.json").write_text(json.dumps(settings))
        module = "sparkmagic.kernels.pysparkkernel.pysparkkernel"
        command = [options.peer_python, "-m", module, "-f", "{connection_file}"]
        with kernel("sparkmagic", command, {"SPARKMAGIC_CONF_DIR": folder}) as run:
            figures["sparkmagic"] = measure(one_cell(run), options.times)
            if options.rows:
                brought["sparkmagic"] = rows(run, options.rows, "")
    for name, (median, total) in figures.items():
        print(f"{name:<12} {median * 1000:7.1f} ms median, {total:6.2f} s for {options.times}")
    livy, ours, peer = (figures[name] for name in ("Livy itself", "EMR Connect", "sparkmagic"))
    print(f"beyond Livy's own time: {(ours[0] - livy[0]) / (peer[0] - livy[0]):.2f} of sparkmagic's (aim 0.3)")
    print(f"{options.times} in a row: {ours[1] / peer[1]:.2f} of sparkmagic's (aim 0.6)")
    if options.rows:
        print(
            f"{options.rows} rows: {brought['EMR Connect']:.1f} s, sparkmagic {brought['sparkmagic']:.1f} s;", end=" "
        )
        print(f"{brought['EMR Connect'] / brought['sparkmagic']:.2f} of sparkmagic's (aim 0.2)")
    print(", ".join(f"{cell} {took:.2f} s" for cell, took in ended.items()), "(aim: 1 s beyond Livy)")


if __name__ == "__main__":
    main()
