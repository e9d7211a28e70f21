"""Gateway kernels outlive their Jupyter server: left as it stops, brought back with their sessions as it starts.

Our kernels are known by what their provisioner can do (``detach``, ``returned``): this layer does not import it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from jupyter_core.utils import ensure_async

from ...config import EMRConnect
from ...errors import EMRConnectError
from ...executors import FILES, import_in_thread, run_in
from ...models import KernelRecord
from ...store.writes import finish_write
from ...tasks import watched
from ..paths import PathMapper
from .doubtful import DoubtfulKernels
from .waiting import Waiting

LEAVES_WITHIN = 15.0
NOTED_EVERY = 5.0


class Restorer:
    """Keeps the gateway kernels of one server; made by the extension. Lives on the server's loop."""

    def __init__(self, config: EMRConnect, server: Any, paths: PathMapper, log: logging.Logger) -> None:
        from ...services.kernels.ownership import persist_kernels_of

        self._config = config
        self._kernels: Any = server.kernel_manager
        self._sessions: Any = server.session_manager
        self._contents: Any = server.contents_manager
        self._paths = paths
        self._log = log
        self._doubtful = DoubtfulKernels(server)
        self._noted: dict[str, tuple[str, str, str]] = {}
        self._seen: dict[str, Any] = {}  # provisioners by kernel id
        self._tasks: set[asyncio.Task[None]] = set()
        persist_kernels_of(self._kernels)

    def start(self, waiting: Waiting) -> None:
        """Begin to bring kernels back, in the background; ``waiting`` is ended when local clients can ask for them."""
        self._do(self._bring_back(waiting))
        self._do(self._note_sessions())

    def _do(self, work: Any) -> None:
        task = watched(asyncio.ensure_future(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Leave the kernels running, as configured; called before jupyter_server shuts kernels down."""
        for task in self._tasks:
            task.cancel()
        if self._config.on_server_exit != "detach":
            return
        await self._note()
        leaving = [provisioner.detach() for _, provisioner in self._ours()]
        if leaving:
            self._log.info("Leaving %d gateway kernels running; the next server goes on with them.", len(leaving))
            done = asyncio.gather(*leaving, return_exceptions=True)
            try:
                await asyncio.wait_for(done, LEAVES_WITHIN)
            except asyncio.TimeoutError:
                self._log.warning("Not all gateway kernels could be left in order; the ledger has them.")

    def _ours(self) -> Iterator[tuple[str, Any]]:
        for kernel_id in self._kernels.list_kernel_ids():
            provisioner = getattr(self._kernels.get_kernel(kernel_id), "provisioner", None)
            if hasattr(provisioner, "detach"):
                yield kernel_id, provisioner

    async def _bring_back(self, waiting: Waiting) -> None:
        await import_in_thread("services.kernels.claims")
        from ...services.kernels.claims import WATCH_EVERY_S

        try:
            while doubtful := await self._restore():
                self._doubtful.tell(doubtful)
                waiting.only_for(self._doubtful.concern)
                await asyncio.sleep(WATCH_EVERY_S)
        finally:
            self._doubtful.tell([])
            waiting.end()

    async def _restore(self) -> list[KernelRecord]:
        """Bring back what was left; returns what another machine may turn out to have left besides."""
        from ...services.kernels.claims import claim_left

        if self._paths.root is None:  # a notebook's path says nothing where notebooks are no files
            return []
        try:
            found, doubtful = await run_in(FILES, claim_left, self._config, self._paths.root, self._is_inside)
        except EMRConnectError as error:
            self._log.warning("Kernels of an earlier server could not be looked for. %s", error)
            return []
        await asyncio.gather(*(self._restore_one(record) for record in found))
        return await run_in(FILES, self._with_paths, doubtful)

    def _with_paths(self, records: list[KernelRecord]) -> list[KernelRecord]:
        """Return kernels with the paths of their sessions, which are noted some seconds after a start; blocks."""
        return [replace(record, jupyter_path=self._api_path(record)) for record in records]

    def _is_inside(self, record: KernelRecord) -> bool:
        """Say whether a kernel's notebook is in the server's folder, also by a link; blocks on the disk."""
        if self._paths.reaches(record.path or ""):
            return True
        known = record.root == self._paths.root and record.jupyter_path
        return bool(known) and self._paths.is_at(record.jupyter_path or "", record.path or "")

    async def _restore_one(self, record: KernelRecord) -> None:
        """Start the local kernel with its former ids; what it needs of AWS and the gateway comes in the background."""
        from ...services.kernels.claims import let_go
        from ...services.kernels.ownership import hand_over, take_handed_over

        try:
            hand_over(record)
            await self._start(record)
        except Exception as error:  # whatever fails here must not keep others from coming back
            take_handed_over(record.local_id)
            self._log.warning("Kernel %s could not be brought back: %s", record.kernel_id, error)
            await finish_write(let_go, self._config, record, f"It could not be brought back: {error}")

    async def _start(self, record: KernelRecord) -> None:
        path, written = await run_in(FILES, self._paths_of, record)
        name = path.rsplit("/", 1)[-1]
        if path and await self._doubtful.exists(path):
            text = "its notebook has a kernel already"
            raise RuntimeError(text)
        folder = await ensure_async(self._contents.get_kernel_path(path=path))
        env = {**os.environ, "JPY_SESSION_NAME": written}
        kernel_id = await ensure_async(
            self._kernels.start_kernel(kernel_id=record.local_id, kernel_name=record.kernelspec, path=folder, env=env)
        )
        if path:
            session_id, kind = record.jupyter_session or str(uuid.uuid4()), record.jupyter_type or "notebook"
            await self._sessions.save_session(session_id, path=path, name=name, type=kind, kernel_id=kernel_id)
        self._log.info("Kernel %s of %s is back; it was left behind on %s.", kernel_id, path or "-", record.compute)
        self._do(self._see_it_back(kernel_id, path))

    def _paths_of(self, record: KernelRecord) -> tuple[str, str]:
        """Return the session's path, and what it is on the disk, links not followed; blocks on the disk."""
        path = self._api_path(record)
        return path, self._paths.written(path) if path else record.path or ""

    def _api_path(self, record: KernelRecord) -> str:
        """Return the session's path; a notebook reached by a symbolic link had another one than its file."""
        known = self._paths.api_path(record.path) if record.path else None
        if record.jupyter_path and (known is None or self._paths.is_at(record.jupyter_path, record.path or "")):
            return record.jupyter_path
        return known or record.jupyter_path or ""

    async def _see_it_back(self, kernel_id: str, path: str) -> None:
        """Take away a kernel that turns out to be no more, rather than have Jupyter start a new one unasked."""
        provisioner = getattr(self._kernels.get_kernel(kernel_id), "provisioner", None)
        if provisioner is None or await provisioner.returned():
            return
        self._log.warning("The kernel of %s is no more: %s", path or "-", provisioner.link_state().get("reason") or "")
        if kernel_id in self._kernels:
            await ensure_async(self._kernels.shutdown_kernel(kernel_id, now=True))

    async def _note_sessions(self) -> None:
        while True:
            await asyncio.sleep(NOTED_EVERY)
            self._end_dropped()
            await self._note()
            for kernel_id, provisioner in list(self._ours()):
                if getattr(provisioner, "was_taken", False):
                    self._log.warning("Kernel %s is closed here: another Jupyter server has it.", kernel_id)
                    self._do(ensure_async(self._kernels.shutdown_kernel(kernel_id, now=True)))

    def _end_dropped(self) -> None:
        """End kernels that Jupyter has dropped without ending them.

        jupyter_client (8.10) just forgets a kernel that is shut down after a restart of it has failed.
        """
        former, self._seen = self._seen, dict(self._ours())
        for kernel_id, provisioner in former.items():
            if kernel_id not in self._kernels and provisioner.remote_kernel_id is not None:
                self._log.info("Kernel %s, whose restart had failed, is deleted.", kernel_id)
                self._do(provisioner.cleanup())

    async def _note(self) -> None:
        """Write down which session each of our kernels has, so that it comes back under the same id."""
        ours = {local: provisioner.remote_kernel_id for local, provisioner in self._ours()}
        found: dict[str, tuple[str, str, str]] = {}
        if not ours:
            return
        try:
            sessions = await ensure_async(self._sessions.list_sessions())
            # A console beside a notebook has a session of its own with the same kernel; the notebook's counts.
            for session in sorted(sessions, key=lambda one: one["type"] == "notebook"):
                kernel_id = ours.get(session["kernel"]["id"])
                if kernel_id:
                    found[kernel_id] = (session["id"], session["path"] or "", session["type"] or "")
            for kernel_id, now in found.items():
                if self._noted.get(kernel_id) != now:
                    await finish_write(self._write, kernel_id, *now)
                    self._noted[kernel_id] = now
        except Exception as error:
            self._log.debug("Sessions could not be noted: %s", error)

    def _write(self, kernel_id: str, session: str, path: str, kind: str) -> None:
        from ...store.database import Database
        from ...store.ledger import Ledger

        ledger = Ledger(Database(self._config.state_file))
        ledger.update(kernel_id, jupyter_session=session, jupyter_path=path, jupyter_type=kind)
