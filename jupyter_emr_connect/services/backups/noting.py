"""Changes on their way into the queue: taken on the server's loop without waiting, written by a thread in their order.

A change that the queue cannot take now, its disk being full for instance, is kept in memory until it can. What a crash
loses between a save and its row is found by the scan at the next start.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ...config import EMRConnect
from ...errors import StoreDamaged, StoreError
from ...store.backups import BackupStore
from ...tasks import report_failure
from .location import all_locations, nearest_location, open_queue
from .scope import Scope, fits_key, open_scope

RETRY_S = 2.0


@dataclass(frozen=True)
class FileChange:
    """A change in the server's folder; paths relative to it. ``former_path`` is that of a rename."""

    kind: Literal["save", "delete", "rename"]
    path: str
    former_path: str = ""


class ChangeWriter:
    """Writes changes into the queue; ``take`` is called on the server's loop and returns at once.

    ``scope`` is called in the thread, and ``written`` after each batch. ``problem`` says why changes are only in
    memory, None where none is.
    """

    def __init__(
        self, store: BackupStore, scope: Callable[[], Scope], written: Callable[[], None], logger: logging.Logger
    ) -> None:
        self._store = store
        self._scope = scope
        self._written = written
        self._log = logger
        self._changes: deque[FileChange] = deque()
        self._event = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._stopping = False
        self.problem: StoreError | None = None
        self._thread = threading.Thread(target=self._run, name="emr-connect-backup-queue", daemon=True)
        self._thread.start()

    def take(self, change: FileChange) -> None:
        """Take a change."""
        self._idle.clear()
        self._changes.append(change)
        self._event.set()

    def settled(self, seconds: float) -> bool:
        """Wait until all changes so far are in the queue; False where that takes longer."""
        return self._idle.wait(seconds)

    def close(self, seconds: float) -> None:
        """Write what is left, for so many seconds at most; blocks."""
        self._stopping = True
        self._event.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            self._event.wait()
            self._event.clear()
            while self._changes:
                if self._write():
                    continue
                if self._stopping:
                    return
                self._event.wait(RETRY_S)
                self._event.clear()
            if not self._changes:
                self._idle.set()
            if self._stopping and not self._changes:
                return

    def _write(self) -> bool:
        """Write the first changes of one kind; False where the queue does not take them now."""
        first = self._changes[0]
        batch = [first]
        if first.kind != "rename":
            for change in list(self._changes)[1:]:
                if change.kind != first.kind:
                    break
                batch.append(change)
        try:
            self._note(batch)
        except StoreError as error:
            if self.problem is None:
                self._log.warning("Backups cannot be noted, and are tried again: %s", error)
            self.problem = error
            if isinstance(error, StoreDamaged):
                self._written()  # the worker moves the queue aside
            return False
        except Exception as error:
            report_failure(self._log, "A change could not be noted for the backups.", error)
        self.problem = None
        for _ in batch:
            self._changes.popleft()
        self._written()
        return True

    def _note(self, batch: list[FileChange]) -> None:
        kind = batch[0].kind
        if kind == "delete":
            self._store.delete(change.path for change in batch if fits_key(change.path))
        elif kind == "save":
            self._save(dict.fromkeys(change.path for change in batch))
        else:
            self._rename(batch[0])

    def _save(self, paths: dict[str, None]) -> None:
        scope = self._scope()
        found = [file.path for path in paths if _is_visible(path) for file in scope.walk(path)]
        if found:
            self._store.save(found)

    def _rename(self, change: FileChange) -> None:
        """Let the rows of a path and below it follow it; what had none yet is noted as saved.

        What leaves the backups' scope by its new name is left in S3 as it is.
        """
        old, new, scope = change.former_path, change.path, self._scope()
        now = {file.path for file in scope.walk(new)} if _is_visible(new) else set()
        pairs = []
        for row in self._store.below(old) if fits_key(old) else ():
            target = f"{new}{row.path[len(old) :]}"
            if target in now:
                pairs.append((row.path, target))
                now.discard(target)
        self._store.move(pairs)
        if now:
            self._store.save(now)


def note_file(config: EMRConnect, file: Path) -> bool:
    """Note a file that another process than a server has written, where it lies in a folder that a server backs up.

    Called by commands that write notebooks; blocks on the disk. A running server uploads it within seconds, else the
    next one does. Returns whether it was noted; raises ``StoreError``.
    """
    real = Path(os.path.realpath(file))
    if not all_locations(config):
        return False
    above = [root for root in open_queue(config, str(real.parent)).roots() if real.is_relative_to(root)]
    if not above:
        return False
    root = max(above, key=len)
    path = real.relative_to(root).as_posix()
    location = nearest_location(config, path)
    found = [each.path for each in open_scope(config, root, location).walk(path)] if location else []
    open_queue(config, root, location).save(found)
    return bool(found)


def _is_visible(path: str) -> bool:
    return bool(path) and not any(part.startswith(".") for part in PurePosixPath(path).parts)
