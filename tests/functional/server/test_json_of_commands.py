"""``--json`` of a command is the body that REST gives for the same resource, as ``openapi.yaml`` describes it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.services.roles import forget_checks
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.functional.server.specification import validate


@pytest.fixture
def command(emr, rest, gateway, tmp_path, jp_serverapp, jp_server_config):
    """Type a command that reads the server's state file; return its JSON after holding it against a schema."""
    settings = {**jp_server_config["EMRConnect"], "runtime_roles": ["nonsense"], "connect_timeout": 30.0}
    jp_serverapp.web_app.settings["emr_connect"].connect_timeout = 30.0  # so that both see the same on a busy machine
    (tmp_path / "config" / "jupyter_emr_connect_config.json").write_text(json.dumps({"EMRConnect": settings}))

    async def call(schema: str, *words: str, code: int = 0) -> Any:
        ended = await asyncio.to_thread(emr, *words, "--json")  # commands have an event loop of their own
        assert ended.code == code, ended.err
        body = ended.json
        identity = body.pop("identity") if words[0] == "status" else None
        validate({"$ref": f"#/components/schemas/{schema}"}, body)
        return (body, identity) if words[0] == "status" else body

    return call


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    assert set(names) <= set(body)
    return {name: value for name, value in body.items() if name not in names}


async def test_list_is_the_body_of_compute(cloud, rest, command):
    cloud.world.faults.set("deny:ListApplications")
    printed = await command("ComputeList", "list", "--sort", "name")
    assert [error["iam_action"] for error in printed["errors"]] == ["emr-serverless:ListApplications"]
    answered = (await rest("GET", "compute", params={"sort": "name", "wait": "30"})).json
    while answered["to_describe"] or not answered["complete"]:
        answered = (await rest("GET", "compute", params={"sort": "name", "wait": "1"})).json
    own = ("as_of", "version", "stored", "refreshing")  # of the process that read the list
    assert without(printed, *own) == without(answered, *own)
    assert printed["items"]


async def test_show_is_the_body_of_one_compute(rest, command):
    assert await command("ComputeDetails", "show", "open") == (await rest("GET", "compute/ec2/open")).json


@pytest.mark.slow
@pytest.mark.parametrize("compute", [None, "analytics", "open"])
async def test_roles_is_the_body_of_runtime_roles(jp_serverapp, rest, command, compute):
    jp_serverapp.web_app.settings["emr_connect"].runtime_roles = ["nonsense"]
    forget_checks()
    printed = await command("RuntimeRoleList", "roles", *([compute] if compute else []))
    answered = (await rest("GET", "runtime-roles", params={"compute": compute or ""})).json
    assert without(printed, "as_of") == without(answered, "as_of")
    assert [error["code"] for error in printed["errors"]] == ([] if compute == "open" else ["runtime-role-malformed"])


@pytest.mark.parametrize("check", [True, False])
async def test_kernels_is_the_body_of_kernels(cloud, jp_serverapp, rest, command, check):
    ledger = Ledger(Database(jp_serverapp.web_app.settings["emr_connect"].state_file))
    for kernel_id, compute in (("k1", "j-NOWHERE"), ("k2", cloud.id("open"))):
        ledger.add(KernelRecord(kernel_id, compute, "emr-python", "http://h:1", region="us-east-1", state="detached"))
    printed = await command("KernelList", "kernels", *([] if check else ["--no-check"]))
    answered = (await rest("GET", "kernels", params={"check": str(check).lower()})).json
    assert without(printed, "as_of") == without(answered, "as_of")
    assert {kernel["kernel_id"] for kernel in printed["items"]} == {"k1", "k2"}
    assert [error["code"] for error in printed["errors"]] == (["compute-not-found"] if check else [])


async def test_status_is_the_body_of_attachments_and_of_identity(jp_root_dir, rest, command, notebook):
    made = (await rest("POST", "attachments", {"compute": "open", "path": "work/report.ipynb"})).json
    printed, identity = await command("AttachmentList", "status")
    answered = (await rest("GET", "attachments")).json
    assert answered["items"] == [without(made, "kernels")]
    for attachment in printed["items"]:
        attachment["path"] = str(Path(attachment["path"]).relative_to(jp_root_dir.resolve()))
    assert without(printed, "as_of") == without(answered, "as_of")
    assert identity == (await rest("GET", "identity")).json


async def test_status_says_why_the_caller_is_not_known(command, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    printed, identity = await command("AttachmentList", "status", code=1)
    assert (identity, [error["code"] for error in printed["errors"]]) == (None, ["no-credentials"])


async def test_attach_is_the_body_of_an_attachment(command, notebook, rest):
    await command("Attachment", "attach", "open", str(notebook))
