"""Processes that save, rename, delete and restore notebooks as a server does, each until it is killed.

``python crasher.py`` forks one for each line of JSON on its standard input (``root``, ``state_file``, ``location``,
``seed``), once all is imported; on its standard output it says which process that is, what each is about to do and has
done, and when it has ended.
"""

from __future__ import annotations

import json
import logging
import os
import random
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.largefilemanager import LargeFileManager

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import EMRConnectError
from jupyter_emr_connect.services.backups.location import open_bucket, open_queue, parse_location
from jupyter_emr_connect.services.backups.noting import ChangeWriter, FileChange
from jupyter_emr_connect.services.backups.restoring import open_restorer
from jupyter_emr_connect.services.backups.scope import open_scope
from jupyter_emr_connect.services.backups.worker import BackupWorker
from jupyter_emr_connect.store.backups import BackupStore

MOST_PAUSE_S = 0.03


def say(**words: Any) -> None:
    """Write one line at once, which a kill leaves whole."""
    os.write(1, json.dumps(words).encode() + b"\n")


class Server:
    """What a server does to the files of one folder until it is killed; it says so before and after."""

    def __init__(self, root: str, state_file: str, location: str, seed: int) -> None:
        config = EMRConnect(state_file=state_file, backup_location=location, backup_pause=0.0)
        store = BackupStore(open_queue(config, root).file, root, location, merge_s=0.0, pause_s=0.0)
        self.root, self.seed, self.dice = root, seed, random.Random(seed)
        self.worker = BackupWorker(config, root, store)
        scope = partial(open_scope, config, root)
        self.writer = ChangeWriter(store, scope, self.worker.wake, logging.getLogger())
        self.contents = LargeFileManager(root_dir=root, delete_to_trash=False)
        self.restorer = open_restorer(config, root, store)

    def run(self) -> None:
        """Do one thing after the other."""
        self.worker.start()
        for number in range(1_000_000):
            files = Path(self.root).glob("[!.]*.ipynb")  # none whose save was cut off by the kill before
            names = sorted(file.name for file in files if not file.with_name(f".~{file.name}").exists())
            kind = self.dice.choices(("save", "rename", "delete", "restore"), (10, 2, 2, 2))[0]
            if kind == "save" or len(names) < 4:
                self.save(f"{self.dice.choice('abcdef')}{number % 3}.ipynb", number)
            else:
                getattr(self, kind)(self.dice.choice(names), number)
            say(done=number)
            time.sleep(self.dice.random() * MOST_PAUSE_S)

    def save(self, name: str, number: int) -> None:
        """Save a notebook that nobody else saves."""
        content = {"cells": [], "metadata": {"seed": self.seed, "number": number}, "nbformat": 4, "nbformat_minor": 5}
        say(do="save", path=name, metadata=content["metadata"])
        self.contents.save({"type": "notebook", "content": content}, name)
        self.writer.take(FileChange("save", name))

    def rename(self, name: str, number: int) -> None:
        """Give a notebook another name."""
        new = f"{self.dice.choice('uvwxyz')}{number % 3}.ipynb"
        if not Path(self.root, new).exists():
            say(do="rename", path=name)
            self.contents.rename_file(name, new)
            self.writer.take(FileChange("rename", new, name))

    def delete(self, name: str, number: int) -> None:
        """Delete a notebook."""
        say(do="delete", path=name)
        self.contents.delete_file(name)
        self.writer.take(FileChange("delete", name))

    def restore(self, name: str, number: int) -> None:
        """Bring some former state of a notebook back."""
        try:
            states = [row.version_id for row in self.restorer.versions(name).items if not row.deleted]
            if states:
                say(do="restore", path=name, present=Path(self.root, name).read_text())
                self.restorer.restore(name, self.dice.choice(states))
        except EMRConnectError as error:
            say(refused=str(error))


def main() -> None:
    """Fork a server for each line, which ends before the next one begins."""
    for line in sys.stdin:
        job = json.loads(line)
        location = parse_location(job["location"])
        # The client is made once, before all forks, without a connection, whose next answer might be for a killed one.
        open_bucket(EMRConnect(), location.bucket).session._client("s3")
        child = os.fork()
        if not child:
            Server(**job).run()
        say(pid=child)
        os.waitpid(child, 0)
        say(ended=child)


if __name__ == "__main__":
    main()
