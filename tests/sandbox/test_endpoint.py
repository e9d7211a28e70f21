"""Kernels on an EMR on EKS endpoint as a user has them: through the provisioner, with tokens that he never sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jupyter_emr_connect.errors import GatewayCertificate, KernelspecMissing
from jupyter_emr_connect.provisioning import EMRProvisioner
from tests.conftest import Sandbox
from tests.sandbox.doors import ROLE, endpoint_doors, token_of
from tests.sandbox.kernels import attached_to, execute, of_type, published, reply_to, running, says, texts
from tests.sandbox.notebooks import printed, write_notebook

pytestmark = pytest.mark.sandbox

USER = "print(sc.sparkUser(), sc.parallelize(range(1000), 1).sum())"


@pytest.fixture(autouse=True)
def attached(sandbox: Sandbox) -> Iterator[None]:
    with attached_to(sandbox, "notebooks"):
        yield
        sandbox.fault("--off")


def tokens_asked_for(sandbox: Sandbox) -> int:
    rows = sandbox.json("sandbox", "log", "--name", sandbox.name)
    return sum(row["action"] == "GetManagedEndpointSessionCredentials" for row in rows)


async def kernels_of(sandbox: Sandbox, role: str) -> set[str]:
    async with endpoint_doors(sandbox, token_of(sandbox, role)) as (door,):
        return {row["id"] for row in (await door.ask("GET", "/api/kernels")).json}


async def test_without_a_role_spark_runs_as_the_execution_role_and_comes_back_when_killed(sandbox: Sandbox) -> None:
    async with running("emr-pyspark") as (manager, client):
        reply, outputs = await execute(client, USER)
        assert (reply["content"]["status"], texts(outputs)) == ("ok", "emranalyst 499500\n")
        assert isinstance(manager.provisioner, EMRProvisioner)
        kernel_id = manager.provisioner.remote_kernel_id
        _, outputs = await execute(client, "import os; print(os.getpid())")
        (driver,) = [one for one in psutil.Process(int(texts(outputs))).children() if one.name() == "java"]
        assert driver.memory_info().rss < 450e6
        assert kernel_id in await kernels_of(sandbox, "EMRAnalyst")
        assert kernel_id not in await kernels_of(sandbox, "EMREngineer")

        msg_id = client.execute("print('on', flush=True)\nimport time; time.sleep(120)")
        await says(client, "on\n")
        sandbox.fault("kill-kernel", "--compute", "notebooks")
        (error,) = of_type(await published(client, msg_id), "error")
        assert error["content"]["ename"] == "KernelDied"
        assert await manager.is_alive()
        driver.wait(60)
        _, outputs = await execute(client, USER)
        assert texts(outputs) == "emranalyst 499500\n"
        _, outputs = await execute(client, "import os; print(os.getpid())")
        (driver,) = [one for one in psutil.Process(int(texts(outputs))).children() if one.name() == "java"]
    assert kernel_id not in await kernels_of(sandbox, "EMRAnalyst")
    driver.wait(60)


async def test_a_chosen_role_is_another_user_who_works_beside(sandbox: Sandbox, tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "emr-pyspark", USER)
    out = tmp_path / "out.ipynb"
    async with running("emr-python") as (_, client):
        words = ["run", str(notebook), "--compute", "notebooks", "-o", str(out)]
        done = sandbox.cli(*words, "--runtime-role", ROLE.format("EMREngineer"))
        assert done.returncode == 0, done.stderr
        assert "emrengineer 499500" in "".join(printed(out))
        _, outputs = await execute(client, "import os; print(os.environ['KERNEL_USERNAME'])")
        assert texts(outputs) == "emranalyst\n"


async def test_tokens_that_expire_are_renewed_unnoticed(sandbox: Sandbox) -> None:
    async with running("emr-python") as (manager, client):
        msg_id = client.execute("import time; print('on', flush=True); time.sleep(120)")
        await says(client, "on\n")
        before = tokens_asked_for(sandbox)
        sandbox.fault("expire-tokens")
        await manager.interrupt_kernel()
        assert (await reply_to(client, msg_id, wait=60))["content"]["ename"] == "KeyboardInterrupt"
        assert tokens_asked_for(sandbox) == before + 1

        sandbox.fault("expire-tokens")
        sandbox.fault("cut-sockets", "--compute", "notebooks")
        _, outputs = await execute(client, "print('goes on')")
        assert texts(outputs) == "goes on\n"
        await manager.restart_kernel()
        _, outputs = await execute(client, "print('time' in globals())")
        assert texts(outputs) == "False\n"
        assert tokens_asked_for(sandbox) == before + 2


@pytest.mark.parametrize("name", ["emr-spark", "emr-sparkr"])
async def test_what_the_endpoint_does_not_offer_is_named_beside_what_it_does(name: str) -> None:
    with pytest.raises(KernelspecMissing, match="python_kubernetes, spark_python_kubernetes"):
        async with running(name):
            pass


async def test_a_certificate_for_another_host_is_refused(sandbox: Sandbox) -> None:
    sandbox.fault("bad-certificate", "--compute", "notebooks")
    with pytest.raises(GatewayCertificate, match="another host"):
        async with running("emr-python"):
            pass


def test_a_role_that_may_not_be_taken_is_refused_before_anything_starts(sandbox: Sandbox) -> None:
    done = sandbox.cli("attach", "notebooks", ".", "--runtime-role", ROLE.format("EMRForbidden"))
    assert done.returncode == 1
    assert "may not take the execution role" in done.stderr
    assert "emr-containers:GetManagedEndpointSessionCredentials" in done.stderr
