"""The life of one Spark session on a Livy server: created under a name of ours, waited for, and deleted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import LivyError, LivyUnreachable, SessionGone, SessionStartFailed
from ..http.backoff import Backoff
from .client import LivyClient, View

FIRST_POLL_S, LAST_POLL_S = 0.01, 1.0
READY = frozenset({"idle", "busy", "running"})
FINAL = frozenset({"error", "dead", "killed", "success", "shutting_down"})
LOG_LINES = 8  # of the driver's log, in the message of a session that did not start
DELETE_ATTEMPTS = 3

Progress = Callable[[str, float], None]
"""Told the state that is waited for and the seconds since the wait began, on the client's loop."""


def polls() -> Backoff:
    """Return the pauses between polls: 10 ms at first, so that a short statement is not waited for, and 1 s at last."""
    return Backoff(FIRST_POLL_S, LAST_POLL_S)


@dataclass
class LivySession:
    """One Spark session as its user has it; ``view`` is what Livy last said of it, None before it was created.

    ``kind`` is ``pyspark``, ``spark`` or ``sparkr``; ``settings`` is what the request to create it says beside name and
    kind. Used on the client's loop alone. ``last_statement`` is the number of the last one that was ours.
    """

    client: LivyClient
    name: str
    kind: str
    settings: View = field(default_factory=dict)
    view: View | None = None
    last_statement: int = -1

    @property
    def id(self) -> int:
        """Its number on the server; raises ``SessionGone`` before it was created."""
        if self.view is None:
            message = "There is no Spark session yet."
            raise SessionGone(message, fix="Run a cell: it starts one.")
        return int(self.view["id"])

    @property
    def body(self) -> View:
        """The request to create it."""
        return {"kind": self.kind, "name": self.name, **self.settings}

    async def start(self, seconds: float, progress: Progress = lambda state, since: None) -> None:
        """Create it and wait until it takes statements; on any failure, or if cancelled, nothing is left of it.

        Raises ``SessionStartFailed`` with the end of the driver's log, and ``LivyError``.
        """
        try:
            self.view = await self.client.create(self.body)
            await self._until_ready(seconds, progress)
        except BaseException:
            await asyncio.shield(self.remove())
            raise

    async def _until_ready(self, seconds: float, progress: Progress) -> None:
        began, pauses = time.monotonic(), polls()
        while True:
            view = self.view = await self.client.session(self.id)
            state, since = str(view.get("state")), time.monotonic() - began
            if state in READY:
                return
            progress(state, since)
            if state in FINAL or since > seconds:
                raise await self._failure(state, since)
            await asyncio.sleep(pauses.next())

    async def _failure(self, state: str, since: float) -> SessionStartFailed:
        lines = await self.log()
        said = "\n".join(line for line in lines if line.strip())
        ended = f"it is {state}" if state in FINAL else f"it is still {state} after {since:.0f} s"
        message = f"The Spark session on {self.client.target.label} did not start: {ended}."
        if said:
            message = f"{message} The end of its log:\n{said}\n"
        fix = "Check the settings of the session (%%configure -f), and whether the compute has room for it."
        return SessionStartFailed(message, fix=fix)

    async def log(self, lines: int = LOG_LINES) -> list[str]:
        """Return the last lines of the driver's log, those in the session's own view where there is no call for it."""
        kept = [str(line) for line in (self.view or {}).get("log") or []]
        try:
            return await self.client.log(self.id, lines) or kept[-lines:]
        except LivyError:
            return kept[-lines:]

    async def refresh(self) -> View:
        """Ask how it is; raises ``SessionGone`` when it takes no more statements."""
        view = self.view = await self.client.session(self.id)
        if str(view.get("state")) in FINAL:
            message = f"The Spark session {self.id} on {self.client.target.label} is {view['state']}."
            raise SessionGone(message, fix="Start a new one: %emr restart.")
        return view

    async def remove(self) -> None:
        """Delete it, also one whose creation was not answered; never raises Livy's errors."""
        for _ in range(DELETE_ATTEMPTS):
            with contextlib.suppress(LivyUnreachable):
                with contextlib.suppress(LivyError):
                    view = self.view or await self.client.find(self.name)
                    if view is not None:
                        await self.client.delete(int(view["id"]))
                    self.view = None
                return
