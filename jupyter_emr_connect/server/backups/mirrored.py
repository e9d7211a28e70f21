"""Contents managers without files: what they are given to save goes into a mirror too, whose files have backups.

jupyter_server tells of saves in its own contents managers that keep files, and no hook is called by all others; so the
three methods that each contents manager has (``save``, ``rename_file``, ``delete_file``) are followed on the instance.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from typing import Any

from jupyter_core.utils import ensure_async

from ...errors import StoreError
from ...executors import FILES, DaemonExecutor, run_in
from ...services.backups.mirror import Mirror, content_of_model, model_of_content
from ...services.backups.noting import FileChange
from ...tasks import report_failure, watched

RETRY_S = 2.0
PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})
"""Errors of the disk that end some day; a change waits for that in memory."""


class MirroredContents:
    """Writes what a contents manager is given into a mirror, in a thread of its own and in order.

    Followed calls come on the server's loop and wait for nothing. ``has_backup`` says of a path and a size whether it
    has a backup, and ``tell`` is called with each change that the mirror has; both in the thread. Of a file that is
    saved again before it was written the latest content alone is kept in memory.
    """

    def __init__(
        self,
        contents: Any,
        mirror: Mirror,
        has_backup: Callable[[str, int], bool],
        tell: Callable[[FileChange], None],
        log: logging.Logger,
    ) -> None:
        self.mirror = mirror
        self._full: StoreError | None = None
        self._unkept: dict[str, StoreError] = {}  # by path, until it is saved, renamed or deleted
        self._contents = contents
        self._save: Callable[..., Any] = contents.save
        self._has_backup = has_backup
        self._tell = tell
        self._log = log
        self._changes = 0  # that the contents manager has made since it is followed
        self._closing = threading.Event()
        self._thread = DaemonExecutor(1, "emr-connect-mirror")
        self._lock = threading.Lock()
        self._unwritten: dict[str, list[dict[str, Any]]] = {}  # by path, since the last rename or delete

    def follow(self) -> None:
        """Begin to follow the contents manager."""
        for name, done in ("save", self._saved), ("rename_file", self._renamed), ("delete_file", self._deleted):
            setattr(self._contents, name, self._followed(getattr(self._contents, name), done))

    @property
    def problem(self) -> StoreError | None:
        """Why something that was saved is not in the mirror, None where all is."""
        return self._full or next(iter(list(self._unkept.values())), None)

    def settled(self, seconds: float) -> None:
        """Wait until all changes so far are in the mirror, for so many seconds at most; blocks."""
        wait([self._thread.submit(lambda: None)], seconds)

    def close(self, seconds: float) -> None:
        """Write what is left, for so many seconds at most; blocks."""
        self.settled(seconds)
        self._closing.set()

    async def refresh(self, path: str) -> None:
        """Let the mirror have what the contents manager has of a file now; awaited on the server's loop.

        Raises ``StoreError`` where that cannot be, so that nothing is put in the place of what nobody has kept.
        """
        changes = -1
        while changes != self._changes:  # what is read while it is saved may be what was there before
            changes = self._changes
            if not await ensure_async(self._contents.file_exists(path)):
                return
            model = await self._get(path)
        kept = self._in_order(path, functools.partial(self._write, path, [model], needed=True))
        if not await asyncio.wrap_future(kept):
            message = f"What {path!r} has now cannot be kept on this machine."
            raise StoreError(message, fix="The server's log says why. Restore it under another name.")

    async def give_back(self, path: str) -> None:
        """Let the contents manager save what the mirror has of a file; awaited on the server's loop.

        Raises ``StoreError`` where it does not; the mirror then has what the manager has.
        """
        file = self.mirror.file(path)
        if file is None or not await run_in(FILES, file.is_file):
            return
        try:
            content = await run_in(FILES, file.read_bytes)
            await self._make_folders(path)
            await ensure_async(self._save(model_of_content(path, content), path))
        except Exception as error:
            await self.refresh(path)
            message = f"{path!r} could not be saved by this server's contents manager: {_said(error)}."
            raise StoreError(message, fix="Mend what it says, and try again.") from error

    async def _get(self, path: str) -> dict[str, Any]:
        try:
            model: dict[str, Any] = await ensure_async(self._contents.get(path, content=True))
        except Exception:  # a notebook that is none
            try:
                model = await ensure_async(self._contents.get(path, content=True, type="file"))
            except Exception as error:
                message = f"{path!r} cannot be read by this server's contents manager: {_said(error)}."
                raise StoreError(message, fix="Restore it under another name.") from error
        return model

    async def _make_folders(self, path: str) -> None:
        parts = path.split("/")[:-1]
        for number in range(1, len(parts) + 1):
            folder = "/".join(parts[:number])
            if not await ensure_async(self._contents.dir_exists(folder)):
                await ensure_async(self._save({"type": "directory"}, folder))

    def _followed(self, method: Callable[..., Any], done: Callable[..., None]) -> Callable[..., Any]:
        """Return a method of the contents manager that tells ``done`` what it was called with, once it has done it."""

        def note(*args: Any, **kwargs: Any) -> None:
            self._changes += 1
            try:
                done(*args, **kwargs)
            except Exception as error:
                report_failure(self._log, "A change could not be followed for the backups.", error)

        async def then(work: Awaitable[Any], *args: Any, **kwargs: Any) -> Any:
            answer = await work
            note(*args, **kwargs)
            return answer

        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            if inspect.isawaitable(answer):
                return then(answer, *args, **kwargs)
            note(*args, **kwargs)
            return answer

        return call

    def _saved(self, model: dict[str, Any], path: str = "") -> None:
        path = path.strip("/")
        if "chunk" not in model:
            self._write_soon(path, dict(model))
        elif model["chunk"] == -1:  # the last part of a large upload
            self._read_anew(path)

    def _read_anew(self, path: str) -> None:
        """Read a notebook from the contents manager; no other file, of which nobody knows how large it is."""
        if path.endswith(".ipynb"):
            watched(asyncio.ensure_future(self.refresh(path)))

    def _renamed(self, old_path: str, new_path: str) -> None:
        old, new, loop = old_path.strip("/"), new_path.strip("/"), asyncio.get_running_loop()

        def move() -> None:
            if self.mirror.move(old, new):
                self._tell(FileChange("rename", new, old))
            else:
                loop.call_soon_threadsafe(self._read_anew, new)

        self._in_order(old, move)

    def _deleted(self, path: str) -> None:
        gone = path.strip("/")

        def delete() -> None:
            self.mirror.delete(gone)
            self._tell(FileChange("delete", gone))

        self._in_order(gone, delete)

    def _in_order(self, path: str, work: Callable[[], None]) -> Future[bool]:
        """Do something after what was saved before, and before what is saved from now on."""
        with self._lock:
            self._unwritten = {}
            return self._thread.submit(self._do, path, work)

    def _write_soon(self, path: str, model: dict[str, Any]) -> None:
        with self._lock:
            if (waiting := self._unwritten.get(path)) is not None:
                waiting[0] = model
                return
            waiting = self._unwritten[path] = [model]
            self._thread.submit(self._do, path, functools.partial(self._write, path, waiting))

    def _write(self, path: str, waiting: list[dict[str, Any]], *, needed: bool = False) -> None:
        """Write a file that has a backup, and tell of it; one that is ``needed`` in any case."""
        with self._lock:
            if self._unwritten.get(path) is waiting:
                del self._unwritten[path]
        if (content := content_of_model(waiting[0])) is None:
            return
        has_backup = self._has_backup(path, len(content))
        if has_backup or needed:
            self.mirror.write(path, content)
        if has_backup:
            self._tell(FileChange("save", path))

    def _do(self, path: str, work: Callable[[], None]) -> bool:
        """Do something with a file of the mirror, again and again while the disk has no room; returns whether it is."""
        self._unkept.pop(path, None)
        while True:
            try:
                work()
            except OSError as error:
                message = (
                    f"What was saved of {path!r} cannot be kept for its backup in {self.mirror.root}: {_said(error)}."
                )
                if error.errno not in PASSING:
                    self._unkept[path] = StoreError(message, fix="Give it another name.")
                    self._log.warning("%s", message)
                    return False
                self._full = StoreError(message, fix="Make room there; it goes on by itself.")
            except Exception as error:
                report_failure(self._log, "A change could not be kept for the backups.", error)
                return False
            else:
                self._full = None
                return True
            if self._closing.wait(RETRY_S):
                return False


def _said(error: Exception) -> str:
    said = getattr(error, "strerror", "") or getattr(error, "log_message", "") or str(error) or type(error).__name__
    return str(said).rstrip(".")
