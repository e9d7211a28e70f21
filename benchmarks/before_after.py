"""Two versions of this package side by side: what the one installed in another environment took, and this one.

Every figure is measured of both in turn, many times, since the machine itself changes meanwhile: two Jupyter servers
run at once on one sandbox, the cells go now to the one and now to the other. CPU is that of the server's process alone.
For an older version: ``git worktree add --detach ../before 1508b0d && cd ../before && make setup``. Then::

    jupyter emr sandbox up && eval "$(jupyter emr sandbox env)"
    EMR_CONNECT_COMPUTE=open python benchmarks/before_after.py --before-python ../before/.venv/bin/python
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from catalogue import REGIONS, ours
from extension_start import MEASURE
from front_end import FrontEnd, Server, server
from measures import COMM, SMALL, STREAM
from processes import cpu, jupyter_server, quiet
from servers import Front
from servers import server as catalogue_server

Pairs = dict[str, list[tuple[float, float]]]
PARTS = ("import", "kernel", "idle", "catalogue")
LARGER_IS_BETTER = ("stream", "buffers")
WINDOW_S = 30.0  # in which idle kernels are left alone


@dataclass
class Side:
    """One version's server and the WebSocket to its kernel."""

    process: psutil.Process
    jupyter: Server
    front: FrontEnd

    async def trip(self, cells: int) -> float:
        """Return the median round trip of these cells, in milliseconds."""
        return 1000 * statistics.median([(await self.front.run("1")).seconds for _ in range(cells)])

    async def trip_cpu(self, cells: int) -> float:
        """Return the server's CPU for a cell, in milliseconds."""
        begun = cpu(self.process)
        for _ in range(cells):
            await self.front.run("1")
        return 1000 * (cpu(self.process) - begun) / cells

    async def rate(self, code: str) -> float:
        """Return the megabytes of output in a second."""
        run = await self.front.run(code)
        return run.size / run.seconds / 1e6

    async def small(self, count: int, pause: float) -> float:
        """Return the server's CPU seconds for 10,000 small messages."""
        begun = cpu(self.process)
        run = await self.front.run(SMALL.format(count=count, pause=pause))
        assert run.messages == count, f"{count - run.messages} messages were lost"
        return (cpu(self.process) - begun) / count * 10_000


def main() -> None:
    """Measure what was asked for and print the ratios."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--before-python", required=True)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--messages", type=int, default=10_000)
    options.add_argument("--idle-kernels", type=int, default=10)
    options.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    given = options.parse_args()
    pythons = (str(Path(given.before_python).absolute()), sys.executable)
    if "import" in given.only:
        show(imports(pythons, 3 * given.rounds))
    if "kernel" in given.only:
        with ExitStack() as stack:
            processes = [stack.enter_context(jupyter_server(python=python)) for python in pythons]
            show(asyncio.run(kernels(processes, given.rounds, given.messages)))
    if "idle" in given.only:
        with ExitStack() as stack:
            processes = [stack.enter_context(jupyter_server(python=python)) for python in pythons]
            show(asyncio.run(idle(processes, given.idle_kernels, given.rounds)))
    if "catalogue" in given.only:
        show(catalogues(pythons, max(2, given.rounds // 3)))


def show(pairs: Pairs) -> None:
    """Print each figure: the medians, their ratio, and the best of both, where another program disturbed least."""
    for name, values in pairs.items():
        best: Callable[[list[float]], float] = max if name.startswith(LARGER_IS_BETTER) else min
        before, after = [one for one, _ in values], [one for _, one in values]
        middle, least = (statistics.median(before), statistics.median(after)), (best(before), best(after))
        print(
            f"{name:32} median {middle[0]:8.3f} {middle[1]:8.3f} ratio {middle[1] / middle[0]:5.2f}"
            f"   best {least[0]:8.3f} {least[1]:8.3f} ratio {least[1] / least[0]:5.2f}   of {len(values)}",
            flush=True,
        )


def imports(pythons: tuple[str, str], rounds: int) -> Pairs:
    """Return what the extension's import takes, in milliseconds of CPU, each in a fresh process."""

    def once(python: str) -> float:
        code = MEASURE.replace("perf_counter", "process_time")
        command = [python, "-I", "-c", code]  # -I: not the package in this folder
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return 1000 * float(json.loads(done.stdout)["extension"])

    for python in pythons:
        once(python)  # writes the .pyc files
    return {"import, ms of CPU": [(once(pythons[0]), once(pythons[1])) for _ in range(rounds)]}


async def kernels(processes: list[tuple[psutil.Process, str]], rounds: int, messages: int) -> Pairs:
    """Let a kernel of each server run the same cells in turn."""
    async with AsyncExitStack() as stack:
        sides = []
        for process, url in processes:
            jupyter = await stack.enter_async_context(server(url))
            name = await jupyter.start("emr-python")
            stack.push_async_callback(jupyter.stop, name)
            sides.append(Side(process, jupyter, await stack.enter_async_context(jupyter.front_end(name))))
        for side in sides:
            await side.trip(20)
        found: Pairs = {}
        for number in range(rounds):
            for name, measure in (
                ("round trip, ms", lambda side: side.trip(50)),
                ("round trip, ms of CPU", lambda side: side.trip_cpu(100)),
                ("stream, MB/s", lambda side: side.rate(STREAM)),
                ("buffers, MB/s", lambda side: side.rate(COMM.format(count=50, padding=""))),
                ("CPU s per 10,000, bursts of 50", lambda side: side.small(messages, 0.025)),
                ("CPU s per 10,000, no pauses", lambda side: side.small(messages, 0)),
            ):
                first = number % 2  # so that it does not matter which of them goes first
                values = {first: await measure(sides[first]), 1 - first: await measure(sides[1 - first])}
                found.setdefault(name, []).append((values[0], values[1]))
        return found


async def idle(processes: list[tuple[psutil.Process, str]], count: int, windows: int) -> Pairs:
    """Return what kernels that do nothing cost both servers at the same time: percent of a core, megabytes for each."""
    sizes, found = [], []
    async with AsyncExitStack() as stack:
        for process, url in processes:
            jupyter = await stack.enter_async_context(server(url))
            for number in range(count + 1):
                stack.push_async_callback(jupyter.stop, await jupyter.start("emr-python"))
                if number == 0:  # brings what is loaded once
                    begin = process.memory_info().rss
            sizes.append((process.memory_info().rss - begin) / count / 1e6)
        await asyncio.sleep(10)
        for _ in range(windows):
            both = await asyncio.gather(*(asyncio.to_thread(quiet, WINDOW_S, process) for process, _ in processes))
            found.append((100 * both[0][0], 100 * both[1][0]))
    return {f"{count} idle kernels, % of a core": found, "MB each": [(sizes[0], sizes[1])]}


def catalogues(pythons: tuple[str, str], rounds: int) -> Pairs:
    """Return the seconds until the first and until all rows of a big account, nothing known and after a restart."""
    counts = {"clusters": 5000, "applications": 500, "endpoints": 200}
    extensions = {"jupyter_emr_connect": True, "bench_probe": True}
    found: Pairs = {}
    with tempfile.TemporaryDirectory() as folder:
        front = Front(Path(folder), counts, REGIONS)
        try:
            for number in range(rounds):
                rows = []
                for side, python in enumerate(pythons):
                    row: dict[str, float] = {}
                    state = f"--EMRConnect.state_file={folder}/{number}-{side}.sqlite"
                    words = [state, *(f"--EMRConnect.regions={one}" for one in REGIONS)]
                    for title in ("nothing known", "after a restart"):
                        front.ask("reset")
                        with catalogue_server(python, front, extensions, *words) as jupyter:
                            begun = cpu(jupyter.process)
                            measured = asyncio.run(ours(jupyter.url, 100))
                            row[f"{title}: first rows, s"] = measured["first"]
                            row[f"{title}: all rows, s"] = measured["all"]
                            row[f"{title}: CPU, s"] = cpu(jupyter.process) - begun
                    rows.append(row)
                for name in rows[0]:
                    found.setdefault(name, []).append((rows[0][name], rows[1][name]))
        finally:
            front.close()
    return found


if __name__ == "__main__":
    main()
