"""Cells of transport ``livy`` against sparkmagic's on the same Livy, in one run; prints medians and ratios.

Needs a sandbox in the environment (``jupyter emr sandbox env``); sparkmagic, and pandas and pyarrow for our kernel, are
those of its engines. The three take turns, so that a machine's other work weighs on all alike. Beyond Livy's own time
is what a kernel adds to a statement that is posted and polled every 5 ms. Rows come by ``-o`` out of a frame that Spark
has in memory; more than some 150,000 of them are too much for one answer of Livy (50 MB), and sparkmagic asks for one.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

from jupyter_emr_connect.sandbox.engines.install import ensure_installed

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


class CellFailed(Exception):
    """A cell that did not do what it should."""


Run = Callable[[str], str]
"""Runs a cell and returns what it printed and displayed as text."""


@contextmanager
def raw_session(url: str) -> Iterator[Callable[[], None]]:
    """Give what runs one statement by Livy's API alone, on a connection that stays."""
    livy = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Requested-By": "benchmark"}

    def rest(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        livy.request(method, path, None if body is None else json.dumps(body).encode(), headers)
        return json.load(livy.getresponse())

    own = f"/sessions/{rest('POST', '/sessions', {'kind': 'pyspark'})['id']}"
    try:
        while rest("GET", own)["state"] != "idle":
            time.sleep(0.2)

        def run() -> None:
            made = rest("POST", f"{own}/statements", {"code": CODE})
            while rest("GET", f"{own}/statements/{made['id']}")["state"] != "available":
                time.sleep(0.005)

        yield run
    finally:
        rest("DELETE", own)
        livy.close()


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
                message = f"{name} did not answer: {reply['content'].get('evalue')}, {printed}"
                raise CellFailed(message)
            return "".join(printed)

        yield run
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def measure(runs: dict[str, Callable[[], None]], times: int) -> dict[str, tuple[float, float]]:
    """Return each one's median of single runs, and the time of all, in seconds; they take turns by tens."""
    single: dict[str, list[float]] = {name: [] for name in runs}
    for run in list(runs.values()) * WARM_UP:
        run()
    while any(len(taken) < times for taken in single.values()):
        for name, run in runs.items():
            for _ in range(min(10, times - len(single[name]))):
                begun = time.perf_counter()
                run()
                single[name].append(time.perf_counter() - begun)
    return {name: (statistics.median(taken), sum(taken)) for name, taken in single.items()}


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


def rows(runs: dict[str, tuple[Run, str]], count: int) -> dict[str, float]:
    """Return the seconds that a frame of so many rows and ten columns takes to come to each, the better of two.

    NaN where it does not come, or not all of it.
    """
    taken: dict[str, list[float]] = {name: [] for name in runs}
    made = f"df = spark.range({count}).selectExpr({', '.join(map(repr, COLUMNS))}).cache()\ndf.count()"
    for _ in range(2):
        for name, (run, unasked) in runs.items():
            try:
                run(made)
                took = seconds(run, f"%%spark -o df -n -1 {unasked}\npass")
                taken[name].append(took if str(count) in run("%%local\nprint(len(df))") else math.nan)
                run("df.unpersist()")
            except CellFailed as error:
                print(error)
                taken[name].append(math.nan)
    return {name: min(each) for name, each in taken.items()}


@contextmanager
def sparkmagic(python: str, livy_url: str) -> Iterator[Run]:
    """Give what runs a cell in sparkmagic's kernel."""
    with tempfile.TemporaryDirectory() as folder:
        none = {"username": "", "password": "", "auth": "None", "url": livy_url}
        Path(folder, "config.json").write_text(json.dumps({"kernel_python_credentials": none}))
        module = "sparkmagic.kernels.pysparkkernel.pysparkkernel"
        command = [python, "-m", module, "-f", "{connection_file}"]
        with kernel("sparkmagic", command, {"SPARKMAGIC_CONF_DIR": folder}) as run:
            yield run


def main() -> None:
    """Measure all three on the cluster without roles, and print what each adds to Livy's own time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--livy-url", required=True)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--rows", type=int, nargs="*", default=[50_000])
    options = parser.parse_args()
    engines = ensure_installed(lambda *_: None)
    env = {"EMR_CONNECT_COMPUTE": "open", "EMR_CONNECT_TRANSPORT": "livy"}
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with kernel("emr-pyspark", None, env) as own, sparkmagic(str(engines.kernel_python), options.livy_url) as peer:
        own(f"%%local\nimport sys\nsys.path.append({str(engines.spark_home.parent)!r})\nimport pandas, pyarrow")
        with raw_session(options.livy_url) as raw:
            runs = {"Livy itself": raw, "EMR Connect": one_cell(own), "sparkmagic": one_cell(peer)}
            figures = measure(runs, options.times)
        brought = {count: rows({"EMR Connect": (own, "-y"), "sparkmagic": (peer, "")}, count) for count in options.rows}
        ended = {"%%configure -f": seconds(own, "%%configure -f\n{}")}
        own(CODE)
        ended["%%cleanup -f"] = seconds(own, "%%cleanup -f")
    for name, (median, total) in figures.items():
        print(f"{name:<12} {median * 1000:7.1f} ms median, {total:6.2f} s for {options.times}")
    (livy, _), (ours, our_total), (theirs, their_total) = figures.values()
    print(f"beyond Livy's own time: {(ours - livy) / (theirs - livy):.2f} of sparkmagic's (aim 0.3)")
    print(f"{options.times} in a row: {our_total / their_total:.2f} of sparkmagic's (aim 0.6)")
    for count, took in brought.items():
        both = took["EMR Connect"], took["sparkmagic"]
        print(f"{count} rows: {both[0]:.1f} s, sparkmagic {both[1]:.1f} s; {both[0] / both[1]:.2f} of it (aim 0.2)")
    print(", ".join(f"{cell} {took:.2f} s" for cell, took in ended.items()), "(aim: 1 s beyond Livy)")


if __name__ == "__main__":
    main()
