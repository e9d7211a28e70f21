"""The backups of one server: subscriber of its contents events, and the life of the worker."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ...config import EMRConnect
from ...errors import EMRConnectError, StoreError
from ...executors import FILES, run_in
from ..contents_events import ContentsEvent, ContentsEvents
from ..paths import COLLABORATION_DRIVE, PathMapper

if TYPE_CHECKING:  # they bring boto3, which a server without backups does not need to start
    from ...services.backups.noting import ChangeWriter, FileChange
    from ...services.backups.restoring import FileRestorer
    from ...services.backups.worker import BackupWorker
    from ...store.backups import BackupStore
    from .mirrored import MirroredContents

LAST_UPLOADS_WITHIN_S = 5.0
SETTLES_WITHIN_S = 5.0
NO_SCAN = (
    "This server's contents manager keeps no files: what is saved here has backups, what changes past this server not "
    "before it is saved here."
)


@dataclass(frozen=True)
class LocationBackups:
    """What serves one location: its queue, what notes changes in it, and what uploads them."""

    store: BackupStore
    writer: ChangeWriter
    worker: BackupWorker


class ServerBackups:
    """Notes changes and runs a worker for each location; paths are relative to the server's folder.

    Where the contents manager keeps no files, the folder is a mirror of what it is given to save. All but ``start``,
    ``restorer``, ``status``, ``now`` and ``close`` is called on the server's loop.
    """

    def __init__(self, config: EMRConnect, paths: PathMapper, log: logging.Logger) -> None:
        self._config = config
        self._root = paths.root or ""
        self._log = log
        self._mirrored: MirroredContents | None = None
        self._locations: dict[str, LocationBackups] = {}
        self._errors: dict[str, EMRConnectError] = {}  # what is wrong with a location, by its setting

    def start(self, contents_events: ContentsEvents, contents: Any) -> None:
        """Begin where a location is set; a wrong setting is logged. ``contents`` is the server's contents manager."""
        if not self._config.backup_location and not self._config.backup_locations:
            return
        from ...services.backups.location import usable_locations

        usable, self._errors = usable_locations(self._config)
        for error in self._errors.values():
            self._log.error("There are no backups: %s", error)
        if not usable:
            return
        if self._root:
            contents_events.subscribe(self._take)
        else:
            self._follow(contents)
        self._locations = {location: self._open(self._root, location) for location in usable}
        for each in self._locations.values():
            each.worker.start()

    def _follow(self, contents: Any) -> None:
        """Let a mirror have what a contents manager without files is given to save."""
        from ...services.backups.mirror import Mirror, mirror_folder
        from ...services.backups.scope import open_scope
        from .mirrored import MirroredContents

        kind = type(contents)
        mirror = Mirror(mirror_folder(self._config, f"{kind.__module__}.{kind.__qualname__}"))
        self._root = mirror.root

        def has_backup(path: str, size: int) -> bool:
            try:
                scopes = [open_scope(self._config, mirror.root, location) for location in self._locations]
            except StoreError:  # the attachments cannot be read now; the worker looks again
                return True
            return any(scope.includes(path, size) for scope in scopes)

        self._mirrored = MirroredContents(contents, mirror, has_backup, self._tell, self._log)
        self._mirrored.follow()
        self._log.info("%s", NO_SCAN)

    def _open(self, root: str, location: str) -> LocationBackups:
        from ...services.backups.location import open_queue
        from ...services.backups.noting import ChangeWriter
        from ...services.backups.scope import open_scope
        from ...services.backups.worker import BackupWorker

        store = open_queue(self._config, root, location)
        worker = BackupWorker(self._config, root, store, logger=self._log)
        scope = partial(open_scope, self._config, root, location)
        return LocationBackups(store, ChangeWriter(store, scope, worker.wake, self._log), worker)

    def _take(self, event: ContentsEvent) -> None:
        """Note one contents event; called by the dispatcher."""
        from ...services.backups.noting import FileChange

        path = event.path.removeprefix(COLLABORATION_DRIVE)
        if event.action in ("save", "copy"):
            change = FileChange("save", path)
        elif event.action == "delete":
            change = FileChange("delete", path)
        elif event.action == "rename":
            change = FileChange("rename", path, event.former_path.removeprefix(COLLABORATION_DRIVE))
        else:
            return
        self._tell(change)

    def _tell(self, change: FileChange) -> None:
        for each in self._locations.values():
            each.writer.take(change)

    async def refresh(self, *paths: str) -> None:
        """See to it that the present state of files is at hand; raises ``StoreError`` where it cannot be read."""
        if self._mirrored:
            for path in paths:
                await self._mirrored.refresh(path.strip("/"))

    async def give_back(self, *paths: str) -> None:
        """Let the contents manager have files that were restored; raises ``StoreError`` where it does not take them."""
        if self._mirrored:
            for path in paths:
                await self._mirrored.give_back(path.strip("/"))

    @property
    def running(self) -> bool:
        """Whether this server keeps backups."""
        return bool(self._locations)

    def at(self, path: str) -> LocationBackups:
        """Return what serves a file or folder; raises ``BackupsOff`` where it has no backups."""
        from ...services.backups.location import nearest_location

        location = nearest_location(self._config, path.strip("/"))
        found = self._locations.get(location)
        if found is None:
            raise self._errors.get(location) or self._off(path)
        return found

    def _off(self, path: str) -> EMRConnectError:
        """Return why a path has no backups though its own location is not wrong."""
        from ...services.backups.status import backups_off, folder_off

        if not self.running:
            return next(iter(self._errors.values()), None) or backups_off()
        return folder_off(path)

    def status(self, path: str) -> dict[str, Any]:
        """Return the contract's status of a file or folder, or of all; blocks on the queue. Raises ``StoreError``."""
        from ...services.backups.status import off, status_of_all

        if not self.running:
            return off(self._config, self._root, next(iter(self._errors.values()), None))
        stores = [each.store for each in self._locations.values()]
        problems = [each.writer.problem for each in self._locations.values()]
        if self._mirrored:
            problems.append(self._mirrored.problem)
        problem = next(filter(None, problems), None)
        status = status_of_all(self._config, stores, path, problem, wrong=self._errors)
        if self._mirrored and status["state"] == "in S3":
            status["message"] = status["message"] or NO_SCAN
        return status

    def restorer(self, path: str) -> FileRestorer:
        """Return what lists and restores a file of this server; blocks. Raises ``BackupsOff``."""
        from ...services.backups.restoring import open_restorer

        return open_restorer(self._config, self._root, self.at(path).store)

    def now(self, path: str) -> int:
        """Upload what waits, of a path and below it or all, without waiting for more changes; blocks on the queue.

        Returns how many files that are. A file whose backup was given up for a conflict or a refusal is tried again.
        """
        if not self.running:
            raise self._off(path)
        pushed = 0
        if self._mirrored:
            self._mirrored.settled(SETTLES_WITHIN_S)
        for each in self._locations.values():
            each.writer.settled(SETTLES_WITHIN_S)  # what Jupyter has told so far comes into the queue first
            pushed += each.store.push(path or None)
            each.worker.wake(scan=True)
        return pushed

    async def close(self) -> None:
        """Note what is left and give uploads some seconds; what is not done by then is done by the next server."""
        if self._mirrored:
            await run_in(FILES, self._mirrored.close, SETTLES_WITHIN_S)
        for each in self._locations.values():
            await run_in(FILES, each.writer.close, SETTLES_WITHIN_S)
        stopping = (run_in(FILES, each.worker.stop, LAST_UPLOADS_WITHIN_S) for each in self._locations.values())
        await asyncio.gather(*stopping)
