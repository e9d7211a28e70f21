"""Many kernels on many gateways in one server, each with its own CA and credentials; one that hangs slows no other."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.conftest import Sandbox, running_sandbox
from tests.sandbox.jupyter_server import Channels, Server, serving
from tests.sandbox.line import address_of, stopwatch
from tests.sandbox.notebooks import write_notebook
from tests.sandbox.own_gateway import own_gateway
from tests.sandbox.soak import Soak

pytestmark = [pytest.mark.sandbox, pytest.mark.faults]

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"
PARTNER = "arn:aws:iam::210987654321:role/EMRPartner"
READY_WITHIN = 180  # all the gateways and their kernels start on this one machine
ANSWERS_WITHIN = 10


@dataclass(frozen=True)
class Place:
    """A compute to run on, and the role to take there; `local` is this machine."""

    compute: str
    role: str | None = None


NEAR = (Place("open"), Place("analytics", ROLE), Place("notebooks"))
FAR = (Place("shared", PARTNER),)


@pytest.fixture
def crowd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, soak: Soak) -> Iterator[Sandbox]:
    """For the long run a sandbox of its own: it is seeded with clusters, at whose addresses real gateways are put."""
    if not soak.long:
        yield request.getfixturevalue("sandbox")
        return
    with running_sandbox(tmp_path_factory.mktemp("crowd"), f"crowd-{os.getpid()}") as made:
        yield made


@contextlib.contextmanager
def more_clusters(sandbox: Sandbox, count: int, folder: Path) -> Iterator[list[Place]]:
    """Bring seeded clusters to life: a gateway of the tests' own at the address and port where AWS says that it is."""
    if not count:
        yield []
        return
    done = sandbox.cli("sandbox", "seed", "--clusters", str(6 * count), "--name", sandbox.name)
    assert done.returncode == 0, done.stderr
    rows = sandbox.json("sandbox", "status", "--name", sandbox.name)["computes"]
    fit = [
        row
        for row in rows
        if row["name"].startswith("seeded-") and row["attachable"] and row["runtime_role"] == "unsupported"
    ][:count]
    assert len(fit) == count
    with ExitStack() as stack:
        subnet = address_of(sandbox).rpartition(".")[0]
        for row in fit:
            address = f"{subnet}.{100 + int(row['name'][-5:]) % 150}"  # as `seed` gives them
            stack.enter_context(own_gateway(address, folder / row["name"], port=18888))
        yield [Place(row["name"]) for row in fit]


@dataclass
class Running:
    """A kernel in the server, and a front end of it."""

    place: Place
    kernel: str
    channels: Channels

    async def answers(self, text: str) -> None:
        """Run a cell, in time."""
        asked = await self.channels.ask(f"import os; print({text!r}, os.getpid())")
        message = await self.channels.until("stream", asked, wait=ANSWERS_WITHIN)
        assert message["content"]["text"].startswith(text)


def notebooks_of(sandbox: Sandbox, root: Path, places: list[Place], each: int) -> list[tuple[Place, str]]:
    """Write notebooks, by folders that are attached to the places; return their paths below ``root``."""
    found = []
    for place in places:
        (root / place.compute).mkdir(parents=True)
        if place.compute != "local":
            words = ["--runtime-role", place.role] if place.role else []
            done = sandbox.cli("attach", place.compute, str(root / place.compute), "--no-check", *words)
            assert done.returncode == 0, done.stderr
        for number in range(each):
            path = f"{place.compute}/{number}.ipynb"
            write_notebook(root / path, "python3" if place.compute == "local" else "emr-python", "1")
            found.append((place, path))
    return found


@asynccontextmanager
async def all_running(server: Server, notebooks: list[tuple[Place, str]]) -> AsyncIterator[list[Running]]:
    """Open every notebook at the same time.

    Local kernels first: one whose port is taken before it binds it dies for good (jupyter_client tries the same again).
    """

    async def opened(place: Place, path: str) -> Running:
        kernel = "python3" if place.compute == "local" else "emr-python"
        status, session = await server.open_session(path, kernel)
        assert status == 201, session
        channels = await stack.enter_async_context(server.channels(session["kernel"]["id"]))
        return Running(place, session["kernel"]["id"], channels)

    async with AsyncExitStack() as stack:
        local = [one for one in notebooks if one[0].compute == "local"]
        others = [one for one in notebooks if one not in local]
        yield [kernel for some in (local, others) for kernel in await asyncio.gather(*(opened(*one) for one in some))]


async def test_kernels_on_many_gateways_work_beside_each_other(crowd: Sandbox, tmp_path: Path, soak: Soak) -> None:
    each = soak.choose(2, 5)
    with more_clusters(crowd, soak.choose(0, 6), tmp_path / "gateways") as further:
        places = [*NEAR, *(FAR if soak.long else ()), *further, Place("local")]
        notebooks = notebooks_of(crowd, tmp_path / "work", places, each)
        words = ("--ServerApp.root_dir=work", f"--EMRConnect.ready_timeout={READY_WITHIN}")
        async with serving(crowd, tmp_path, *words) as server:
            with stopwatch() as started:
                async with all_running(server, notebooks) as kernels:
                    await asyncio.gather(*(one.answers("hello") for one in kernels))
                    await hang_one(crowd, server, kernels)
                    note(soak, server, kernels)
            soak.note(f"all of it in {started[0]:.0f} s")


async def hang_one(sandbox: Sandbox, server: Server, kernels: list[Running]) -> None:
    """While one gateway is a black hole all others answer, and kernels are started and interrupted there."""
    stuck = [one for one in kernels if one.place.compute == "open"]
    others = [one for one in kernels if one.place.compute != "open"]
    sandbox.fault("black-hole", "--compute", "open")
    try:
        waiting = [asyncio.ensure_future(one.channels.ask("print('late')")) for one in stuck]
        starting = asyncio.ensure_future(server.open_session("open/another.ipynb", "emr-python"))
        for number in range(12):
            await asyncio.gather(*(one.answers(f"round {number}") for one in others))
            await asyncio.sleep(1)
        status, session = await server.open_session("analytics/another.ipynb", "emr-python")
        assert status == 201, session
        status, _ = await server.call("POST", f"/api/kernels/{others[0].kernel}/interrupt")
        assert status == 204
    finally:
        sandbox.fault("--off")
    for one, asked in zip(stuck, waiting, strict=True):
        message = await one.channels.until("stream", await asked)
        assert message["content"]["text"].startswith("late")  # the end of the line may come by itself
    status, answer = await starting
    assert (status, "did not answer in time" in answer["message"]) == (424, True), answer


def note(soak: Soak, server: Server, kernels: list[Running]) -> None:
    process = psutil.Process(server.process.pid)
    size = process.memory_info().rss / 1e6
    gateways = len({one.place for one in kernels})
    soak.note(f"{len(kernels)} kernels in {gateways} places; the server holds {size:.0f} MB")
