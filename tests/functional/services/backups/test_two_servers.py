"""Two servers on one prefix, each with its own folder: a checker that knows every edit finds all of them."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest

from jupyter_emr_connect.errors import BackupConflict, FileInMotion, PathNotFound
from jupyter_emr_connect.services.backups.conflicts import resolve
from tests.functional.services.backups.conftest import notebook_of, until

PATHS = ("a.ipynb", "b.ipynb", "c.ipynb")


def edit(folder, path: str, cell_id: str) -> None:
    """Add a cell to a notebook, as a user who sees only this folder, and save it."""
    file = folder.root / path
    notebook = json.loads(file.read_text() if file.exists() else notebook_of("first"))
    notebook["cells"].append({"id": cell_id, "cell_type": "markdown", "metadata": {}, "source": cell_id})
    part = file.with_name(".part")
    part.write_text(json.dumps(notebook, indent=1))
    part.replace(file)
    folder.store.save([path])
    folder.store.push(path)
    folder.worker.wake()


def merge(folder, path: str) -> None:
    """End a conflict by the cells of both; it may end by itself, or S3 may change once more."""
    uploader = folder.worker.uploader()
    try:
        resolve(uploader, path, "merge")
    except (FileInMotion, PathNotFound):
        return
    except BackupConflict as error:
        if "do not merge" in error.message:  # the first version was not theirs too: there is nothing in common
            with suppress(BackupConflict, PathNotFound):
                resolve(uploader, path, "both")


def cells_in(text: str | None) -> set[str]:
    return {cell["id"] for cell in json.loads(text)["cells"]} if text else set()


class Two:
    """Two folders on one prefix whose workers run, with all the edits that were made."""

    def __init__(self, folders, soak) -> None:
        self.folders, self.dice = folders, soak.dice
        self.made: dict[str, set[str]] = {path: set() for path in PATHS}
        self.conflicts = 0

    def edit_one(self, number: int) -> None:
        """Edit some notebook in some folder, after ending its conflict, or not."""
        folder, path = self.dice.choice(self.folders), self.dice.choice(PATHS)
        if folder.state(path).get("state") == "conflict" and self.dice.random() < 0.7:
            self.conflicts += 1
            merge(folder, path)
        self.made[path].add(f"edit-{number}")
        edit(folder, path, f"edit-{number}")

    def settled(self) -> bool:
        """Say whether all is in S3; ends conflicts and hurries what waits."""
        states = [(folder, row) for folder in self.folders for row in folder.store.below("")]
        for folder, row in states:
            if row.state == "conflict":
                self.conflicts += 1
                merge(folder, row.path)
            elif row.action:
                folder.store.push()
                folder.worker.wake()
        return all(row.state == "in S3" and not row.action for _, row in states)


@pytest.mark.slow
@pytest.mark.faults
def test_two_servers_on_one_prefix_lose_no_update(make_folder, bucket, cloud, soak):
    edits, two = soak.choose(40, 500), Two([make_folder("ada"), make_folder("bob")], soak)
    for folder in two.folders:
        folder.worker.start()
    try:
        for number in range(edits):
            if soak.dice.random() < 0.1:
                cloud.world.faults.set("lost-answer", rate=0.5, seconds=0.3, options={"action": "PutObject"})
            two.edit_one(number)
            time.sleep(soak.dice.random() * 0.05)
        until(two.settled, 240)
    finally:
        for folder in two.folders:
            folder.worker.stop(30)
    for path, made in two.made.items():
        beside = f"team/{path.removesuffix('.ipynb')}"
        found = set().union(*(cells_in(bucket.text(key)) for key in bucket.keys() if key.startswith(beside)))  # noqa: SIM118 - no dict
        assert found >= made, sorted(made - found)
    assert two.conflicts > 1
    soak.note(f"{edits} edits by two servers on one prefix, {two.conflicts} conflicts: no edit is missing")
