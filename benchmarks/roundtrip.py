"""A kernel's connection: ours, jupyter_server's GatewayClient as it comes, and a local kernel, in one run.

Measured as a front end sees it (``front_end.py`` says how a browser's socket is stood for), against the same gateway:
cell round trips, 50 MB of stream output, 50 MB of binary comm buffers, memory added meanwhile, CPU of the Jupyter
server's process per 10,000 small messages, the time from the network's return to the first message, and, of ours,
50 idle kernels. Needs a gateway that asks for no credentials, for instance the sandbox's cluster ``open``::

    jupyter emr sandbox up && eval "$(jupyter emr sandbox env)"
    EMR_CONNECT_COMPUTE=open python benchmarks/roundtrip.py --gateway-url http://127.0.10.3:18888
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from importlib.metadata import version
from urllib.parse import urlsplit

from front_end import server
from measures import Figures, idle, measure
from outage import network, returns
from processes import jupyter_server

OURS, PEER = "jupyter_emr_connect", "GatewayClient"
PACKAGES = ("jupyter_server", "jupyter_client", "tornado", "pyzmq", "aiohttp")
LARGEST = 1.0  # megabytes, of the messages of the stream


def main() -> None:
    """Measure the four and print the ratios."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--gateway-url", required=True)
    options.add_argument("--gateway-kernel", default="python3")
    options.add_argument("--cells", type=int, default=300)
    options.add_argument("--messages", type=int, default=10_000)
    options.add_argument("--idle-kernels", type=int, default=50)
    options.add_argument("--cuts", type=int, default=10, help="connections reset for 3 s")
    options.add_argument("--moves", type=int, default=5, help="the same, and the gateway hears nothing of it")
    options.add_argument("--silences", type=int, default=5, help="20 s without a packet")
    given = options.parse_args()
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {versions}", flush=True)
    rows: dict[str, Figures] = {}
    for name, kernel, extension, words in (
        ("local kernel as it comes", "python3", False, ()),
        ("local kernel, our extension", "python3", True, ()),
        (PEER, given.gateway_kernel, False, (f"--GatewayClient.url={given.gateway_url}",)),
        (OURS, "emr-python", True, ()),
    ):
        with jupyter_server(*words, extension=extension) as (process, url):
            rows[name] = asyncio.run(measure(process, url, kernel, given.cells, given.messages))
        print(f"  measured: {name}", file=sys.stderr, flush=True)
    if given.cuts or given.moves or given.silences:
        outages(given, rows)
    show(rows)
    if given.idle_kernels:
        with jupyter_server() as (process, url):
            share, each = asyncio.run(idle(process, url, "emr-python", given.idle_kernels, 30))
        print(
            f"{given.idle_kernels} idle kernels: {share:.2%} of one core (at most 1 %), {each:.2f} MB each (at most 1)"
        )


def outages(given: argparse.Namespace, rows: dict[str, Figures]) -> None:
    """Measure what the network's return takes."""
    parts = urlsplit(given.gateway_url)
    host = str(parts.hostname)

    async def go(url: str, kernel: str) -> list[float]:
        async with server(url) as jupyter:
            return await returns(jupyter, kernel, between, cuts=given.cuts, moves=given.moves, silences=given.silences)

    with network(host, parts.port or 18888) as between:
        with jupyter_server(f"--EMRConnect.gateway_port={between.port}") as (_, url):
            rows[OURS].returns = asyncio.run(go(url, "emr-python"))
        peer = f"--GatewayClient.url=http://{host}:{between.port}"
        with jupyter_server(peer, extension=False) as (_, url):
            rows[PEER].returns = asyncio.run(go(url, given.gateway_kernel))


def show(rows: dict[str, Figures]) -> None:
    """Print the table, each line with the ratio of ours to GatewayClient's and what it should be."""
    lines = (
        ("round trip p50, ms", "p50", "at most 0.3"),
        ("round trip p99, ms", "p99", "at most 0.3"),
        ("50 MB of stream, MB/s", "stream", "at least 1.2"),
        ("50 MB of comm buffers, MB/s", "comm", "at least 1.5"),
        ("CPU s per 10,000 messages, paced", "paced", "at most 0.7"),
        ("CPU s per 10,000 messages, burst", "burst", "at most 0.7"),
        ("memory added by the stream, MB", "memory", f"ours at most {3 * LARGEST + 32:.0f} MB"),
        ("network's return, s (p95)", "back", "ours at most 1 s"),
    )
    print(" | ".join(rows))
    for title, name, wanted in lines:
        values = {row: getattr(found, name) for row, found in rows.items()}
        ratio = values[OURS] / values[PEER]
        print(
            f"{title:34}" + "".join(f"{value:9.2f}" for value in values.values()) + f"  ratio {ratio:5.2f} ({wanted})"
        )
    for name, found in rows.items():
        print(f"{name}: lost {found.lost} bytes of the stream. {'; '.join(found.notes)}")
        if found.returns:
            print(f"  network's return, s: {', '.join(f'{one:.2f}' for one in found.returns)}")


if __name__ == "__main__":
    main()
