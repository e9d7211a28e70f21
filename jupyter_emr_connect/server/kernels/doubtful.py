"""Kernels of which it is not known yet whether another machine still has them: shown as starting until that is known.

A container that replaces a killed one sees its heartbeat stand still for half a minute before it may take its kernels.
An open tab whose kernel is missing from a list meanwhile takes it for dead, and one that is opened would be given a
second kernel; nobody else shall wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from jupyter_core.utils import ensure_async

from ...http.deadlines import within
from ...models import KernelRecord
from .waiting import WAIT


class DoubtfulKernels:
    """What a server's kernel and session managers say of such kernels; ``server`` is jupyter_server's. On its loop.

    Jupyter's answers are wrapped when the first one is told of, and are as before when there is none any more.
    """

    def __init__(self, server: Any) -> None:
        self._kernels: Any = server.kernel_manager
        self._sessions: Any = server.session_manager
        self._records: dict[str, KernelRecord] = {}
        self._since = ""
        self._changed = asyncio.Event()
        self._jupyters: dict[str, Any] = {}

    def tell(self, records: Sequence[KernelRecord]) -> None:
        """Take which ones there are now."""
        if records and not self._jupyters:
            self._since = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            self._wrap(self._kernels, "kernel_model", "list_kernels")
            self._wrap(self._sessions, "list_sessions", "get_session", "session_exists")
        self._records = {record.local_id: record for record in records if record.local_id}
        self._changed.set()
        self._changed = asyncio.Event()

    def _wrap(self, manager: Any, *names: str) -> None:
        for name in names:
            self._jupyters[name] = getattr(manager, name)
            setattr(manager, name, getattr(self, name))

    async def exists(self, path: str) -> bool:
        """Say whether a path has a session in truth, waiting for nothing; for who brings kernels back."""
        jupyters = self._jupyters.get("session_exists", self._sessions.session_exists)
        return bool(await ensure_async(jupyters(path)))

    def concern(self, parts: Sequence[str], method: str) -> bool:
        """Say whether a request must wait: what follows ``kernels/`` or ``sessions/`` in its path, and its method."""
        ids = {*self._records, *(record.jupyter_session for record in self._records.values())}
        return bool(parts) and parts[0] in ids and (len(parts) > 1 or method not in ("GET", "HEAD"))

    # -- in the place of Jupyter's own --------------------------------------------------------------------------------

    def kernel_model(self, kernel_id: str) -> Any:
        """Return a kernel's model, for a doubtful one that of a kernel that starts."""
        record = self._records.get(kernel_id)
        if record is None or kernel_id in self._kernels:
            return self._jupyters["kernel_model"](kernel_id)
        return self._model(kernel_id, record)

    def _model(self, kernel_id: str, record: KernelRecord) -> dict[str, Any]:
        state = {"execution_state": "starting", "connections": 0, "last_activity": self._since}
        reason = "Another machine may have this kernel: its heartbeat is watched until that is known."
        return {"id": kernel_id, "name": record.kernelspec, "reason": reason, **state}

    def _missing(self) -> list[tuple[str, KernelRecord]]:
        return [(local_id, record) for local_id, record in self._records.items() if local_id not in self._kernels]

    async def list_kernels(self) -> list[dict[str, Any]]:
        """Return the models of all kernels."""
        listed = await ensure_async(self._jupyters["list_kernels"]())
        return [*listed, *(self._model(*each) for each in self._missing())]

    async def list_sessions(self) -> list[dict[str, Any]]:
        """Return the models of all sessions."""
        listed = await ensure_async(self._jupyters["list_sessions"]())
        return [*listed, *self._session_models()]

    def _session_models(self) -> list[dict[str, Any]]:
        models = []
        for local_id, record in self._missing():
            if record.jupyter_session and record.jupyter_path is not None:
                path = record.jupyter_path
                names = {"path": path, "name": path.rpartition("/")[2]}
                kind = record.jupyter_type or "notebook"
                deprecated = {"notebook": names} if kind == "notebook" else {}
                kernel = self._model(local_id, record)
                models.append({"id": record.jupyter_session, **names, "type": kind, "kernel": kernel, **deprecated})
        return models

    async def get_session(self, **wanted: Any) -> Any:
        """Return the model of one session."""
        for model in self._session_models():
            if wanted in ({"session_id": model["id"]}, {"path": model["path"]}):
                return model
        return await ensure_async(self._jupyters["get_session"](**wanted))

    async def session_exists(self, path: str) -> bool:
        """Say whether a path has a session, once it is known; asked before another is made for it."""
        with contextlib.suppress(asyncio.TimeoutError):
            await within(WAIT, self._known(path))
        return await self.exists(path)

    async def _known(self, path: str) -> None:
        while any(record.jupyter_path == path for record in self._records.values()):
            await self._changed.wait()
