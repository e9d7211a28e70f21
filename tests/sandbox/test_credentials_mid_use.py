"""Credentials that end, or cannot be renewed, while a kernel is at work: it goes on, and the user is told the cause."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client import AsyncKernelClient

from jupyter_emr_connect.aws.session import forget
from jupyter_emr_connect.services.credentials.secret_slots import forget_secrets
from tests.conftest import Sandbox, running_sandbox
from tests.sandbox.kernels import attached_to, execute, of_type, published, reply_to, running, texts, until

pytestmark = pytest.mark.sandbox

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"
LIFETIME = 16


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose pairs are good for a few seconds; what this process knows of another one is forgotten."""
    forget()
    forget_secrets()
    folder = tmp_path_factory.mktemp("brief")
    with running_sandbox(folder, f"brief-{os.getpid()}", "--pair-lifetime", str(LIFETIME)) as started:
        yield started
        forget()
        forget_secrets()


@pytest.fixture(autouse=True)
def no_refusals_before() -> None:
    """Secrets that were refused in one test count no more in the next."""
    forget_secrets()


async def told(
    client: AsyncKernelClient, state: str, cause: str = "", *, seen: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Wait until front ends are told this state of the line, and cause if one is named; return what they are told.

    What else comes meanwhile is added to ``seen``.
    """
    while True:
        message = await client.get_iopub_msg(timeout=120)
        content: dict[str, Any] = message["content"]
        wanted = {"state": state, "cause": cause or content.get("cause")}
        if message["msg_type"] == "emr_connect_status" and content.items() >= wanted.items():
            return content
        if seen is not None:
            seen.append(message)


def in_ledger(brief: Sandbox) -> dict[str, Any]:
    """Return the one kernel as other processes see it."""
    (row,) = brief.json("kernels", "--no-check")["items"]
    found: dict[str, Any] = row
    return found


async def test_pairs_that_end_under_a_long_cell_and_many_short_ones_are_not_noticed(brief: Sandbox) -> None:
    with attached_to(brief, "analytics", ROLE):
        async with running() as (manager, client):
            seconds = 3 * LIFETIME
            long = client.execute(
                f"import time\nfor n in range({seconds}):\n    print(n, flush=True)\n    time.sleep(1)"
            )
            await asyncio.sleep(LIFETIME + 2)
            brief.fault("cut-sockets", "--compute", "analytics")
            outputs = await published(client, long, wait=60)
            assert texts(outputs) == "".join(f"{n}\n" for n in range(seconds))
            assert texts(outputs, "stderr") == ""
            for number in range(40):
                reply, _ = await execute(client, f"x = {number}")
                assert reply["content"]["status"] == "ok"
                await asyncio.sleep(0.5)
            await manager.interrupt_kernel()
            await manager.restart_kernel()


async def test_a_renewal_that_fails_is_said_while_the_connection_still_stands(brief: Sandbox) -> None:
    with attached_to(brief, "analytics", ROLE):
        async with running() as (_, client):
            brief.fault("deny:GetClusterSessionCredentials")
            try:
                content = await told(client, "connected", "credentials")
                assert "may not take the runtime role" in content["reason"]
                assert content["fix"]
                _, outputs = await execute(client, "print('works')")
                assert texts(outputs) == "works\n"
                await until(lambda: in_ledger(brief)["cause"] == "credentials")
                assert in_ledger(brief)["state"] == "connected"
                assert "ask for elasticmapreduce:GetClusterSessionCredentials" in in_ledger(brief)["reason"]
            finally:
                brief.fault("deny:GetClusterSessionCredentials", "--off")
            assert (await told(client, "connected"))["cause"] == ""
            await until(lambda: in_ledger(brief)["cause"] == "renewed")


FAULTS = [
    ("deny:GetClusterSessionCredentials", "may not take the runtime role"),
    ("throttle", "throttles elasticmapreduce:GetClusterSessionCredentials"),
    ("expire-credentials", "Your AWS credentials have expired"),
    ("down", "No answer"),
]


@pytest.mark.parametrize(("fault", "says"), FAULTS)
async def test_a_renewal_that_fails_is_said_and_the_kernel_and_its_output_are_kept(
    brief: Sandbox, fault: str, says: str
) -> None:
    with attached_to(brief, "analytics", ROLE):
        async with running() as (manager, client):
            await execute(client, "import time; kept = 41")
            seen: list[dict[str, Any]] = []
            msg_id = client.execute("for n in range(12):\n    print(n, flush=True)\n    time.sleep(1)")
            brief.fault(fault)
            try:
                brief.fault("expire-pairs", "--compute", "analytics")
                brief.fault("cut-sockets", "--compute", "analytics")
                content = await told(client, "reconnecting", "credentials", seen=seen)
                assert says in content["reason"]
                assert content["fix"]
                await asyncio.sleep(8)
                assert await manager.is_alive()
            finally:
                brief.fault(fault, "--off")
            await told(client, "connected", seen=seen)
            ended = any(one["content"].get("execution_state") == "idle" for one in seen)
            outputs = seen if ended else [*seen, *await published(client, msg_id)]
            assert texts(outputs) == "".join(f"{n}\n" for n in range(12))
            assert not of_type(outputs, "error")
            assert (await reply_to(client, msg_id))["content"]["status"] == "ok"
            _, outputs = await execute(client, "print(kept + 1)")
            assert texts(outputs) == "42\n"
