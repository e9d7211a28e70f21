"""The life of one Spark session on a Livy server: created under a name of ours, waited for, and deleted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from ..errors import LivyError, LivyUnreachable, SessionGone, SessionStartFailed
from ..http.backoff import Backoff
from .client import LivyClient, View

FIRST_POLL_S, LAST_POLL_S = 0.01, 1.0
LONGER = 1.25  # a statement that took a second is noticed a quarter of it later at most
READY = frozenset({"idle", "busy", "running"})
FINAL = frozenset({"error", "dead", "killed", "success", "shutting_down"})
REDUCED_KINDS = ("pyspark", "spark")  # that EMR Serverless documents (reference 3.3)
LOG_LINES = 8  # of the driver's log, in the message of a session that did not start
SEARCHED_LOG_LINES = 200  # all that Livy keeps of it (`livy.cache-log.size`)
LOG_COMES_WITHIN_S = 1.0  # after its end; Livy reads it from a pipe beside
DELETE_ATTEMPTS = 3

# Seen with Apache Livy 0.7.1, on a busy machine most. Its driver reads two connections with one `RpcDispatcher`
# (livy-rsc, `RSCDriver.initializeServer`), takes a header of one for the content of the other, or loses the replies of
# one by the end of the other, and ends the session. The driver's log has the exception, or that the channel was closed
# before Spark was started. No setting and no lack of room brings it about.
RACE_SIGN, CLOSED_SIGN = "Expected RPC header", "[ReplDriver] Closing RPC channel"
SPARK_STARTS = "Starting Spark context"
RACE_REASON = "Livy had lost the session as it started (a known race in its RPC)"

# Livy kills a driver whose RPC ends before it was heard of, also one that ends by itself at that moment, and has often
# read nothing of its log by then (0.7.1, `InteractiveSession.onJobFailed`, `SparkProcApp.kill`).
UNHEARD_REASON = "Livy had killed the driver as it started, and has no log that says why"
LOG_HEADERS = ("", "stdout:", "stderr:")

log = logging.getLogger(__name__)

Progress = Callable[[str, float], None]
"""Told the state that is waited for and the seconds since the wait began, on the client's loop."""


def polls() -> Backoff:
    """Return the pauses between polls: 10 ms at first, so that a short statement is not waited for, and 1 s at last."""
    return Backoff(FIRST_POLL_S, LAST_POLL_S, factor=LONGER)


@dataclass
class LivySession:
    """One Spark session as its user has it; ``view`` is what Livy last said of it, None before it was created.

    ``kind`` is ``pyspark``, ``spark`` or ``sparkr``; ``settings`` is what the request to create it says beside name and
    kind. Used on the client's loop alone. ``last_statement`` is the number of the last one that was ours,
    ``restarted_because`` why it was created twice, if it was, ``runs_on`` whether the last statement that was cancelled
    was not seen to end.
    """

    client: LivyClient
    name: str
    kind: str
    settings: View = field(default_factory=dict)
    view: View | None = None
    last_statement: int = -1
    restarted_because: str = field(default="", init=False)
    runs_on: bool = field(default=False, init=False)

    @property
    def id(self) -> int:
        """The session's number on the server; raises ``SessionGone`` before it was created."""
        if self.view is None:
            message = "There is no Spark session yet."
            raise SessionGone(message, fix="Run a cell: it starts one.")
        return int(self.view["id"])

    @property
    def body(self) -> View:
        """The body of the request that creates the session."""
        return {**self.settings, "kind": self.kind, "name": self.name}

    async def start(self, seconds: float, progress: Progress = lambda state, since: None) -> None:
        """Create it and wait until it takes statements; on any failure, or if cancelled, nothing is left of it.

        One that Livy itself loses as it starts is created once more, and ``restarted_because`` says so. Raises
        ``SessionStartFailed`` with the end of the driver's log, and ``LivyError``.
        """
        began = time.monotonic()
        self.restarted_because = ""
        if self.client.target.reduced and self.kind not in REDUCED_KINDS:
            message = f"{self.client.target.label} takes sessions in Python and Scala, and none in R."
            raise SessionStartFailed(message, fix="Use emr-pyspark or emr-spark, or --lang python or scala.")
        try:
            while state := await self._final_state(began, seconds, progress):
                lines = await self._log_of_the_end()
                reason = lost_because(state, lines, has_log=not self.client.target.reduced)
                if self.restarted_because or not reason:
                    former = self.restarted_because
                    again = f", and one before had ended too: {former}" if former else ""
                    ended = f"it is {state}{again}"
                    raise self._failure(ended, lines)
                self.restarted_because = reason
                where = f"Session {self.id} on {self.client.target.label}"
                log.info("%s: %s; it is started once more.", where, reason)
                await self.remove()
        except BaseException:
            await asyncio.shield(self.remove())
            raise

    async def _final_state(self, began: float, seconds: float, progress: Progress) -> str:
        """Create it and wait until it takes statements: empty then, or the state in which it has ended."""
        self.view = await self.client.create(self.body)
        pauses = polls()
        while True:
            view = self.view = await self.client.session(self.id)
            state, since = str(view.get("state")), time.monotonic() - began
            if state in READY:
                return ""
            progress(f"{state} once more, {self.restarted_because}" if self.restarted_because else state, since)
            if state in FINAL:
                return state
            if since > seconds:
                ended = f"it is still {state} after {since:.0f} s"
                raise self._failure(ended, await self.log())
            await asyncio.sleep(pauses.next())

    async def _log_of_the_end(self) -> list[str]:
        """Return the log of a session that has ended, once it says why or is as it was a moment before."""
        lines: list[str] = []
        end = time.monotonic() + LOG_COMES_WITHIN_S
        while True:
            lines = await self.log(SEARCHED_LOG_LINES)
            if lost_by_race(lines) or time.monotonic() >= end:
                return lines
            await asyncio.sleep(LOG_COMES_WITHIN_S / 4)

    def _failure(self, ended: str, lines: Sequence[str]) -> SessionStartFailed:
        log_end = "\n".join([line for line in lines if line.strip()][-LOG_LINES:])
        message = f"The Spark session on {self.client.target.label} did not start: {ended}."
        if log_end:
            message = f"{message} The end of its log:\n{log_end}\n"
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


def lost_because(state: str, log: Sequence[str], *, has_log: bool) -> str:
    """Return why a session that ended as it started may well start at a second attempt; empty where it will not.

    ``has_log``: the server shows the logs of its drivers.
    """
    if lost_by_race(log):
        return RACE_REASON
    is_unheard = has_log and state == "killed" and all(line.strip() in LOG_HEADERS for line in log)
    return UNHEARD_REASON if is_unheard else ""


def lost_by_race(log: Sequence[str]) -> bool:
    """Tell from the log of a session that ended as it started whether Livy itself has lost it."""
    early = takewhile(lambda line: SPARK_STARTS not in line, log)
    return any(CLOSED_SIGN in line for line in early) or any(RACE_SIGN in line for line in log)
