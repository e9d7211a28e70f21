"""Contents managers that keep no files, one of each kind: what they have is in a dict of the process."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import Any

from jupyter_server.services.contents.checkpoints import AsyncCheckpoints, Checkpoints
from jupyter_server.services.contents.manager import AsyncContentsManager, ContentsManager
from tornado.web import HTTPError

KEPT: dict[str, dict[str, Any]] = {}
"""The models by path, folders too; a test empties it."""


class NoCheckpoints(Checkpoints):
    def list_checkpoints(self, path):
        return []


class NoAsyncCheckpoints(AsyncCheckpoints):
    async def list_checkpoints(self, path):
        return []


class Kept:
    """What both do: without events of saves and without hooks, as managers outside jupyter_server."""

    def _is_folder(self, path):
        return not path or KEPT.get(path, {}).get("type") == "directory"

    def _get(self, path, content):
        if path not in KEPT:
            raise HTTPError(404)
        return self._model(path, KEPT[path] if content else {**KEPT[path], "content": None, "format": None})

    def _save(self, model, path):
        above = path.rpartition("/")[0]
        if not self._is_folder(above):
            raise HTTPError(500, f"There is no folder {above}")
        KEPT[path] = copy.deepcopy({"content": None, "format": None, **model})
        return self._get(path, content=False)

    def _rename(self, old_path, new_path):
        for path in [path for path in KEPT if path == old_path or path.startswith(f"{old_path}/")]:
            KEPT[new_path + path[len(old_path) :]] = KEPT.pop(path)

    def _delete(self, path):
        for each in [each for each in KEPT if each == path or each.startswith(f"{path}/")]:
            del KEPT[each]

    def _model(self, path, kept):
        moment = datetime.now(timezone.utc)
        about = {"name": path.rpartition("/")[2], "path": path, "created": moment, "last_modified": moment}
        return {**about, "writable": True, "mimetype": None, **copy.deepcopy(kept)}


class InMemory(Kept, ContentsManager):
    """Blocks."""

    checkpoints_class = NoCheckpoints

    def dir_exists(self, path):
        return self._is_folder(path)

    def file_exists(self, path=""):
        return path in KEPT and not self._is_folder(path)

    def is_hidden(self, path):
        return False

    def get(self, path, content=True, **_):
        return self._get(path, content)

    def save(self, model, path=""):
        return self._save(model, path)

    def rename_file(self, old_path, new_path):
        self._rename(old_path, new_path)

    def delete_file(self, path):
        self._delete(path)


class AsyncInMemory(Kept, AsyncContentsManager):
    """Is awaited."""

    checkpoints_class = NoAsyncCheckpoints

    async def dir_exists(self, path):
        return self._is_folder(path)

    async def file_exists(self, path=""):
        return path in KEPT and not self._is_folder(path)

    async def is_hidden(self, path):
        return False

    async def get(self, path, content=True, **_):
        return self._get(path, content)

    async def save(self, model, path=""):
        return self._save(model, path)

    async def rename_file(self, old_path, new_path):
        self._rename(old_path, new_path)

    async def delete_file(self, path):
        self._delete(path)
