"""Backups in S3 against s3contents 0.11.2, in one run, on one emulated S3, as a front end sees both.

Added time of a save (a server with backups against one without, save by save in turn) with S3 as it is, with every
answer 500 ms late, and down, against s3contents' whole save; requests of a burst of 20 saves; 1,000 notebooks changed
at once (memory, and how late the server's event loop was, by a 5 ms ticker in it); restore of 1,000 notebooks against
a sequential download by botocore, where each answer takes ``--latency`` ms as S3's do; scan of 20,000 files; what an
idle server costs.

    python benchmarks/backups.py --peer-python .venv-bench/bin/python [--only saves burst many restore scan idle]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from processes import Peak, cpu, quiet
from servers import Front, JupyterServer, probe, server

BUCKET = "emr-sandbox-notebooks"
OURS = {"jupyter_emr_connect": True, "bench_probe": True}
REQUESTS = ("PutObject", "HeadObject", "GetObject", "ListObjectsV2", "ListObjects", "CopyObject")
SEQUENTIAL = """
import sys, time
from pathlib import Path
import botocore.session
bucket, prefix, target = sys.argv[1], sys.argv[2], Path(sys.argv[3])
client = botocore.session.get_session().create_client("s3", region_name="us-east-1")
for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
    for row in page["Contents"]:
        file = target / row["Key"][len(prefix):]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(client.get_object(Bucket=bucket, Key=row["Key"])["Body"].read())
"""


def notebook_of(text: str) -> dict[str, Any]:
    """Return a notebook of some 20 kB."""
    cells = [
        {"id": f"cell-{number}", "cell_type": "markdown", "metadata": {}, "source": f"{text} {number} " + "x" * 900}
        for number in range(20)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


async def save(http: aiohttp.ClientSession, jupyter: JupyterServer, path: str, text: str) -> float:
    """Save a notebook as a front end does; return the milliseconds until the answer."""
    body = json.dumps({"type": "notebook", "format": "json", "content": notebook_of(text)})
    begun = time.perf_counter()
    async with http.put(f"{jupyter.url}/api/contents/{path}", data=body) as answer:
        assert answer.status in (200, 201), await answer.text()
        await answer.read()
    return (time.perf_counter() - begun) * 1000


async def all_saved(
    http: aiohttp.ClientSession, jupyter: JupyterServer, front: Front, files: int, seconds: float
) -> None:
    """Wait until so many objects were written since the last ``reset`` and nothing waits."""
    end = time.monotonic() + seconds
    while True:
        async with http.get(f"{jupyter.url}/jupyter-emr-connect/backups/status?path=none") as answer:
            status = await answer.json()
        if status["state"] == "in S3" and front.calls("PutObject")["PutObject"] >= files:
            return
        assert time.monotonic() < end, {name: status[name] for name in ("state", "waiting", "message")}
        await asyncio.sleep(0.5)


@contextmanager
def with_backups(front: Front, prefix: str, *words: str) -> Iterator[JupyterServer]:
    """Run a Jupyter server with backups under a prefix of its own."""
    location = f"--EMRConnect.backup_location=s3://{BUCKET}/{prefix}"
    with server(sys.executable, front, OURS, location, *words) as jupyter:
        yield jupyter


@contextmanager
def peer(given: argparse.Namespace, front: Front, prefix: str) -> Iterator[JupyterServer]:
    """Run a Jupyter server whose contents manager is s3contents'."""
    words = ["--ServerApp.contents_manager_class=s3contents.S3ContentsManager"]
    settings = {"bucket": BUCKET, "prefix": prefix, "endpoint_url": front.environment["AWS_ENDPOINT_URL"]}
    words += [f"--S3ContentsManager.{name}={value}" for name, value in settings.items()]
    with server(given.peer_python, front, {}, *words) as jupyter:
        yield jupyter


def percentile(found: list[float], share: float) -> float:
    """Return a percentile."""
    return sorted(found)[min(len(found) - 1, int(len(found) * share))]


def saves(given: argparse.Namespace, front: Front) -> None:
    """Measure saves: with backups, without, and the peer's."""

    async def in_turn(ours: JupyterServer, plain: JupyterServer, count: int) -> tuple[list[float], list[float]]:
        times: tuple[list[float], list[float]] = [], []
        async with aiohttp.ClientSession() as http:
            for number in range(-20, count):
                for found, jupyter in zip(times, (ours, plain), strict=True):
                    took = await save(http, jupyter, f"note{number % 10}.ipynb", f"{number}")
                    if number >= 0:
                        found.append(took)
        return times

    async def of_peer(jupyter: JupyterServer, count: int) -> list[float]:
        async with aiohttp.ClientSession() as http:
            return [await save(http, jupyter, f"note{number % 10}.ipynb", f"{number}") for number in range(count)]

    front.ask("s3")
    with peer(given, front, "peer") as jupyter:
        asyncio.run(of_peer(jupyter, 5))
        theirs = asyncio.run(of_peer(jupyter, given.peer_saves))
        front.ask("s3 slow:500")
        late = asyncio.run(of_peer(jupyter, 5))
        front.ask("s3")
    print(
        f"s3contents: a save takes p50 {statistics.median(theirs):.0f} ms, p99 {percentile(theirs, 0.99):.0f} ms;"
        f" with answers 500 ms late p50 {statistics.median(late):.0f} ms"
    )
    for title, fault in (("S3 as it is", ""), ("answers 500 ms late", "slow:500"), ("S3 down", "down")):
        with with_backups(front, f"saves-{fault[:4]}") as ours, server(sys.executable, front, OURS) as plain:
            front.ask(f"s3 {fault}")
            with_, without = asyncio.run(in_turn(ours, plain, given.saves))
            front.ask("s3")
        added = {share: percentile(with_, share) - percentile(without, share) for share in (0.5, 0.99)}
        print(
            f"{title}: a save takes p50 {percentile(with_, 0.5):.1f} ms, p99 {percentile(with_, 0.99):.1f} ms; "
            f"without backups {percentile(without, 0.5):.1f} and {percentile(without, 0.99):.1f}; added p50 "
            f"{added[0.5]:.2f} ms (budget 2), p99 {added[0.99]:.2f} ms (budget 10); ratio to s3contents' save, p50: "
            f"{max(0.0, added[0.5]) / statistics.median(theirs if not fault else late):.4f}"
        )


def burst(given: argparse.Namespace, front: Front) -> None:
    """Count the requests of 20 saves of one notebook, one in a second."""

    async def twenty(jupyter: JupyterServer, pause: float) -> None:
        async with aiohttp.ClientSession() as http:
            for number in range(20):
                await save(http, jupyter, "burst.ipynb", f"{number}")
                await asyncio.sleep(pause)
            if pause:
                await all_saved(http, jupyter, front, 1, 180)

    with peer(given, front, "peer-burst") as jupyter:
        front.ask("reset")
        asyncio.run(twenty(jupyter, 0))
        theirs = {name: count for name, count in front.calls(*REQUESTS).items() if count}
    with with_backups(front, "burst") as jupyter:
        front.ask("reset")
        asyncio.run(twenty(jupyter, 1))
        ours = {name: count for name, count in front.calls(*REQUESTS).items() if count}
    ratio = ours["PutObject"] / theirs["PutObject"]
    print(f"20 saves: ours {ours} (budget 2 PUT), s3contents {theirs}; ratio {ratio:.2f}")


def many(given: argparse.Namespace, front: Front) -> None:
    """Change 1,000 notebooks at once behind Jupyter's back, as git does, and wait until all are in S3."""

    async def change(jupyter: JupyterServer, plain: JupyterServer) -> tuple[float, list[float], list[float]]:
        async with aiohttp.ClientSession() as http:
            for number in range(given.notebooks):
                file = jupyter.folder / f"folder{number % 20}" / f"note{number}.ipynb"
                file.parent.mkdir(exist_ok=True)
                file.write_text(json.dumps(notebook_of(str(number))))
            for each in (jupyter, plain):
                await probe(http, each.url)
            begun = time.perf_counter()
            async with http.post(f"{jupyter.url}/jupyter-emr-connect/backups/now", data="{}") as answer:
                assert answer.status == 202
            await all_saved(http, jupyter, front, given.notebooks, 900)
            took = time.perf_counter() - begun
            late, beside = [(await probe(http, each.url))["stalls"] for each in (jupyter, plain)]
            return took, late, beside

    with with_backups(front, "many") as jupyter, server(sys.executable, front, OURS) as plain:
        time.sleep(5)  # the first scan, of an empty folder
        front.ask("reset")
        spent = cpu(jupyter.process)
        with Peak(jupyter.process) as peak:
            took, late, beside = asyncio.run(change(jupyter, plain))
        spent = cpu(jupyter.process) - spent
    print(
        f"{given.notebooks} notebooks changed at once: all in S3 after {took:.1f} s ({spent:.1f} s of the server's "
        f"CPU), {peak.added:.1f} MB more memory (budget 64)"
    )
    for title, ticks in (("with backups (budget 20)", late), ("an idle server at the same time", beside)):
        print(f"  event loop late, {title}: p99 {percentile(ticks, 0.99):.1f} ms, most {max(ticks):.1f} ms")


def restore(given: argparse.Namespace, front: Front) -> None:
    """Bring 1,000 notebooks back to an empty machine, and download them one after the other."""
    upload = (
        "import sys; from concurrent.futures import ThreadPoolExecutor; import botocore.session\n"
        "client = botocore.session.get_session().create_client('s3', region_name='us-east-1')\n"
        "put = lambda n: client.put_object(Bucket=sys.argv[1], Key=f'restore/f{n % 20}/n{n}.ipynb', Body=sys.argv[2])\n"
        "list(ThreadPoolExecutor(8).map(put, range(int(sys.argv[3]))))"
    )
    words = [sys.executable, "-c", upload, BUCKET, json.dumps(notebook_of("x")), str(given.notebooks)]
    subprocess.run(words, env=front.environment, check=True)
    front.ask(f"s3 slow:{given.latency}")
    jupyter_emr = str(Path(sys.executable).with_name("jupyter-emr"))
    took = {}
    with tempfile.TemporaryDirectory() as name:
        commands = {
            "sequential": [sys.executable, "-c", SEQUENTIAL, BUCKET, "restore/", f"{name}/sequential"],
            "ours": [jupyter_emr, "backups", "restore", f"s3://{BUCKET}/restore", "--to", f"{name}/ours"],
        }
        for title, command in commands.items():
            begun = time.perf_counter()
            environment = {**front.environment, "JUPYTER_DATA_DIR": f"{name}/data"}
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
            took[title] = time.perf_counter() - begun
            files = list(Path(name, title).rglob("*.ipynb"))
            assert len(files) == given.notebooks, len(files)
    front.ask("s3")
    print(
        f"restore of {given.notebooks} notebooks, answers {given.latency} ms late: {took['ours']:.1f} s, download one "
        f"after the other {took['sequential']:.1f} s; ratio {took['ours'] / took['sequential']:.2f} (budget 0.3)"
    )


def scan_and_idle(given: argparse.Namespace, front: Front) -> None:
    """Scan 20,000 files and leave a server alone that knows them."""
    from jupyter_emr_connect.config import EMRConnect
    from jupyter_emr_connect.services.backups.location import open_queue
    from jupyter_emr_connect.services.backups.worker import SCAN_EVERY_S, scan

    with tempfile.TemporaryDirectory() as name:
        root = Path(os.path.realpath(name)) / "root"
        for number in range(given.files):
            file = root / f"folder{number % 200}" / f"note{number}.ipynb"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("{}")
        config = EMRConnect(state_file=f"{name}/state.sqlite", backup_location=f"s3://{BUCKET}/scan")
        store = open_queue(config, str(root))
        times = {}
        for title in ("first", "second"):
            begun, spent = time.perf_counter(), time.process_time()
            scan(config, str(root), store)
            times[title] = time.perf_counter() - begun, time.process_time() - spent
        print(
            f"scan of {given.files} files: {times['first'][0]:.2f} s where all are new, {times['second'][0]:.2f} s "
            f"where none has changed (budget 3); {times['second'][1] / SCAN_EVERY_S:.2%} of a core by one in"
            f" {SCAN_EVERY_S:.0f} s"
        )


def idle(given: argparse.Namespace, front: Front) -> None:
    """Leave a server with backups alone, and one without."""

    async def some(jupyter: JupyterServer) -> None:
        async with aiohttp.ClientSession() as http:
            for number in range(10):
                await save(http, jupyter, f"{number}.ipynb", "x")
            await all_saved(http, jupyter, front, 10, 120)

    with with_backups(front, "idle") as ours, server(sys.executable, front, OURS) as plain:
        front.ask("reset")
        asyncio.run(some(ours))
        shares = []
        for jupyter in (ours, plain):
            share, _ = quiet(given.idle_seconds, jupyter.process)
            shares.append(share)
    added = shares[0] - shares[1]
    print(f"idle: {shares[0]:.2%} of a core, {shares[1]:.2%} without backups; {added:.2%} added (budget 0.5 %)")


MEASURES = {"saves": saves, "burst": burst, "many": many, "restore": restore, "scan": scan_and_idle, "idle": idle}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--peer-python", required=True, help="Python with s3contents installed")
    options.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    options.add_argument("--saves", type=int, default=400)
    options.add_argument("--peer-saves", type=int, default=40)
    options.add_argument("--notebooks", type=int, default=1000)
    options.add_argument("--files", type=int, default=20_000)
    options.add_argument(
        "--latency", type=int, default=30, help="milliseconds by which S3's answers are late in `restore`"
    )
    options.add_argument("--idle-seconds", type=float, default=60)
    given = options.parse_args()
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, load {load}")
    with tempfile.TemporaryDirectory() as name:
        front = Front(Path(name))
        try:
            for title in given.only:
                MEASURES[title](given, front)
        finally:
            front.close()


if __name__ == "__main__":
    main()
