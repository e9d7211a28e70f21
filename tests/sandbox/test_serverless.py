"""EMR Serverless from its real host name: signed requests, a real Livy and Spark behind, and what is refused."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.config import EMRConnect, load_config
from jupyter_emr_connect.errors import LivyError, LivyRefused, NotLivy, SessionGone
from jupyter_emr_connect.http.auth import HTTPRequest, NoAuth
from jupyter_emr_connect.livy.client import LivyClient
from jupyter_emr_connect.livy.session import LivySession
from jupyter_emr_connect.livy.statement import run_statement
from jupyter_emr_connect.livy.target import LivyTarget
from jupyter_emr_connect.models import Attachment
from jupyter_emr_connect.services.attachments.connect import connect
from jupyter_emr_connect.services.attachments.handover import ROLE_CONF, required_conf
from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to, with_settings

pytestmark = pytest.mark.sandbox
DEMO = Path(__file__).parents[2] / "examples" / "demo.ipynb"
ANALYST = "arn:aws:iam::123456789012:role/EMRAnalyst"


@pytest.fixture(autouse=True)
def attached(sandbox: Sandbox) -> Iterator[None]:
    with attached_to(sandbox, "interactive", ANALYST):
        yield


async def target_of(profile: str = "developer") -> LivyTarget:
    config = EMRConnect(config=load_config())
    connection = await connect(config, Attachment("interactive", ANALYST, "livy", profile=profile))
    assert isinstance(connection.target, LivyTarget)
    return connection.target


def body(role: str = ANALYST, **more: Any) -> dict[str, Any]:
    return {"name": "emr-connect-test", "kind": "pyspark", "conf": required_conf("serverless", role), **more}


def test_a_notebook_runs_under_its_role_from_a_machine_without_a_way_into_the_vpc(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    output = tmp_path / "out.ipynb"
    options = ("--compute", "interactive", "--runtime-role", "EMRAnalyst", "-p", "trips", "1000", "-o", str(output))
    done = sandbox.cli("run", str(DEMO), *options)
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(output, as_version=4).cells
    assert "".join(one.get("text", "") for one in cells[-1].outputs) == (
        "1,000 trips, Spark 3.5.9, as user emranalyst\n"
    )
    tables = [
        one.data["text/plain"] for cell in cells if cell.cell_type == "code" for one in cell.outputs if "data" in one
    ]
    assert any(text.splitlines()[1].split() == ["Accra", "250"] for text in tables)


async def test_a_session_is_seen_by_the_principal_that_made_it_alone(sandbox: Sandbox) -> None:
    mine, others = LivyClient(await target_of()), LivyClient(await target_of("analyst"))
    session = LivySession(mine, "emr-connect-mine", "pyspark", {"conf": required_conf("serverless", ANALYST)})
    try:
        await session.start(120)
        assert (await run_statement(session, "sc.sparkUser()")).data == {"text/plain": "'emranalyst'"}
        assert [view["id"] for view in await mine.sessions()] == [session.id]
        assert await others.sessions() == []
        with pytest.raises(SessionGone):
            await others.session(session.id)
        with pytest.raises(SessionGone):
            await others.run(session.id, "1")
    finally:
        await session.remove()
        await mine.close()
        await others.close()


async def test_who_does_not_sign_or_signs_wrongly_is_refused(sandbox: Sandbox) -> None:
    target = await target_of()
    for auth, words in ((NoAuth(), "Authentication Token"), (Spoiled(target), "signature")):
        client = LivyClient(replace(target, auth=auth))
        with pytest.raises(LivyRefused, match=words):
            await client.sessions()
        await client.close()


class Spoiled(NoAuth):
    """Signs one request and sends another."""

    def __init__(self, target: LivyTarget) -> None:
        self._auth = target.auth

    async def prepare(self, request: HTTPRequest) -> HTTPRequest:
        signed = await self._auth.prepare(request)
        return replace(signed, url=f"{signed.url}?size=7")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (body("arn:aws:iam::123456789012:role/EMRForbidden"), "not authorized to perform: iam:PassRole"),
        (body(kind="sparkr"), "kind of a session"),
        ({"name": "emr-connect-test", "kind": "pyspark"}, "executionRoleArn"),
    ],
)
async def test_a_session_that_aws_would_not_make_is_refused_in_its_words(wanted: dict[str, Any], words: str) -> None:
    client = LivyClient(await target_of())
    with pytest.raises(LivyError, match=words):
        await client.create(wanted)
    await client.close()


async def test_only_documented_calls_are_there() -> None:
    client = LivyClient(replace(await target_of(), reduced=False))
    for call in (client.version(), client.log(0), client.complete(0, "sp", "pyspark", 2)):
        with pytest.raises(NotLivy):
            await call
    await client.close()


async def test_a_stopped_application_is_started_by_the_first_cell(sandbox: Sandbox, tmp_path: Path) -> None:
    session = open_session("developer", "us-east-1")
    administrator = open_session("administrator", "us-east-1")
    ident = sandbox.compute("interactive")["id"]

    def state() -> str:
        return str(session.call("emr-serverless", "GetApplication", applicationId=ident)["application"]["state"])

    administrator.call("emr-serverless", "StopApplication", applicationId=ident)
    for _ in range(200):
        if await asyncio.to_thread(state) == "STOPPED":
            break
        await asyncio.sleep(0.2)
    notebook = tmp_path / "one.ipynb"
    spec = {"kernelspec": {"name": "emr-pyspark", "display_name": "P"}}
    nbformat.write(
        nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell("1 + 1, spark.conf.get('spark.sql.shuffle.partitions')")], metadata=spec
        ),
        notebook,
    )
    options = ("--compute", "interactive", "--runtime-role", "EMRAnalyst", "-o", str(notebook))
    theirs = {"session_settings": {"interactive": {"conf": {"spark.sql.shuffle.partitions": "5", ROLE_CONF: "other"}}}}
    configured = with_settings(sandbox, tmp_path / "config", theirs)
    done = await asyncio.to_thread(configured.cli, "run", str(notebook), *options)
    assert done.returncode == 0, done.stderr
    assert state() == "STARTED"
    outputs = nbformat.read(notebook, as_version=4).cells[0].outputs
    said = "".join(one.get("text", "") for one in outputs)
    assert said.startswith("Application interactive was started in ")
    assert said.endswith("(2, '5')\n")
    assert "EMR_CONNECT_ROUTES" in os.environ
