"""A pair that expires while a kernel is at work is renewed without the user noticing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jupyter_emr_connect.provisioning.provisioner import EMRProvisioner
from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to, execute, reply_to, running, says, texts

pytestmark = pytest.mark.sandbox

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"


@pytest.fixture(autouse=True)
def attached(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with attached_to(sandbox, "analytics", ROLE):
        monkeypatch.setenv("AWS_PROFILE", "analyst")  # whose pairs are this file's alone
        yield


def pairs_asked_for(sandbox: Sandbox) -> int:
    rows = sandbox.json("sandbox", "log", "--name", sandbox.name)
    mine = [row for row in rows if row["principal"].endswith(":user/analyst")]
    return sum(row["action"] == "GetClusterSessionCredentials" for row in mine)


async def test_a_kernel_outlives_its_pair(sandbox: Sandbox) -> None:
    async with running() as (manager, client):
        msg_id = client.execute("import time; print('on', flush=True); time.sleep(120)")
        await says(client, "on\n")
        before = pairs_asked_for(sandbox)
        sandbox.fault("expire-pairs", "--compute", "analytics")
        await manager.interrupt_kernel()
        assert (await reply_to(client, msg_id, wait=60))["content"]["ename"] == "KeyboardInterrupt"
        assert pairs_asked_for(sandbox) == before + 1

        sandbox.fault("expire-pairs", "--compute", "analytics")
        _, outputs = await execute(client, "print('goes on')")
        assert texts(outputs) == "goes on\n"
        await manager.restart_kernel()
        assert isinstance(manager.provisioner, EMRProvisioner)
        kernel_id = manager.provisioner.remote_kernel_id
        _, outputs = await execute(client, "print('time' in globals())")
        assert texts(outputs) == "False\n"
        assert pairs_asked_for(sandbox) == before + 2

        sandbox.fault("expire-pairs", "--compute", "analytics")
    assert kernel_id not in [row["kernel_id"] for row in sandbox.json("kernels", "--no-check")["items"]]
