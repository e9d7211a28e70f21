"""Backups from a real Jupyter server: what it saves comes to S3 by itself, and REST says so."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from jupyter_emr_connect.sandbox.aws.s3.stored import get_bucket

BUCKET = "emr-sandbox-notebooks"


@pytest.fixture
def jp_server_config(jp_server_config):
    settings = {"backup_location": f"s3://{BUCKET}/team/ada", "backup_pause": 0.0}
    return {**jp_server_config, "EMRConnect": {**jp_server_config["EMRConnect"], **settings}}


@pytest.fixture
def bucket(cloud):
    """Return the bytes of the bucket's objects by key."""
    return lambda: {name: key.value for name, key in get_bucket(BUCKET).keys.items()}


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
