"""The backups of one server: subscriber of its contents events, and the life of the worker."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from ...config import EMRConnect
from ...errors import EMRConnectError
from ...executors import FILES, run_in
from ..contents_events import ContentsEvent, ContentsEvents
from ..paths import COLLABORATION_DRIVE, PathMapper

if TYPE_CHECKING:  # they bring boto3, which a server without backups does not need to start
    from ...services.backups.noting import ChangeWriter
    from ...services.backups.restoring import FileRestorer
    from ...services.backups.worker import BackupWorker
    from ...store.backups import BackupStore

LAST_UPLOADS_WITHIN_S = 5.0
SETTLES_WITHIN_S = 5.0


class ServerBackups:
    """Notes changes and runs the worker; all but ``start``, ``now`` and ``close`` is called on the server's loop."""

    def __init__(self, config: EMRConnect, paths: PathMapper, log: logging.Logger) -> None:
        self._config = config
        self._paths = paths
        self._log = log
        self._store: BackupStore | None = None
        self._writer: ChangeWriter | None = None
        self._worker: BackupWorker | None = None

    def start(self, contents_events: ContentsEvents) -> None:
        """Begin where a location is set and the contents manager keeps files; a wrong setting is logged."""
        if not self._config.backup_location:
            return
        from ...services.backups.location import open_queue, parse_location
        from ...services.backups.noting import ChangeWriter
        from ...services.backups.scope import open_scope
        from ...services.backups.worker import BackupWorker

        try:
            parse_location(self._config.backup_location)
        except EMRConnectError as error:
            self._log.error("There are no backups: %s", error)
            return
        root = self._paths.root
        if root is None:
            self._log.warning("There are no backups: the contents manager keeps no files.")
            return
        self._store = open_queue(self._config, root)
        self._worker = BackupWorker(self._config, root, self._store, logger=self._log)
        scope = partial(open_scope, self._config, root)
        self._writer = ChangeWriter(self._store, scope, self._worker.wake, self._log)
        contents_events.subscribe(self._take)
        self._worker.start()

    def _take(self, event: ContentsEvent) -> None:
        """Note one contents event; called by the dispatcher."""
        if self._writer is None:
            return
        from ...services.backups.noting import FileChange

        path = event.path.removeprefix(COLLABORATION_DRIVE)
        if event.action in ("save", "copy"):
            self._writer.take(FileChange("save", path))
        elif event.action == "delete":
            self._writer.take(FileChange("delete", path))
        elif event.action == "rename":
            self._writer.take(FileChange("rename", path, event.former_path.removeprefix(COLLABORATION_DRIVE)))

    @property
    def store(self) -> BackupStore:
        """The queue; raises ``BackupsOff`` where this server keeps no backups."""
        if self._store is None:
            raise _off()
        return self._store

    @property
    def running(self) -> bool:
        """Whether this server keeps backups."""
        return self._store is not None

    @property
    def problem(self) -> EMRConnectError | None:
        """Why changes are not in the queue yet, None where they are."""
        return self._writer.problem if self._writer else None

    @property
    def worker(self) -> BackupWorker:
        """The worker; raises ``BackupsOff``."""
        if self._worker is None:
            raise _off()
        return self._worker

    def restorer(self) -> FileRestorer:
        """Return what lists and restores files of this server; blocks. Raises ``BackupsOff``."""
        from ...services.backups.restoring import open_restorer

        return open_restorer(self._config, self._paths.root or "", self.store)

    def settle(self) -> None:
        """Wait until what Jupyter has told so far is in the queue, some seconds at most; blocks."""
        if self._writer is not None:
            self._writer.settled(SETTLES_WITHIN_S)

    def now(self, path: str) -> int:
        """Upload what waits, of a path and below it or all, without waiting for more changes; blocks on the queue.

        Returns how many files that are. A file whose backup was given up for a conflict or a refusal is tried again.
        """
        self.settle()
        pushed = self.store.push(path or None)
        self.worker.wake(scan=True)
        return pushed

    async def close(self) -> None:
        """Note what is left and give uploads some seconds; what is not done by then is done by the next server."""
        if self._writer is not None:
            await run_in(FILES, self._writer.close, SETTLES_WITHIN_S)
        if self._worker is not None:
            await run_in(FILES, self._worker.stop, LAST_UPLOADS_WITHIN_S)


def _off() -> EMRConnectError:
    from ...services.backups.status import backups_off

    return backups_off()
