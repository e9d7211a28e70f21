"""A real Jupyter server that is killed while S3 is away: the next one brings all to S3, each notebook once."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import time

import pytest
from jupyter_server import serverapp

from jupyter_emr_connect.sandbox.aws.s3.stored import current_object, get_bucket
from tests.conftest import Sandbox, clean_environment
from tests.sandbox.jupyter_server import serving

BUCKET = "emr-sandbox-notebooks"
LOCATION = f"--EMRConnect.backup_location=s3://{BUCKET}/team"


def notebook_of(text: str) -> dict:
    cell = {"id": "one", "cell_type": "markdown", "metadata": {}, "source": text}
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def home(cloud, tmp_path):
    """The environment of a user's server, and the folder it serves."""
    aws = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "JUPYTER_"))}
    env = clean_environment() | aws | {"JUPYTER_RUNTIME_DIR": str(tmp_path / "run")}
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return Sandbox("none", env), folder


async def save(server, path: str, text: str) -> None:
    status, _ = await server.call("PUT", f"/api/contents/{path}", {"type": "notebook", "content": notebook_of(text)})
    assert status in (200, 201)


async def state_of(server) -> dict:
    status, answer = await server.call("GET", "/jupyter-emr-connect/backups/status")
    assert status == 200
    return answer


async def comes(server, look, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not look(found := await state_of(server)):
        assert time.monotonic() < end, found
        await server.call("POST", "/jupyter-emr-connect/backups/now", {})
        await asyncio.sleep(0.1)


@pytest.mark.skipif(
    "getsockname" not in inspect.getsource(serverapp),
    reason="this jupyter_server does not tell which port it has taken",
)
@pytest.mark.slow
@pytest.mark.full
@pytest.mark.faults
async def test_what_a_killed_server_could_not_send_is_sent_once_by_the_next(home, cloud, soak):
    sandbox, folder = home
    count, seconds = soak.choose(6, 200), soak.choose(0, 600)
    async with serving(sandbox, folder, LOCATION) as server:
        await save(server, "deleted.ipynb", "deleted")
        await save(server, "old.ipynb", "renamed")
        await comes(server, lambda status: status["state"] == "in S3" and len(status["items"]) == 2)
        cloud.world.faults.set("down")
        for number in range(count):
            await save(server, f"{number}.ipynb", "before")
            await save(server, f"{number}.ipynb", str(number))
        await server.call("PATCH", "/api/contents/old.ipynb", {"path": "new.ipynb"})
        await server.call("DELETE", "/api/contents/deleted.ipynb")
        await comes(server, lambda status: status["waiting"] == count + 3 and status["since"] and status["message"])
        await asyncio.sleep(seconds)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    before = cloud.calls("PutObject")
    cloud.world.faults.clear()
    async with serving(sandbox, folder, LOCATION) as server:
        await comes(server, lambda status: (status["state"], status["waiting"]) == ("in S3", 0))
    found = get_bucket(BUCKET)
    objects = {name: key.value for name in list(found.keys) if (key := current_object(found, name))}
    names = [*(f"{number}.ipynb" for number in range(count)), "new.ipynb"]
    assert objects == {f"team/{name}": (folder / name).read_bytes() for name in names}
    assert cloud.calls("PutObject") - before == len(names)
    assert json.loads(objects["team/5.ipynb"])["cells"][0]["source"] in ("5", ["5"])
    soak.note(f"S3 away for {seconds} s, the server killed meanwhile: {count} notebooks sent once each by the next")
