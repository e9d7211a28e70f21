"""A folder with backups in the emulated S3, and a worker whose steps the test takes itself."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.sandbox.aws.s3.stored import current_object, get_bucket
from jupyter_emr_connect.services.backups.location import open_queue
from jupyter_emr_connect.services.backups.noting import ChangeWriter
from jupyter_emr_connect.services.backups.scope import open_scope
from jupyter_emr_connect.services.backups.status import status_of
from jupyter_emr_connect.services.backups.worker import BackupWorker, scan
from jupyter_emr_connect.store.backups import BackupStore

BUCKET = "emr-sandbox-notebooks"


def notebook_of(text: str, **more: str) -> str:
    """Return a notebook with a cell for each text; cells are named by keyword, the first is ``one``."""
    cells = [
        {"id": name, "cell_type": "markdown", "metadata": {}, "source": source}
        for name, source in {"one": text, **more}.items()
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


@dataclass
class Folder:
    """A server's folder whose backups are made step by step."""

    root: Path
    config: EMRConnect
    store: BackupStore = field(init=False)
    worker: BackupWorker = field(init=False)

    def __post_init__(self) -> None:
        """Open the queue as a process that begins does."""
        self.root.mkdir(exist_ok=True)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Be another process, which knows what the disk and the queue know."""
        self.store = open_queue(self.config, str(self.root))
        self.worker = BackupWorker(self.config, str(self.root), self.store)

    def write(self, path: str, text: str) -> None:
        """Write a file without anybody being told."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def save(self, path: str, text: str) -> None:
        """Write a file as Jupyter does, and note it."""
        self.write(path, text)
        self.store.save([path])

    def scan(self) -> int:
        """Look for what changed behind Jupyter's back."""
        return scan(self.config, str(self.root), self.store)

    def work(self) -> None:
        """Do all that waits, however long it should wait, until nothing is left that can be done now."""
        unchanged = 0
        while unchanged < 2:  # what waits for another file is not due in the round before
            self.store.push()
            rows = self.store.due(64)
            if not rows:
                return
            before = self._waiting()
            self.worker.do(rows)
            unchanged = unchanged + 1 if self._waiting() == before else 0

    def _waiting(self) -> list[tuple[str, int]]:
        return [(row.path, row.generation) for row in self.store.below("") if row.action]

    def state(self, path: str) -> dict:
        """Return the status of one file."""
        items = status_of(self.config, self.store, path)["items"]
        return next((item for item in items if item["path"] == path), {})

    def includes(self, path: str) -> bool:
        """Say whether a file has backups."""
        return open_scope(self.config, str(self.root)).includes(path)


class Bucket:
    """What the emulated S3 has, looked at from behind."""

    def __init__(self, cloud) -> None:
        self._cloud = cloud

    def text(self, key: str) -> str | None:
        """Return an object's text; None where there is none."""
        found = current_object(get_bucket(BUCKET), key)
        return None if found is None else found.value.decode()

    def keys(self, *, deleted: bool = False) -> set[str]:
        """Return the keys of all objects, with ``deleted`` also of those that only have versions."""
        bucket = get_bucket(BUCKET)
        return {key for key in list(bucket.keys) if deleted or current_object(bucket, key) is not None}

    def now(self) -> set[str]:
        """Return the keys of what files have now, without history and trash."""
        return {key for key in self.keys() if "/.emr-connect/" not in key}

    def versions(self, key: str) -> list[str]:
        """Return the texts of all versions, the oldest first; a delete marker is ``"(deleted)"``."""
        rows = get_bucket(BUCKET).keys.getlist(key, default=[])
        return [row.value.decode() if hasattr(row, "value") else "(deleted)" for row in rows]

    def keep_no_versions(self) -> None:
        """Be a bucket without versions."""
        get_bucket(BUCKET).versioning_status = None

    def puts(self) -> int:
        """Return how often an object was written."""
        return sum(row["action"] == "PutObject" and row["status"] == 200 for row in self._cloud.world.log.since())


@pytest.fixture
def bucket(cloud) -> Bucket:
    return Bucket(cloud)


@pytest.fixture
def make_folder(cloud, tmp_path) -> Callable[..., Folder]:
    """Return what makes a folder: ``make_folder("ada")``, with settings as keywords."""

    def make(name: str = "ada", **settings) -> Folder:
        state = tmp_path / f"state-{name}" / "state.sqlite"
        given = {"backup_location": f"s3://{BUCKET}/team", "backup_pause": 0.0, **settings}
        return Folder(Path(os.path.realpath(tmp_path)) / name, EMRConnect(state_file=str(state), **given))

    return make


@pytest.fixture
def folder(make_folder) -> Folder:
    return make_folder()


@pytest.fixture
def writer(folder) -> Iterator[ChangeWriter]:
    """Return what notes the changes of a server."""
    scope = partial(open_scope, folder.config, str(folder.root))
    made = ChangeWriter(folder.store, scope, lambda: None, logging.getLogger("test"))
    yield made
    made.close(30)


def until(look: Callable[[], object], seconds: float = 60) -> None:
    """Wait until ``look`` returns something true."""
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end
        time.sleep(0.02)
