"""The list of computes of a big account: ours and the SageMaker EMR extension's, in one run, on one emulated AWS.

5,000 clusters, 500 applications and 200 endpoints over four regions, with AWS's documented call rates. Measured as a
front end sees it, over HTTP to a Jupyter server: first rows with a cold and a warm state file, all rows, how long the
event loop was held up meanwhile (a 5 ms ticker in the server), memory, calls to AWS against the floor of its page
sizes, and whether fifty clients cost more calls than one. The peer (PyPI ``sagemaker-jupyterlab-emr-extension``) has
neither regions nor endpoints in its list, so it serves one region after the other, page after page as its panel does.

    python benchmarks/catalogue.py --peer-python .venv-bench/bin/python
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from servers import Front, probe, server

REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "ap-south-1"]
ACTIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
LIST_CALLS = ("ListClusters", "ListApplications", "ListVirtualClusters", "ListManagedEndpoints")


async def get(http: aiohttp.ClientSession, url: str, **params: str) -> dict[str, Any]:
    """Ask our list."""
    async with http.get(f"{url}/jupyter-emr-connect/compute", params=params) as answer:
        assert answer.status == 200, await answer.text()
        return json.loads(await answer.read())


async def ours(url: str, page: int) -> dict[str, Any]:
    """Open the list as the panel does: a page of rows at once, then news until it is complete, then all rows."""
    async with aiohttp.ClientSession() as http:
        await asyncio.sleep(1)
        before = await probe(http, url)
        begun = time.perf_counter()
        view = await get(http, url, limit=str(page))
        while not view["items"]:
            view = await get(http, url, limit=str(page), since=view["version"], wait="10")
        first = time.perf_counter() - begun
        fresh = not view["stored"]
        while not view["complete"]:
            view = await get(http, url, limit=str(page), since=view["version"], wait="10")
        listed = time.perf_counter() - begun
        everything = await get(http, url)
        whole = time.perf_counter() - begun
        after = await probe(http, url)
    late = sorted(after["stalls"])
    return {
        "first": first,
        "fresh": fresh,
        "listed": listed,
        "all": whole,
        "rows": len(everything["items"]),
        "errors": everything["errors"],
        "p99": late[int(len(late) * 0.99)],
        "max": late[-1],
        "memory": (after["peak"] - before["rss"]) / 1e6,
    }


async def poll(url: str, clients: int, seconds: float) -> int:
    """Let clients ask for the list, each once a second; returns how many of their answers had errors."""

    async def client(http: aiohttp.ClientSession) -> int:
        wrong, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            view = await get(http, url, limit="100")
            wrong += bool(view["errors"])
            await asyncio.sleep(1)
        return wrong

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        return sum(await asyncio.gather(*(client(http) for _ in range(clients))))


async def peer(url: str) -> tuple[int, int]:
    """Page through the peer's two lists of one region as its panel does; returns rows and refused calls."""
    rows = refused = 0
    wanted: list[tuple[str, dict[str, Any], str, str, str]] = [
        ("emr/list-clusters", {"ClusterStates": ACTIVE}, "clusters", "Marker", "marker"),
        ("emr-serverless/list-applications", {}, "applications", "nextToken", "nextToken"),
    ]
    async with aiohttp.ClientSession() as http:
        for route, body, name, send, read in wanted:
            marker = None
            while True:
                asked = {**body, send: marker} if marker else body
                async with http.post(f"{url}/aws/sagemaker/api/{route}", json=asked) as answer:
                    told = json.loads(await answer.read())
                if answer.status != 200 or name not in told:
                    refused += 1  # throttled after its retries: its user clicks again
                    assert refused < 200, told
                    await asyncio.sleep(0.5)
                    continue
                rows += len(told[name])
                marker = told.get(read) or told.get("Marker")
                if not marker:
                    break
    return rows, refused


def floor(counts: dict[str, int]) -> dict[str, int]:
    """Return the least calls that page sizes allow; one cluster in twenty of those seeded has ended."""
    share = {name: count / len(REGIONS) for name, count in counts.items()}
    return {
        "ListClusters": len(REGIONS) * math.ceil(share["clusters"] * 0.95 / 50),
        "ListApplications": len(REGIONS) * math.ceil(share["applications"] * 7 / 8 / 50),
        "ListVirtualClusters": len(REGIONS),
        "ListManagedEndpoints": len(REGIONS) * math.ceil(share["endpoints"] * 0.9 / 100),
    }


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--peer-python", help="Python with the peer installed; without it only ours is measured")
    options.add_argument("--clusters", type=int, default=5000)
    options.add_argument("--applications", type=int, default=500)
    options.add_argument("--endpoints", type=int, default=200)
    options.add_argument("--poll-seconds", type=float, default=60)
    options.add_argument("--page", type=int, default=100)
    given = options.parse_args()
    counts = {name: getattr(given, name) for name in ("clusters", "applications", "endpoints")}
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {counts} over {len(REGIONS)} regions")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        front = Front(folder, counts, REGIONS)
        try:
            measure(given, counts, folder, front)
        finally:
            front.close()


def measure(given: argparse.Namespace, counts: dict[str, int], folder: Path, front: Front) -> None:
    """Run the five measurements."""
    extensions = {"jupyter_emr_connect": True, "bench_probe": True}
    words = [f"--EMRConnect.state_file={folder / 'state.sqlite'}", *(f"--EMRConnect.regions={one}" for one in REGIONS)]
    front.ask("reset")
    with server(sys.executable, front, extensions, *words) as jupyter:
        cold = asyncio.run(ours(jupyter.url, given.page))
        calls = front.ask("calls")
    show("cold", cold)
    lists, least = front.calls(*LIST_CALLS), floor(counts)
    print("  calls: " + ", ".join(f"{name} {lists[name]} (floor {least[name]})" for name in LIST_CALLS))
    refused = {key: n for key, n in calls.items() if key.endswith((":400", ":429"))}
    print(f"  answers that AWS refused: {refused}; descriptions: {described(calls)}")
    front.ask("reset")
    with server(sys.executable, front, extensions, *words) as jupyter:
        show("warm", asyncio.run(ours(jupyter.url, given.page)))
    for clients in (1, 50) if given.poll_seconds else ():
        front.ask("reset")
        with server(sys.executable, front, extensions, *words) as jupyter:
            wrong = asyncio.run(poll(jupyter.url, clients, given.poll_seconds))
        total = sum(front.ask("calls").values())
        lists = front.calls(*LIST_CALLS)
        print(f"{clients} clients for {given.poll_seconds:.0f} s: {total} calls, lists {lists}, errors {wrong}")
    if given.peer_python:
        against_peer(given, front, cold)


def against_peer(given: argparse.Namespace, front: Front, cold: dict[str, Any]) -> None:
    """Let the peer page through the same list and print the ratio."""
    front.ask("reset")
    spent, rows, refused = [], 0, 0
    for region in REGIONS:
        extensions = {"sagemaker_jupyterlab_emr_extension": True}
        with server(given.peer_python, front, extensions, AWS_REGION=region) as jupyter:
            begun = time.perf_counter()
            got, wrong = asyncio.run(peer(jupyter.url))
            spent.append(time.perf_counter() - begun)
        rows, refused = rows + got, refused + wrong
    shown = ", ".join(f"{one:.1f}" for one in spent)
    print(f"peer: {rows} rows in {sum(spent):.1f} s ({shown} s by region; no endpoints), {refused} refused answers")
    print(f"ratio of all rows, ours to the peer: {cold['all'] / sum(spent):.2f}")
    print(
        f"ratio to its slowest region alone: {cold['all'] / max(spent):.2f} (median {statistics.median(spent):.1f} s)"
    )


def described(calls: dict[str, int]) -> int:
    """Return how many computes were described."""
    return sum(n for key, n in calls.items() if ":Describe" in key or ":GetApplication" in key)


def show(title: str, row: dict[str, Any]) -> None:
    """Print one measurement of ours."""
    print(
        f"{title}: first rows {row['first']:.2f} s, lists complete {row['listed']:.2f} s, all {row['rows']} rows "
        f"{row['all']:.2f} s; event loop late p99 {row['p99']:.1f} ms, most {row['max']:.1f} ms; "
        f"memory added {row['memory']:.1f} MB; errors {[error['message'] for error in row['errors']]}"
    )


if __name__ == "__main__":
    main()
