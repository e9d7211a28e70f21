"""What the recorder does to notebooks: read and saved through the contents manager, with all its hooks.

One that is open in a collaboration room is edited there instead (``shared``); the room saves it.
"""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_client.jsonutil import json_default
from jupyter_core.utils import ensure_async
from tornado.web import HTTPError

from ...executors import FILES, run_in
from ...services.recording.runs import Run
from ...services.recording.writing import shows_end, write_runs
from ..contents_events import changes_by
from .interrupted_saves import restore_interrupted_save
from .large_notebooks import can_be_apart, in_process, is_large
from .shared_notebooks import shared_notebook, write_shared_runs

MAX_TRIES = 5
MAX_VERSIONS = 1000


class NotebookKeepsChanging(Exception):
    """Somebody else keeps changing the notebook while it is written."""


class Notebooks:
    """The notebooks of one server.

    ``versions`` has for each path the times of last modification (as the contents API writes them) that follow one
    another by writes of the recorder alone: a front end that knows one of them misses nothing but outputs.
    """

    def __init__(self, server: Any, *, apart: bool = True) -> None:
        """Take the server; ``apart`` lets a process of their own write large notebooks."""
        self._server = server
        self._apart = apart
        self._contents = server.contents_manager
        self.versions: dict[str, list[str]] = {}
        self.shared: set[str] = set()  # those that were in a room when they were last written

    async def write(self, path: str, runs: list[Run], *, adds: bool = True) -> list[Run]:
        """Put runs into their cells; return those without one. What changed meanwhile is kept: it is read anew.

        ``adds`` says whether a cell that was never saved may be added: not when it may belong to another document.

        Raises what the contents manager raises, and :class:`NotebookKeepsChanging`.
        """
        document = await shared_notebook(self._server, path)
        if document is not None:
            self.shared.add(path)
            return write_shared_runs(document, runs)
        self.shared.discard(path)
        if await self._is_apart(path, runs):
            with contextlib.suppress(OSError):  # no process can be started
                return await self._write_apart(path, runs, adds)
        for _ in range(MAX_TRIES):
            model = await self._read(path)
            without_cell = await run_in(FILES, partial(write_runs, model["content"], runs, adds=adds))
            if len(without_cell) == len(runs):
                return without_cell
            now = await ensure_async(self._contents.get(path, content=False))
            if now["last_modified"] == model["last_modified"]:
                self._follows(path, model, await self._save(path, model["content"]))
                return without_cell
        raise NotebookKeepsChanging(path)

    async def _is_apart(self, path: str, runs: list[Run]) -> bool:
        """Say whether a notebook is one for a process of its own."""
        if not self._apart or not can_be_apart(self._contents):
            return False
        return await run_in(FILES, is_large, Path(self._contents._get_os_path(path)), runs)

    async def _write_apart(self, path: str, runs: list[Run], adds: bool) -> list[Run]:
        done = await in_process(self._contents, "write", path, runs, adds=adds)
        if done["versions"]:
            self._note_versions(path, *done["versions"])
            with changes_by("recorder"):
                self._contents.emit(data={"action": "save", "path": path})
        return [run for run in runs if run.msg_id in done["runs"]]

    async def _read(self, path: str) -> Any:
        try:
            return await ensure_async(self._contents.get(path, content=True, type="notebook"))
        except HTTPError as error:
            find = getattr(self._contents, "_get_os_path", None)
            if (
                error.status_code != 400
                or find is None
                or not await run_in(FILES, restore_interrupted_save, Path(find(path)))
            ):
                raise
        return await ensure_async(self._contents.get(path, content=True, type="notebook"))

    async def _save(self, path: str, content: Any) -> Any:
        model = {"type": "notebook", "format": "json", "content": content}
        with changes_by("recorder"):
            return await ensure_async(self._contents.save(model, path))

    def _follows(self, path: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        self._note_versions(path, str(json_default(before["last_modified"])), str(json_default(after["last_modified"])))

    def _note_versions(self, path: str, old: str, new: str) -> None:
        versions = self.versions.get(path, [])
        self.versions[path] = [*(versions[-MAX_VERSIONS:] if versions[-1:] == [old] else [old]), new]

    async def showing(self, path: str, runs: list[Run]) -> list[Run]:
        """Return those of the ended runs that the notebook shows to their end."""
        if await self._is_apart(path, []):
            with contextlib.suppress(OSError):
                done = await in_process(self._contents, "show", path, runs)
                return [run for run in runs if run.msg_id in done["runs"]]
        model = await self._read(path)
        return [run for run in runs if shows_end(model["content"], run)]
