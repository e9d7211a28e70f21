"""Backups from a real Jupyter server: what it saves comes to S3 by itself, and REST says so."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from jupyter_emr_connect.aws.s3 import S3Store
from jupyter_emr_connect.sandbox.aws.s3.stored import current_object, get_bucket

BUCKET = "emr-sandbox-notebooks"


@pytest.fixture
def jp_server_config(jp_server_config):
    folders = {"shared": f"s3://{BUCKET}/shared", "scratch": ""}
    settings = {"backup_location": f"s3://{BUCKET}/team/ada", "backup_locations": folders, "backup_pause": 0.0}
    return {**jp_server_config, "EMRConnect": {**jp_server_config["EMRConnect"], **settings}}


@pytest.fixture
def bucket(cloud):
    """Return the bytes of the bucket's objects by key."""
    found = get_bucket(BUCKET)
    return lambda: {name: key.value for name in list(found.keys) if (key := current_object(found, name))}


@pytest.fixture
def contents(jp_fetch):
    async def call(verb: str, path: str, body=None) -> None:
        sent = json.dumps(body) if body is not None else None
        await jp_fetch("api", "contents", *path.split("/"), method=verb, body=sent, allow_nonstandard_methods=True)

    return call


def notebook_of(text: str) -> dict:
    cell = {"id": "one", "cell_type": "markdown", "metadata": {}, "source": text}
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


async def comes_true(look, seconds: float = 60):
    """Wait until ``look`` returns something true, and return it."""
    end = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < end, await look()
        await asyncio.sleep(0.05)
    return found


@pytest.fixture
def state(rest):
    async def of(path: str) -> dict:
        """The item of a file, empty where there is none yet."""
        status = (await rest("GET", "backups/status", params={"path": path})).json
        return next((item for item in status["items"] if item["path"] == path), {})

    return of


@pytest.mark.slow
async def test_a_saved_notebook_is_in_s3_and_status_says_so(rest, contents, bucket, jp_root_dir, state):
    await contents("PUT", "work.ipynb", {"type": "notebook", "content": notebook_of("hello")})

    async def in_s3():
        item = await state("work.ipynb")
        return item if item.get("state") == "in S3" else None

    item = await comes_true(in_s3)
    assert item["key"] == "team/ada/work.ipynb"
    assert item["version_id"]
    assert item["saved_at"]
    assert item["waiting_since"] is None
    assert bucket()["team/ada/work.ipynb"] == (jp_root_dir / "work.ipynb").read_bytes()


@pytest.mark.slow
async def test_a_conflict_is_shown_and_resolved(rest, contents, bucket, jp_root_dir, state, cloud):
    await contents("PUT", "work.ipynb", {"type": "notebook", "content": notebook_of("base")})

    async def is_now(wanted: str):
        return (await state("work.ipynb")).get("state") == wanted

    await comes_true(lambda: is_now("in S3"))
    S3Store(BUCKET).put("team/ada/work.ipynb", json.dumps(notebook_of("theirs")).encode())  # by somebody else
    await contents("PUT", "work.ipynb", {"type": "notebook", "content": notebook_of("mine")})
    await comes_true(lambda: is_now("conflict"))
    shown = (await rest("GET", "backups/conflict", params={"path": "work.ipynb"})).json
    assert (shown["mergeable"], shown["merged"]) == (False, None)
    assert [(row["mine"]["source"], row["theirs"]["source"]) for row in shown["diff"]] == [("mine", "theirs")]
    assert (await rest("POST", "backups/resolve", {"path": "work.ipynb", "choice": "all"})).status == 400
    resolved = await rest("POST", "backups/resolve", {"path": "work.ipynb", "choice": "both"})
    assert resolved.status == 200
    assert json.loads((jp_root_dir / resolved.json["saved_present_as"]).read_text()) == notebook_of("theirs")
    await comes_true(lambda: is_now("in S3"))
    assert (await rest("GET", "backups/conflict", params={"path": "work.ipynb"})).status == 404


@pytest.mark.slow
async def test_renames_and_deletes_made_in_jupyter_are_followed(contents, bucket, state):
    for name in ("a", "b"):
        await contents("PUT", f"{name}.ipynb", {"type": "notebook", "content": notebook_of(name)})

    async def are(*names: str):
        return {key for key in bucket() if "/.emr-connect/" not in key} == {f"team/ada/{name}" for name in names}

    await comes_true(lambda: are("a.ipynb", "b.ipynb"))
    await contents("PATCH", "a.ipynb", {"path": "c.ipynb"})
    await contents("DELETE", "b.ipynb")
    await comes_true(lambda: are("c.ipynb"))


async def test_now_uploads_what_waits(rest, contents, bucket, jp_root_dir):
    (jp_root_dir / "made.ipynb").write_text(json.dumps(notebook_of("behind Jupyter's back")))

    async def comes():
        answer = await rest("POST", "backups/now", {})
        assert answer.status == 202
        return "team/ada/made.ipynb" in bucket()

    await comes_true(comes)


@pytest.mark.slow
async def test_status_says_since_when_and_why_s3_has_nothing(rest, contents, cloud, bucket):
    cloud.world.faults.set("deny:s3:PutObject")
    await contents("PUT", "work.ipynb", {"type": "notebook", "content": notebook_of("hello")})

    async def is_denied():
        status = (await rest("GET", "backups/status")).json
        return status if status["state"] == "denied" else None

    status = await comes_true(is_denied)
    assert "s3:PutObject" in status["message"]
    assert status["fix"]
    assert status["waiting"] == 1
    assert status["since"]
    assert status["items"][0]["waiting_since"]
    cloud.world.faults.clear()

    async def goes_on():
        await rest("POST", "backups/now", {})
        return "team/ada/work.ipynb" in bucket()

    await comes_true(goes_on)


@pytest.mark.slow
async def test_a_folder_goes_to_its_own_place_and_one_that_is_switched_off_to_none(rest, contents, bucket, state):
    for folder in ("scratch", "shared", "shared/below"):
        await contents("PUT", folder, {"type": "directory"})
        await contents("PUT", f"{folder}/a.ipynb", {"type": "notebook", "content": notebook_of(folder)})
    await contents("PUT", "a.ipynb", {"type": "notebook", "content": notebook_of("top")})

    async def are(*keys: str):
        return set(bucket()) == set(keys)

    await comes_true(lambda: are("shared/shared/a.ipynb", "shared/shared/below/a.ipynb", "team/ada/a.ipynb"))
    versions = (await rest("GET", "backups", params={"path": "shared/below/a.ipynb"})).json["items"]
    assert [version["latest"] for version in versions] == [True]
    assert await state("scratch/a.ipynb") == {}
    status = (await rest("GET", "backups/status", params={"path": "shared/a.ipynb"})).json
    assert status["location"] == f"s3://{BUCKET}/shared"
    await contents(
        "PATCH", "shared/a.ipynb", {"path": "moved.ipynb"}
    )  # its former object stays with what others have there
    await comes_true(
        lambda: are("shared/shared/a.ipynb", "shared/shared/below/a.ipynb", "team/ada/a.ipynb", "team/ada/moved.ipynb")
    )
    off = await rest("GET", "backups", params={"path": "scratch/a.ipynb"})
    assert off.json["code"] == "backups-off"
