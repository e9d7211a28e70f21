"""``sandbox``: a start from the panel, with a small command in place of `jupyter emr sandbox`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_events import EventLogger

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import SandboxRefused
from jupyter_emr_connect.server.routes.base import SETTING
from jupyter_emr_connect.server.sandbox import ServerSandbox
from jupyter_emr_connect.services.audit import Audit

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"
COMMAND = """
import json, pathlib, sys, time
folder, verb = pathlib.Path(sys.argv[1]), sys.argv[2]
if verb == "up":
    print("Installing jars", file=sys.stderr, flush=True)
    (folder / "began").write_text("")
    while not (folder / "go").exists():
        time.sleep(0.05)
    if (folder / "fail").exists():
        print(json.dumps({"message": "The disk is full.", "fix": "Make room."}), file=sys.stderr)
        sys.exit(1)
print((folder / f"{verb}.json").read_text())
"""


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """The variables of this process, which a sandbox that is used takes over, are put back."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def jp_server_config(jp_server_config):
    settings = {**jp_server_config["EMRConnect"], "offer_sandbox": True, "regions": ["eu-west-1"]}
    return {**jp_server_config, "EMRConnect": settings}


@pytest.fixture
def folder(cloud, jp_serverapp, tmp_path) -> Path:
    """Where the command finds what it prints: the way to the emulated AWS as another user than before."""
    folder = tmp_path / "command"
    (folder / "jupyter").mkdir(parents=True)
    settings = {"certificate_authorities": {"j-1": "ca.pem"}, "runtime_roles": [ROLE], "access_roles": []}
    (folder / "jupyter" / "jupyter_emr_connect_config.json").write_text(json.dumps({"EMRConnect": settings}))
    status = {"computes": [{"id": "j-0", "name": "open"}, {"id": "j-1", "name": "analytics"}], "roles": [ROLE]}
    (folder / "up.json").write_text(json.dumps(status))
    led = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    led |= {"AWS_PROFILE": "administrator", "JUPYTER_CONFIG_PATH": str(folder / "jupyter")}
    (folder / "env.json").write_text(json.dumps(led))
    (folder / "command.py").write_text(COMMAND)
    sandbox = jp_serverapp.web_app.settings[SETTING].sandbox
    sandbox.command = (sys.executable, str(folder / "command.py"), str(folder))
    return folder


async def said(rest: Any, state: str, stage: str | None = None) -> Any:
    """Ask until it is so."""
    while True:
        answer = (await rest("GET", "sandbox")).json
        if (answer["state"], answer["stage"]) == (state, stage):
            return answer
        await asyncio.sleep(0.05)


async def test_once_started_the_server_asks_it_in_place_of_aws(rest, folder, jp_serverapp) -> None:
    os.environ["AWS_ROLE_ARN"] = "arn:aws:iam::999999999999:role/Mine"
    before = (await rest("GET", "sandbox")).json
    assert (before["offered"], before["state"], before["proposal"]) == (True, "none", None)
    assert (await rest("POST", "sandbox")).status == 202
    began = (await said(rest, "starting", "Installing jars"))["since"]
    assert (await rest("POST", "sandbox")).json["since"] == began  # a second tab starts no second one
    (folder / "go").write_text("")
    used = await said(rest, "used")
    assert (used["proposal"], used["problem"]) == ({"compute": "j-1", "runtime_role": ROLE}, None)
    assert (await rest("GET", "identity")).json["arn"].endswith("user/administrator")
    assert "AWS_ROLE_ARN" not in os.environ
    config = jp_serverapp.web_app.settings[SETTING].config
    assert (config.runtime_roles, config.regions, config.certificate_authorities) == ([ROLE], [], {"j-1": "ca.pem"})


async def test_a_start_that_fails_or_is_cancelled_changes_nothing_and_is_tried_again(rest, folder) -> None:
    before = dict(os.environ)
    (folder / "fail").write_text("")
    await rest("POST", "sandbox")
    await said(rest, "starting", "Installing jars")
    (folder / "go").write_text("")
    problem = (await said(rest, "none"))["problem"]
    assert (problem["code"], problem["message"], problem["fix"]) == ("sandbox-start", "The disk is full.", "Make room.")
    (folder / "go").unlink()
    assert (await rest("POST", "sandbox")).json["problem"] is None
    await said(rest, "starting", "Installing jars")
    answer = await rest("DELETE", "sandbox")
    assert (answer.status, answer.json["state"], answer.json["problem"]) == (200, "none", None)
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("settings", "kernels", "why"),
    [
        ({"backup_location": "s3://bucket/prefix"}, 0, "backed up"),
        ({"backup_locations": {"work": "s3://bucket/prefix"}}, 0, "backed up"),
        ({}, 2, "2 kernels of this server run on AWS"),
        ({"offer_sandbox": False}, 0, "switched the sandbox off"),
    ],
)
async def test_a_server_that_must_keep_its_aws_starts_none(settings: dict[str, Any], kernels: int, why: str) -> None:
    audit = Audit(EventLogger(), logging.getLogger(), "rest")
    sandbox = ServerSandbox(EMRConnect(**settings), logging.getLogger(), audit, lambda: None)
    sandbox.command = (sys.executable, "-c", "raise SystemExit(1)")
    with pytest.raises(SandboxRefused, match=why):
        sandbox.start(kernels=kernels, user=None)
    assert not sandbox.is_starting
    assert sandbox.to_json()["offered"] is settings.get("offer_sandbox", True)
