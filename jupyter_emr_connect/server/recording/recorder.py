"""The recorder: outputs of gateway kernels go on into the notebook while no browser is connected.

The provisioner finds it on the server's kernel manager (:data:`ATTRIBUTE`) and gives each kernel's bridge the observer
that it gets from :meth:`Recorder.attach`; the kernels' WebSockets tell it who is connected
(``server.kernels.websocket``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async

from ...config import EMRConnect
from ...errors import EMRConnectError
from ...executors import FILES, run_in
from ...tasks import watched
from ..contents_events import ContentsEvent, ContentsEvents
from ..paths import PathMapper

if TYPE_CHECKING:  # what gateway kernels alone need; their first start imports it (`kernels/provisioner_import.py`)
    from ...services.recording.recording import Publish, Recording
    from .notebooks import Notebooks
    from .writer import Documents, NotebookWriter

ATTRIBUTE = "emr_connect_recorder"
KERNELS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
CLOSES_WITHIN_S = 5.0
FORGOTTEN_AFTER_S = 24 * 3600.0


class Recorder:
    """One for each server; lives on the server's loop."""

    def __init__(self, config: EMRConnect, server: Any, paths: PathMapper, log: logging.Logger | Any) -> None:
        self._config = config
        self._paths = paths
        self._folder = Path(config.state_file).expanduser().absolute().parent / "recordings"
        self._limit = config.recording_megabytes * 1_000_000
        self._server = server
        self._log = log
        self._notebooks: Notebooks | None = None  # until there is a gateway kernel
        self._writers: dict[str, NotebookWriter] = {}
        self._connections: dict[str, dict[object, str]] = {}
        self._tasks: set[asyncio.Future[None]] = set()
        self._closed = False

    def start(self, contents_events: ContentsEvents) -> None:
        """Listen; called by the extension once."""
        if self._limit:
            setattr(self._server.kernel_manager, ATTRIBUTE, self)
            contents_events.subscribe(self._on_contents)
            self._server.event_logger.add_listener(schema_id=KERNELS, listener=self._on_kernels)
            threading.Thread(target=self._tidy, name="emr-connect recordings", daemon=True).start()

    def _tidy(self) -> None:
        """Remove recordings of kernels that the ledger no longer has, when nothing was added for a while."""
        from ...store.database import Database
        from ...store.ledger import Ledger

        try:
            files = list(self._folder.iterdir())
            kernel_ids = (
                {record.kernel_id for record in Ledger(Database(self._config.state_file)).all()} if files else set()
            )
            for file in files:
                if file.name not in kernel_ids and time.time() - file.stat().st_mtime > FORGOTTEN_AFTER_S:
                    file.unlink()
        except (OSError, EMRConnectError) as error:
            self._log.debug("Old recordings were not looked for: %s", error)

    def attach(self, kernel_id: str) -> Callable[[str, Publish], Recording | None]:
        """Return what gives the observer of a kernel, by its id on the gateway, before its messages pass.

        Called by the provisioner on this server's loop; what it returns is called on the gateway loop.
        """
        from ...services.recording.recording import Recording

        loop = asyncio.get_running_loop()

        def observe(gateway_kernel_id: str, publish: Publish) -> Recording | None:
            path = self._folder / gateway_kernel_id
            try:
                recording = Recording(path, limit=self._limit, publish=publish, log=self._log)
            except OSError as error:
                self._log.warning("Outputs cannot be recorded in %s: %s", self._folder, error.strerror)
                return None
            loop.call_soon_threadsafe(self._add_writer, kernel_id, recording)
            return recording

        return observe

    def _add_writer(self, kernel_id: str, recording: Recording) -> None:
        if self._closed:
            recording.close(remove=False)
            return
        from .notebooks import Notebooks
        from .writer import NotebookWriter

        loop = asyncio.get_running_loop()
        if self._notebooks is None:
            self._notebooks = Notebooks(self._server)
        writer = NotebookWriter(recording, lambda: self._documents(kernel_id), self._notebooks, self._log)
        recording.on_change = lambda: wake_soon(loop, writer)
        former = self._writers.get(kernel_id)
        self._writers[kernel_id] = writer
        if former is not None:
            self._later(former.close(over=former.recording.spool.path != recording.spool.path))
        for connection, session in self._connections.get(kernel_id, {}).items():
            self._later(writer.connected(connection, session))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = watched(asyncio.ensure_future(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _documents(self, kernel_id: str) -> Documents:
        """Return what belongs to a kernel, by the server's sessions: a notebook, often, or several, and consoles."""
        from .writer import Documents

        sessions = await ensure_async(self._server.session_manager.list_sessions())
        own = [session for session in sessions if (session["kernel"] or {}).get("id") == kernel_id]
        named = [str(session["path"]) for session in own if session["type"] == "notebook"]
        found = await run_in(FILES, lambda: [self._paths.document(path) for path in named])
        return Documents([path for path in found if path is not None], len(own) == 1)

    def writer_of(self, kernel_id: str) -> NotebookWriter | None:
        """Return the writer of a gateway kernel, by the id that the kernel has in this server."""
        return self._writers.get(kernel_id)

    def connected(self, kernel_id: str, connection: object, session: str) -> None:
        """Take note of a kernel's WebSocket that is open; called by it, for every kernel of the server."""
        self._connections.setdefault(kernel_id, {})[connection] = session
        if writer := self._writers.get(kernel_id):
            self._later(writer.connected(connection, session))

    def disconnected(self, kernel_id: str, connection: object) -> None:
        """Take note of a kernel's WebSocket that is closed; may be called twice."""
        connections = self._connections.get(kernel_id, {})
        connections.pop(connection, None)
        if not connections:
            self._connections.pop(kernel_id, None)
        if writer := self._writers.get(kernel_id):
            writer.disconnected(connection)

    def _on_contents(self, event: ContentsEvent) -> None:
        if event.action == "save" and event.source != "recorder":
            for writer in self._writers.values():
                if event.path in writer.documents.paths:
                    writer.client_saved()

    async def _on_kernels(self, *, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        if data["action"] == "shutdown" and data.get("status") == "success":
            writer = self._writers.pop(data.get("kernel_id", ""), None)
            if writer is not None:
                self._later(writer.close(over=True))  # the server's end waits for it

    async def close(self) -> None:
        """Write what nobody covers; called when the server stops, before its kernels are ended or left."""
        self._closed = True
        writers, self._writers = self._writers, {}
        for writer in writers.values():
            self._later(writer.close(over=False))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSES_WITHIN_S)


def wake_soon(loop: asyncio.AbstractEventLoop, writer: NotebookWriter) -> None:
    """Wake a writer from another thread; the server may just have ended."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(writer.wake)
