"""One kernel's recording put into its notebook while no front end does so itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...executors import FILES, run_in
from ...http.deadlines import within
from ...services.recording.recording import Recording
from ...services.recording.runs import Run
from .notebooks import Notebooks

GRACE_S = 5.0  # in which a WebSocket that dropped may come back before its runs are written
WRITE_EVERY_S = 2.0
SHARED_WRITE_EVERY_S = 0.5  # in a collaboration room, where others watch and no file is written
PAUSE_PER_WRITE = 4  # times as long as a write took: at most a fifth of the time goes into a large notebook
RETRY_EVERY_S = 5.0
SHOWN_WITHIN_S = 0.8  # from a run's end to the moment at which a front end shows it to its end


@dataclass(frozen=True)
class Documents:
    """The notebooks of a kernel, by API path; ``alone`` says that nothing else can have sent it a cell."""

    paths: list[str]
    alone: bool


class NotebookWriter:
    """Watches who is connected to a kernel and writes the runs that nobody covers. Lives on the server's loop.

    A run is covered while the front end that asked for it, or took it over, has a WebSocket to the kernel.
    """

    def __init__(
        self,
        recording: Recording,
        find_documents: Callable[[], Awaitable[Documents]],
        notebooks: Notebooks,
        log: logging.Logger | Any,
    ) -> None:
        self.recording = recording
        self.documents = Documents([], True)
        self.lock = asyncio.Lock()  # held while runs are read or written
        self._find_documents = find_documents
        self._notebooks = notebooks
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._connections: dict[object, str] = {}
        self._left: dict[str, float] = {}
        self._since = self._loop.time()
        self._event = asyncio.Event()
        self._not_before = 0.0
        self._ended: set[str] = set()
        self._plugins: set[str] = set()  # sessions of front ends that say themselves which runs they have saved
        self._saved_by_client = False
        self._failing = False
        self._task = self._loop.create_task(self._run())

    # -- who is there ------------------------------------------------------------------------------------------------

    async def connected(self, connection: object, session: str) -> None:
        """Take note of a front end's open WebSocket; ``connection`` tells it from an older one of the same session."""
        self._connections[connection] = session
        self._left.pop(session, None)
        self.recording.sessions.add(session)
        await self._look_for_documents()
        self.recording.enabled = bool(self.documents.paths)
        self.wake()

    async def _look_for_documents(self) -> None:
        """Find what belongs to the kernel now; what it had stays when there is nothing."""
        documents = await self._find_documents()
        if documents.paths:
            self.documents = documents

    def disconnected(self, connection: object) -> None:
        """Take note of a front end's WebSocket that is closed."""
        session = self._connections.pop(connection, None)
        if session is not None and session not in self._connections.values():
            self.recording.sessions.discard(session)
            self._left[session] = self._loop.time()
        self.wake()

    def _leaves_in(self, run: Run) -> float:
        """Return in how many seconds a run's front ends are given up; 0 when they are."""
        if self.recording.covers(run):
            return float("inf")
        left = max(self._left.get(session, self._since) for session in run.sessions)
        return max(0.0, left + GRACE_S - self._loop.time())

    def client_saved(self) -> None:
        """Take note that a front end has saved the notebook."""
        for run in self.recording.unsaved:
            run.noticed = True
        self._saved_by_client = True
        self.wake()

    def wake(self) -> None:
        """Look again at what there is to do."""
        self._event.set()

    # -- what is to do -----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        wait: float | None = 0
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await (self._event.wait() if wait is None else within(wait, self._event.wait()))
            self._event.clear()
            try:
                async with self.lock:
                    wait = await self._do_due()
                self._failing = False
            except Exception as error:
                wait = RETRY_EVERY_S
                self._not_before = self._loop.time() + RETRY_EVERY_S
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        """Tell of a notebook that cannot be written, once until it can be again."""
        if not self._failing:
            reason = f"{type(error).__name__}: {error}"
            self._log.warning("The outputs in %a cannot be written: %s; trying again.", self.documents.paths, reason)
        self._failing = True

    async def _do_due(self) -> float | None:
        """Do what is due; return after how many seconds there is more to do."""
        if self._saved_by_client:
            self._saved_by_client = False
            await self._check_saved()
        unsaved = [run for run in self.recording.unsaved if not run.settled]
        runs = [run for run in unsaved if self._leaves_in(run) == 0]
        if runs:
            due = self._not_before - self._loop.time()
            if due > 0 and not self._new_ends(runs):
                return due
            await self._write(runs)
            self.recording.arm()
            if any(not run.settled for run in self.recording.unsaved):
                return self._pause()
            unsaved = []  # the notebook has them all
        self.recording.release()
        return min((self._leaves_in(run) for run in unsaved), default=None)

    def _new_ends(self, runs: list[Run]) -> bool:
        return any(run.idle and run.msg_id not in self._ended for run in runs)

    async def _write(self, runs: list[Run]) -> None:
        began = self._loop.time()
        await self._look_for_documents()
        if not self.documents.paths:
            return
        ended = [run for run in runs if run.idle]
        await run_in(FILES, self.recording.catch_up)
        changed = [run for run in runs if run.version != run.written]
        if changed:
            versions = [run.version for run in changed]
            ended += [run for run in await self._write_into(changed) if run not in ended]
            for run, version in zip(changed, versions, strict=True):
                run.written = version
        self._ended = {run.msg_id for run in ended}
        self.recording.settled(ended)
        took = self._loop.time() - began
        self._not_before = self._loop.time() + max(self._pause(), PAUSE_PER_WRITE * took)

    def _pause(self) -> float:
        return SHARED_WRITE_EVERY_S if self._notebooks.shared.intersection(self.documents.paths) else WRITE_EVERY_S

    async def _write_into(self, runs: list[Run]) -> list[Run]:
        """Write runs into the notebooks that share the kernel, each where its cell is; return those without one."""
        for path in self.documents.paths:
            if runs:
                runs = await self._notebooks.write(path, runs, adds=self.documents.alone)
        return runs

    async def _check_saved(self) -> None:
        """Forget the runs that a front end has saved to their end, and those that it found in the notebook.

        A front end with our plugin says itself what it has saved (:meth:`saved_by`), so that a notebook, which may be
        large, is read for others alone. Of what the notebook does not show, another's is decided some time after its
        end.
        """
        ended = [run for run in self.recording.unsaved if run.idle]
        runs = [run for run in ended if not run.settled and self.recording.covers(run) and not self._is_told_of(run)]
        saved = [run for run in ended if run.settled]
        for path in self.documents.paths if runs else ():
            saved += await self._notebooks.showing(path, runs)
        now = time.monotonic()
        saved += [run for run in runs if run not in saved and now - run.ended_at > SHOWN_WITHIN_S]
        if saved:
            self.recording.saved(saved)

    def _is_told_of(self, run: Run) -> bool:
        """Whether a front end that shows a run, and is there, says itself when it has saved it."""
        return any(session in self._plugins for session in run.sessions & self.recording.sessions)

    async def saved_by(self, session: str, msg_ids: Collection[str]) -> None:
        """Forget runs that the front end of ``session`` has saved as the user wants them: shown, cleared or deleted."""
        async with self.lock:
            runs = [self.recording.runs[one] for one in msg_ids if one in self.recording.runs]
            self.recording.saved([run for run in runs if run.idle and session in run.sessions])

    @property
    def versions(self) -> dict[str, list[str]]:
        """By path, a notebook's times of modification that follow one another by the recorder's writes alone."""
        return {path: self._notebooks.versions.get(path, []) for path in self.documents.paths}

    async def take_over(self, session: str | None) -> list[dict[str, Any]]:
        """Return all runs that the notebook may lack, as REST gives them; ``session`` covers them from here on.

        They are read before others may go on: outputs of runs that are covered are let go of at once. A caller that is
        cancelled leaves; the reading, which a thread does, goes on and keeps the lock to its end.
        """
        return await asyncio.shield(self._take_over(session))

    async def _take_over(self, session: str | None) -> list[dict[str, Any]]:
        if not self.documents.paths:  # its kernel was restarted, and whoever asks has only just connected
            await self._look_for_documents()
        async with self.lock:
            runs = [run for run in self.recording.unsaved if session not in run.seen_by]
            if session is not None:
                self._plugins.add(session)
                for run in runs:
                    run.sessions.add(session)
            return await run_in(FILES, self._read, runs) if runs else []

    def _read(self, runs: list[Run]) -> list[dict[str, Any]]:
        """Return the runs as REST gives them, with their outputs; called in a thread."""
        self.recording.catch_up()
        return [run.to_json() for run in runs]

    async def close(self, *, over: bool) -> None:
        """Write what nobody covers, without waiting longer; with ``over`` the kernel is no more."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        unwritten = [run for run in self.recording.unsaved if not run.settled]
        runs = [run for run in unwritten if not self.recording.covers(run)]
        done = not runs
        if runs:
            try:
                await self._write(runs)
                done = True
            except Exception as error:
                self._failed(error)
        await run_in(FILES, partial(self.recording.close, remove=over and done))
