"""Our REST API in a real Jupyter server with the real engines: attach, start a kernel, rename, and what fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Sandbox
from tests.sandbox.jupyter_server import Server, serving
from tests.sandbox.notebooks import write_notebook

pytestmark = pytest.mark.sandbox

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"
API = "/jupyter-emr-connect"
WHO = "import os; print(os.environ['KERNEL_USERNAME'])"


@asynccontextmanager
async def a_server(sandbox: Sandbox, folder: Path, *options: str) -> AsyncIterator[Server]:
    """Serve a folder with one notebook."""
    write_notebook(folder / "n.ipynb", "emr-python", "1")
    async with serving(sandbox, folder, *options) as server:
        yield server
        assert "Traceback" not in server.said


async def attach(server: Server, compute: str, role: str | None = ROLE, path: str = "n.ipynb") -> tuple[int, Any]:
    sent = {"compute": compute, "runtime_role": role, "path": path}
    return await server.call("POST", f"{API}/attachments", sent)


async def user_of_a_kernel(server: Server, path: str) -> str:
    """Start a kernel for the notebook; return as whom it runs."""
    status, session = await server.open_session(path, "emr-python")
    assert status == 201, session
    async with server.channels(session["kernel"]["id"]) as channels:
        said = await channels.printed(WHO)
    assert (await server.call("DELETE", f"/api/sessions/{session['id']}"))[0] == 204
    return said.strip()


async def everything(server: Server) -> list[dict[str, Any]]:
    """Return all computes once the list is complete."""
    while True:
        status, found = await server.call("GET", f"{API}/compute")
        assert status == 200, found
        if found["complete"]:
            assert found["errors"] == []
            return list(found["items"])


def expires_in(attachment: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(attachment["credentials_expire_at"]) - datetime.now(timezone.utc)


async def test_a_cluster_is_attached_and_keeps_a_notebook_that_is_renamed(sandbox: Sandbox, tmp_path: Path) -> None:
    async with a_server(sandbox, tmp_path) as server:
        rows = {(row["kind"], row["name"], row["account"]) for row in await everything(server)}
        assert rows >= {
            ("ec2", "analytics", "123456789012"),
            ("ec2", "shared", "210987654321"),
            ("eks", "notebooks", "123456789012"),
            ("serverless", "interactive", "123456789012"),
        }
        status, made = await attach(server, "analytics")
        assert status == 201, made
        assert (made["compute"], made["runtime_role"]) == (sandbox.compute("analytics")["id"], ROLE)
        assert timedelta(minutes=13) < expires_in(made) < timedelta(minutes=15)

        assert (await server.call("PATCH", "/api/contents/n.ipynb", {"path": "m.ipynb"}))[0] == 200
        (kept,) = (await server.call("GET", f"{API}/attachments"))[1]["items"]
        assert (kept["id"], kept["path"]) == (made["id"], "m.ipynb")
        assert kept["credentials_expire_at"] == made["credentials_expire_at"]
        assert await user_of_a_kernel(server, "m.ipynb") == "emranalyst"

        assert (await server.call("DELETE", f"{API}/attachments/{made['id']}"))[0] == 204
        assert (await server.call("GET", f"{API}/attachments"))[1]["items"] == []


async def test_an_endpoint_is_attached_by_name_id_and_arn(sandbox: Sandbox, tmp_path: Path) -> None:
    endpoint = sandbox.compute("notebooks")
    async with a_server(sandbox, tmp_path) as server:
        for text in ("notebooks", "team/notebooks", endpoint["arn"], endpoint["id"]):
            status, made = await attach(server, text)
            assert status == 201, (text, made)
            assert (made["compute"], made["path"]) == (endpoint["id"], "n.ipynb")
            assert timedelta(minutes=10) < expires_in(made) <= timedelta(hours=1)
        assert await user_of_a_kernel(server, "n.ipynb") == "emranalyst"


FAILURES = [  # credentials first, while none are in memory
    ("deny:GetClusterSessionCredentials", "credentials", "elasticmapreduce:GetClusterSessionCredentials"),
    ("down", "credentials", "No answer from"),
    ("black-hole", "gateway", "did not answer in time"),
    ("no-gateway", "gateway", "refused the connection"),
    ("bad-certificate", "gateway", "another host"),
    ("html", "gateway", "text/html"),
]


async def test_what_fails_names_its_hop_and_keeps_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    patience = [f"--EMRConnect.{name}_timeout=2" for name in ("connect", "credentials")]
    async with a_server(sandbox, tmp_path, *patience) as server:
        await everything(server)  # a loaded machine takes longer than that to load botocore and to connect
        for fault, hop, words in FAILURES:
            aws = hop == "credentials"
            sandbox.fault(fault, *([] if aws else ["--compute", "analytics"]))
            try:
                status, told = await attach(server, "analytics")
            finally:
                sandbox.fault("--off")
            assert (status >= 400, told["hop"]) == (True, hop), (fault, told)
            assert words in f"{told['message']} {told['fix']}", (fault, told)
            assert (await server.call("GET", f"{API}/attachments"))[1]["items"] == [], fault


async def test_a_private_ca_that_is_not_configured_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    unconfigured = replace(sandbox, env=sandbox.env | {"JUPYTER_CONFIG_PATH": str(tmp_path)})
    async with a_server(unconfigured, tmp_path) as server:
        status, told = await attach(server, "analytics")
        assert (status, told["hop"], "not trusted" in told["message"]) == (424, "gateway", True), told
        assert "certificate_authorities" in told["fix"]
