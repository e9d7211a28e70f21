"""A process that saves, renames and deletes notebooks without end, and backs them up as a server does.

``python saver.py ROOT STATE_FILE LOCATION SEED``; it says ``ready`` once the worker runs, and waits to be killed.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from pathlib import Path

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.services.backups.location import open_queue
from jupyter_emr_connect.services.backups.noting import ChangeWriter, FileChange
from jupyter_emr_connect.services.backups.scope import open_scope
from jupyter_emr_connect.services.backups.worker import BackupWorker
from jupyter_emr_connect.store.backups import BackupStore


def main(root: str, state_file: str, location: str, seed: str) -> None:
    """Change files until killed."""
    config = EMRConnect(state_file=state_file, backup_location=location, backup_pause=0.0)
    store = BackupStore(open_queue(config, root).file, root, location, merge_s=0.0, pause_s=0.0)
    worker = BackupWorker(config, root, store)
    writer = ChangeWriter(store, lambda: open_scope(config, root), worker.wake, logging.getLogger())
    worker.start()
    dice = random.Random(seed)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for number in range(100_000):
        names = sorted(file.name for file in Path(root).glob("*.ipynb"))
        kind = dice.random()
        if kind < 0.1 and len(names) > 3:
            old, new = dice.choice(names), f"{dice.choice('abcdef')}{number % 3}.ipynb"
            Path(root, old).replace(Path(root, new))
            writer.take(FileChange("rename", new, old))
        elif kind < 0.2 and len(names) > 3:
            name = dice.choice(names)
            Path(root, name).unlink()
            writer.take(FileChange("delete", name))
        else:
            name = f"{dice.choice('abcdef')}{number % 3}.ipynb"
            Path(root, name).write_text(f'{{"seed": {seed}, "number": {number}}}')
            writer.take(FileChange("save", name))
        time.sleep(dice.random() * 0.03)


if __name__ == "__main__":
    main(*sys.argv[1:])
