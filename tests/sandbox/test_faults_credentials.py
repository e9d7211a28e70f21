"""Credentials that live for moments, under long cells and many statements, over cuts: the user sees no error."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest
from jupyter_client import AsyncKernelClient

from tests.conftest import Sandbox, running_sandbox
from tests.faultproxy import FaultProxy
from tests.sandbox.kernels import attached_to, execute, published, reply_to, running, texts
from tests.sandbox.line import at_port, line_to
from tests.sandbox.numbers import GOOD, account, numbers
from tests.sandbox.soak import Soak

pytestmark = [pytest.mark.sandbox, pytest.mark.faults]

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"


NOTICED_S = 0.5  # in which a cut is noticed on a loaded machine; a statement sent before that meets it on its way


@pytest.fixture
def brief(tmp_path_factory: pytest.TempPathFactory, soak: Soak) -> Iterator[tuple[Sandbox, int]]:
    """A sandbox whose pairs live for so many seconds."""
    seconds = soak.choose(8, 60)  # a start on a loaded machine takes some
    folder = tmp_path_factory.mktemp("brief")
    with running_sandbox(folder, f"brief-{os.getpid()}", "--pair-lifetime", str(seconds)) as made:
        yield made, seconds


async def count_to_the_end(client: AsyncKernelClient, count: int, pause: float) -> None:
    msg_id = client.execute(numbers(count, pause))
    outputs = await published(client, msg_id)
    assert (account(texts(outputs), count), texts(outputs, "stderr")) == (GOOD, "")
    assert (await reply_to(client, msg_id))["content"]["status"] == "ok"


async def many_statements(client: AsyncKernelClient, count: int, seconds: float, line: asyncio.Lock) -> None:
    """Have none under way while ``line`` is taken: one that a cut meets on its way says that it did not run."""
    for number in range(count):
        async with line:
            reply, outputs = await execute(client, f"print({number})")
        assert reply["content"]["status"] == "ok", reply["content"]
        assert (texts(outputs), texts(outputs, "stderr")) == (f"{number}\n", "")
        await asyncio.sleep(seconds / count)


@pytest.mark.full
async def test_short_lived_pairs_are_renewed_unnoticed(brief: tuple[Sandbox, int], soak: Soak) -> None:
    """The line is cut after each life, so that none of the pairs is good for the next WebSocket."""
    sandbox, life = brief
    seconds, statements = soak.choose(3, 5) * life, soak.choose(40, 200)
    between = asyncio.Lock()

    async def cutting(line: FaultProxy) -> None:
        while True:
            await asyncio.sleep(life)
            async with between:
                line.cut()
                await asyncio.sleep(NOTICED_S)

    with attached_to(sandbox, "analytics", ROLE), line_to(sandbox, "analytics") as line:
        async with running(config=at_port(line.port)) as (_, one), running(config=at_port(line.port)) as (_, other):
            cuts = asyncio.ensure_future(cutting(line))
            try:
                await asyncio.gather(
                    count_to_the_end(one, seconds * 10, 0.1), many_statements(other, statements, seconds, between)
                )
            finally:
                cuts.cancel()
        assert line.cuts >= 3
    rows = sandbox.json("sandbox", "log", "--name", sandbox.name)
    pairs = sum(row["action"] == "GetClusterSessionCredentials" for row in rows)
    assert pairs >= 3
    soak.note(f"pairs of {life} s under a cell of {seconds} s and {statements} statements: {pairs} pairs, no error")


async def test_tokens_that_expire_are_renewed_unnoticed(sandbox: Sandbox, soak: Soak) -> None:
    """The endpoint's token expires, and its sockets are cut, time and again.

    Not three times within a minute for long: a gateway that refuses so many is not given new ones without end.
    """
    rounds, pause = soak.choose(3, 12), soak.choose(2, 24)
    between = asyncio.Lock()

    async def expiring() -> None:
        for _ in range(rounds):
            await asyncio.sleep(pause)
            await asyncio.to_thread(sandbox.fault, "expire-tokens")
            async with between:
                await asyncio.to_thread(sandbox.fault, "cut-sockets", "--compute", "notebooks")
                await asyncio.sleep(NOTICED_S)

    with attached_to(sandbox, "notebooks"):
        async with running() as (_, one), running() as (_, other):
            expires = asyncio.ensure_future(expiring())
            seconds = rounds * (pause + 1)
            await asyncio.gather(count_to_the_end(one, seconds * 10, 0.1), many_statements(other, 40, seconds, between))
            await expires
    soak.note(f"{rounds} expired tokens under a cell and 40 statements: no error")
