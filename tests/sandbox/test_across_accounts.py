"""Spark across accounts as a user has it (reference 8.6), by the configuration that comes with the sandbox.

Option 1, an access role, and option 3, another account's runtime role, run here. Option 2, data of another account, is
a question to S3 alone: ``tests/functional/services/roles/test_cross_account_roles.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Sandbox
from tests.sandbox.jupyter_server import serving
from tests.sandbox.notebooks import printed, write_notebook

pytestmark = pytest.mark.sandbox

PARTNER = "arn:aws:iam::210987654321:role/EMRPartner"
ACCESS = "arn:aws:iam::210987654321:role/EMRAccess"
USER = "print(sc.sparkUser(), sc.parallelize(range(1000), 1).sum())"


def calls(sandbox: Sandbox, action: str) -> list[str]:
    """Return who made these calls, the latest last."""
    rows = sandbox.json("sandbox", "log", "--name", sandbox.name)
    return [row["principal"] for row in rows if row["action"] == action and row["status"] == 200]


async def test_option_1_a_notebook_attached_through_an_access_role(sandbox: Sandbox, tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "emr-pyspark", USER)
    (offered,) = [one for one in sandbox.json("roles", "shared")["items"] if one["arn"] == PARTNER]
    assert (offered["source"], offered["usable"]) == ("configuration", True)
    made = sandbox.json("attach", "shared", str(notebook), "--runtime-role", PARTNER)
    assert (made["compute"], made["access_role"]) == (sandbox.compute("shared")["id"], ACCESS)
    async with serving(sandbox, tmp_path) as server:
        status, session = await server.open_session("n.ipynb", "emr-pyspark")
        assert status == 201, session
        async with server.channels(session["kernel"]["id"]) as channels:
            await channels.printed(USER)  # says that Spark starts
            assert await channels.printed(USER) == "emrpartner 499500"
    assert ":assumed-role/EMRAccess/" in calls(sandbox, "GetClusterSessionCredentials")[-1]
    assert sandbox.cli("detach", str(notebook)).returncode == 0


@pytest.mark.full
def test_option_3_the_other_accounts_runtime_role_on_a_cluster_of_ours(sandbox: Sandbox, tmp_path: Path) -> None:
    notebook, out = write_notebook(tmp_path / "n.ipynb", "emr-pyspark", USER), tmp_path / "out.ipynb"
    done = sandbox.cli("run", str(notebook), "--compute", "analytics", "--runtime-role", PARTNER, "-o", str(out))
    assert done.returncode == 0, done.stderr
    assert "emrpartner 499500" in "".join(printed(out))
    assert calls(sandbox, "GetClusterSessionCredentials")[-1].endswith(":user/developer")
