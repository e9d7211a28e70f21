"""EMR on EKS by Livy, and Livy servers that AWS does not list: who is let in, with a real Livy behind."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import nbformat
import pytest

from jupyter_emr_connect.aws.emr_containers import endpoint_token
from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import LivyRefused
from jupyter_emr_connect.http.auth import Auth, BasicAuth, NoAuth, TokenAuth
from jupyter_emr_connect.livy.client import LivyClient
from jupyter_emr_connect.livy.target import LivyTarget
from jupyter_emr_connect.services.compute.lookup import find
from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to

pytestmark = pytest.mark.sandbox
ANALYST, ENGINEER = (f"arn:aws:iam::123456789012:role/{name}" for name in ("EMRAnalyst", "EMREngineer"))


async def status_of(sandbox: Sandbox, auth: Auth) -> int | None:
    """Return what the endpoint's front refuses these credentials with."""
    with attached_to(sandbox, "livy"):
        compute = find(EMRConnect(), "livy")
    trust = ssl.create_default_context(cadata=compute.certificate)
    client = LivyClient(LivyTarget(str(compute.host), trust, auth))
    try:
        with pytest.raises(LivyRefused) as raised:
            await client.first_page()
    finally:
        await client.close()
    return raised.value.status


async def test_an_endpoint_lets_in_a_token_with_its_own_id_alone(sandbox: Sandbox) -> None:
    with attached_to(sandbox, "livy"):
        virtual_cluster, _, endpoint = sandbox.compute("livy")["id"].partition("/")
        token = endpoint_token(open_session(), virtual_cluster, endpoint, ANALYST, 900)
        team, _, notebooks = sandbox.compute("notebooks")["id"].partition("/")
        others = endpoint_token(open_session(), team, notebooks, ANALYST, 900)
    for auth in (NoAuth(), BasicAuth("", token.token), BasicAuth(others.id, others.token), TokenAuth(token.token)):
        assert await status_of(sandbox, auth) == 401


def run(sandbox: Sandbox, folder: Path, *options: str, **env: str) -> list[str]:
    """Run two cells and return what each printed."""
    notebook, output = folder / "notebook.ipynb", folder / "out.ipynb"
    spec = {"kernelspec": {"name": "emr-pyspark", "display_name": "PySpark"}}
    cells = [
        nbformat.v4.new_code_cell(code) for code in ("sc.parallelize(range(10), 1).count()", "print(sc.sparkUser())")
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=spec), notebook)
    done = sandbox.cli("run", str(notebook), *options, "-o", str(output), **env)
    assert done.returncode == 0, done.stderr
    return ["".join(one["text"] for one in cell.outputs) for cell in nbformat.read(output, as_version=4).cells]


@pytest.mark.full
def test_a_notebook_runs_on_an_endpoint_as_its_execution_role_or_a_chosen_one(sandbox: Sandbox, tmp_path: Path) -> None:
    assert run(sandbox, tmp_path, "--compute", "livy") == ["10\n", "emranalyst\n"]
    assert run(sandbox, tmp_path, "--compute", "livy", "--runtime-role", "EMREngineer")[1] == "emrengineer\n"


@pytest.mark.full
def test_servers_that_an_administrator_names_run_notebooks(sandbox: Sandbox, tmp_path: Path) -> None:
    computes = {name: sandbox.compute(name) for name in ("open", "ldap", "livy")}
    with attached_to(sandbox, "livy"):
        certificate = tmp_path / "endpoint.pem"
        certificate.write_text(find(EMRConnect(), "livy").certificate or "")
    given = Path(sandbox.env["JUPYTER_CONFIG_PATH"].split(":")[0]) / "jupyter_emr_connect_config.json"
    authorities = json.loads(given.read_text())["EMRConnect"]["certificate_authorities"]
    settings: dict[str, Any] = {
        "livy_endpoints": {
            "plain": {"url": computes["open"]["livy_url"]},
            "team": {"url": computes["ldap"]["livy_url"], "auth": "basic"},
            "eks": {"url": computes["livy"]["livy_url"], "auth": "endpoint", "endpoint": computes["livy"]["id"]},
        },
        "livy_secrets": {"team": "emr-sandbox/ldap/grace"},
        "certificate_authorities": {"team": authorities[computes["ldap"]["id"]], "eks": str(certificate)},
    }
    config = tmp_path / "config"
    config.mkdir()
    (config / "jupyter_emr_connect_config.json").write_text(json.dumps({"EMRConnect": settings}))
    env = {"JUPYTER_CONFIG_PATH": str(config)}
    assert run(sandbox, tmp_path, "--compute", "plain", **env) == ["10\n", "hadoop\n"]
    assert run(sandbox, tmp_path, "--compute", "livy/team", **env)[1] == "grace\n"
    assert run(sandbox, tmp_path, "--compute", "eks", "--runtime-role", ENGINEER, **env)[1] == "emrengineer\n"
