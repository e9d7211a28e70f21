"""One of several places in S3 is wrong, or a folder has none: each file is told its own reason."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import BackupsOff, ConfigurationError
from jupyter_emr_connect.server.backups.backups import ServerBackups

BUCKET = "s3://emr-sandbox-notebooks"
FOLDERS = {"wrong": "emr-sandbox-notebooks/wrong", "scratch": ""}


@pytest.fixture
def backups(cloud: Any, tmp_path: Any) -> Iterator[ServerBackups]:
    """The backups of a server with a place for most files, a wrong one, and a folder without any."""
    root = tmp_path / "root"
    root.mkdir()
    config = EMRConnect(
        state_file=str(tmp_path / "state.sqlite"), backup_location=f"{BUCKET}/team", backup_locations=FOLDERS
    )
    made = ServerBackups(config, SimpleNamespace(root=str(root)), logging.getLogger("test"))  # type: ignore[arg-type]
    made.start(SimpleNamespace(subscribe=lambda subscriber: None), None)  # type: ignore[arg-type]
    yield made
    asyncio.run(made.close())


def test_each_file_has_its_own_reason(backups: ServerBackups) -> None:
    assert backups.at("a.ipynb").store.location == f"{BUCKET}/team"
    with pytest.raises(ConfigurationError, match="'emr-sandbox-notebooks/wrong', which is no place in S3"):
        backups.at("wrong/a.ipynb")
    with pytest.raises(BackupsOff, match=r"scratch/a.ipynb has no backups: its folder has no place in S3") as off:
        backups.at("scratch/a.ipynb")
    assert "EMRConnect.backup_locations" in off.value.fix


def test_the_status_tells_of_the_place_that_is_wrong(backups: ServerBackups) -> None:
    whole = backups.status("")
    assert (whole["state"], whole["location"]) == ("failed", f"{BUCKET}/team")
    assert "no place in S3" in whole["message"]
    assert whole["fix"] == "Write it as s3://bucket/prefix."
    told = {path: backups.status(path) for path in ("a.ipynb", "wrong/a.ipynb", "scratch/a.ipynb")}
    assert {path: (status["state"], status["location"]) for path, status in told.items()} == {
        "a.ipynb": ("in S3", f"{BUCKET}/team"),
        "wrong/a.ipynb": ("failed", None),
        "scratch/a.ipynb": ("off", None),
    }
    assert "no place in S3" in told["wrong/a.ipynb"]["message"]
    assert told["scratch/a.ipynb"]["message"] == "scratch/a.ipynb has no backups: its folder has no place in S3."
