"""What is measured of one way to a kernel; see ``roundtrip.py``."""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import dataclass, field

import psutil
from front_end import FrontEnd, Server, server
from processes import Peak, cpu, quiet

MEGABYTES = 50
STREAM = f"import sys\nfor n in range({MEGABYTES}): sys.stdout.write('x' * 1_000_000); sys.stdout.flush()"
COMM = """
from comm import create_comm
comm = create_comm(target_name='bench', data={{}})
for n in range({count}): comm.send({{'padding': '{padding}'}}, buffers=[b'x' * 1_000_000])
"""
SMALL = """
import time
from IPython.display import display
for n in range({count}):
    display({{'text/plain': str(n)}}, raw=True)
    if n % 50 == 49: time.sleep({pause})
"""
# GatewayClient takes a binary frame for UTF-8 and breaks off if it is not; with some paddings the length fields are.
PADDINGS = (0, 128, 64, 192)


@dataclass
class Figures:
    """What was found; NaN where it could not be measured, or was not."""

    trips: list[float] = field(default_factory=list)
    stream: float = float("nan")
    comm: float = float("nan")
    lost: int = 0
    memory: float = float("nan")
    paced: float = float("nan")
    burst: float = float("nan")
    returns: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def p50(self) -> float:
        """Milliseconds."""
        return statistics.median(self.trips)

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return sorted(self.trips)[int(len(self.trips) * 0.99)]

    @property
    def back(self) -> float:
        """The 95th percentile of the times after an outage, in seconds."""
        return sorted(self.returns)[int(len(self.returns) * 0.95)] if self.returns else float("nan")


async def measure(process: psutil.Process, url: str, kernel: str, cells: int, messages: int) -> Figures:
    """Start a kernel behind a server and measure all but the outages."""
    found = Figures()
    async with server(url) as jupyter:
        name = await jupyter.start(kernel)
        async with jupyter.front_end(name) as front:
            for _ in range(10):
                await front.run("1")
            found.trips = [(await front.run("1")).seconds * 1000 for _ in range(cells)]
            await stream(front, process, found)
            found.paced = await small(front, process, found, messages, 0.025)
            found.burst = await small(front, process, found, messages, 0)
        await comm(jupyter, name, found)
        await jupyter.stop(name)
    return found


async def stream(front: FrontEnd, process: psutil.Process, found: Figures) -> None:
    """Let a cell print; the best of five runs counts, and the worst of their memory."""
    memory, rates = [], []
    for _ in range(5):
        with Peak(process) as peak:
            run = await front.run(STREAM)
        memory.append(peak.added)
        rates.append(run.size / run.seconds / 1e6)
        found.lost += max(0, MEGABYTES * 1_000_000 - run.size)
    found.stream, found.memory = max(rates), max(memory)


async def small(front: FrontEnd, process: psutil.Process, found: Figures, count: int, pause: float) -> float:
    """Let a cell display small things, with pauses of so many seconds after every 50; return CPU seconds per 10,000."""
    spent = []
    for _ in range(3):
        begun = cpu(process)
        run = await front.run(SMALL.format(count=count, pause=pause))
        spent.append((cpu(process) - begun) / run.messages * 10_000)
        if run.messages != count:
            found.notes.append(f"{count - run.messages} of {count} small messages were lost")
    return statistics.median(spent)


async def comm(jupyter: Server, kernel: str, found: Figures) -> None:
    """Let a cell send buffers; the best of four runs counts."""
    rates = [0.0]
    for padding in PADDINGS:
        async with jupyter.front_end(kernel) as front:
            code = COMM.format(count=MEGABYTES, padding="x" * padding)
            try:
                run = await front.run(code, timeout=5)
                rates.append(run.size / run.seconds / 1e6)
            except (ConnectionError, asyncio.TimeoutError, TimeoutError):
                found.notes.append(f"binary frames with a padding of {padding} broke the connection")
    found.comm = max(rates) or float("nan")


async def idle(process: psutil.Process, url: str, kernel: str, count: int, seconds: float) -> tuple[float, float]:
    """Start kernels and leave them alone; return what all cost of one core, and each in megabytes."""
    async with server(url) as jupyter:
        first = await jupyter.start(kernel)  # brings what is loaded once
        await asyncio.sleep(5)
        base, before = await asyncio.to_thread(quiet, seconds, process)
        names = [await jupyter.start(kernel) for _ in range(count)]
        await asyncio.sleep(10)
        share, after = await asyncio.to_thread(quiet, seconds, process)
        for name in (first, *names):
            await jupyter.stop(name)
    return share - base, (after - before) / count / 1e6
