"""A Spark session for the cells of one notebook: used from the thread that runs them, driven on the background loop.

A cell's thread waits in :meth:`RemoteSpark.run` and shows what is told it; an interrupt (KeyboardInterrupt there)
cancels what the loop is at: a session that starts is removed, a statement is cancelled.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from ..errors import EMRConnectError, SessionGone
from ..gateway.event_loop import gateway_loop
from ..livy.client import LivyClient, View
from ..livy.completion import complete
from ..livy.session import LivySession
from ..livy.settings import SessionSettings
from ..livy.statement import StatementResult, run_statement
from ..livy.target import LivyTarget

T = TypeVar("T")
END_WITHIN_S = 20.0
LOST_FIX = "Start a new one: %emr restart, or restart the kernel. %emr logs shows its log while Livy has it."


class RemoteSpark:
    """One notebook's Spark session: started by the first statement, gone on with where ``adopted`` names one.

    ``connect`` reaches the compute, on the background loop. ``name`` is unique to this notebook's kernel; each further
    session adds its number. ``on_session`` is told the session's view, None when it has none any more.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[LivyTarget]],
        *,
        kind: str,
        name: str,
        start_timeout: float,
        reconnect_s: float,
        settings: SessionSettings | None = None,
        reduced: bool = False,
        before_start: Callable[[Callable[[str, float], None]], Awaitable[str]] | None = None,
        adopted: int | None = None,
        on_session: Callable[[View | None], Awaitable[None]] | None = None,
    ) -> None:
        self.kind = kind
        self.chosen: View = {}  # what %%configure says
        self.settings = settings or SessionSettings()
        self._before_start = before_start
        self._reduced = reduced
        self._connect = connect
        self._name = name
        self._start_timeout = start_timeout
        self._reconnect_s = reconnect_s
        self._adopted = adopted
        self._on_session = on_session
        self._client: LivyClient | None = None
        self._session: LivySession | None = None
        self._lost: SessionGone | None = None
        self._lives = 0
        self._working: set[asyncio.Task[Any] | None] = set()
        self._lock = asyncio.Lock()

    @property
    def is_reduced(self) -> bool:
        """Whether the server has some of Livy's calls only (EMR Serverless)."""
        return self._reduced

    @property
    def body(self) -> View:
        """What a session is created with, beside its name and kind."""
        return self.settings.body(self.chosen)

    @property
    def runs_on(self) -> bool:
        """Whether what was interrupted last was not seen to end."""
        return self._session is not None and self._session.runs_on

    @property
    def has_session(self) -> bool:
        """Whether there is a session, or was one that its user has not given up yet."""
        return self._session is not None or self._adopted is not None or self._lost is not None

    # -- the thread that runs cells -----------------------------------------------------------------------------------

    def run(
        self, code: str, kind: str | None = None, tell: Callable[[Any], None] = lambda what: None
    ) -> StatementResult:
        """Run a statement and return what came of it; ``tell`` is given its progress, on the calling thread."""
        return self.wait(lambda say: self._run(code, kind, say), tell)

    def wait(
        self,
        work: Callable[[Callable[[Any], None]], Coroutine[Any, Any, T]],
        tell: Callable[[Any], None] = lambda what: None,
    ) -> T:
        """Do ``work`` on the loop while ``tell`` is given, here, what it says; an interrupt cancels it.

        Raises what ``work`` raises, KeyboardInterrupt once it has been cleaned up after, and ``SessionGone`` where the
        session is closed meanwhile.
        """
        said: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        future = gateway_loop().submit(self._told_of_end(work(lambda what: said.put((False, what))), said))
        try:
            while not (item := said.get())[0]:
                tell(item[1])
            return future.result()
        except concurrent.futures.CancelledError:
            message = (
                "The Spark session was ended here while the cell ran: its notebook was detached, or the kernel ends."
            )
            raise SessionGone(message, fix="Attach again: %emr attach.") from None
        except KeyboardInterrupt:
            future.cancel()
            with contextlib.suppress(Empty):
                while not said.get(timeout=END_WITHIN_S)[0]:
                    pass
            raise

    async def _told_of_end(self, work: Coroutine[Any, Any, T], said: SimpleQueue[tuple[bool, Any]]) -> T:
        task = asyncio.current_task()
        if task is not None:
            self._working.add(task)
        try:
            return await work
        finally:
            self._working.discard(task)
            said.put((True, None))

    def complete(self, code: str, cursor: int, within_s: float) -> list[str]:
        """Return what may stand at the cursor as the session knows it; nothing where it does not answer in time.

        Called on the thread that runs cells, so that none runs meanwhile. No session is started for it.
        """
        future = gateway_loop().submit(self._complete(code, cursor))
        try:
            return future.result(within_s)
        except (concurrent.futures.TimeoutError, asyncio.TimeoutError, EMRConnectError):
            return []
        finally:
            future.cancel()

    def close(self, seconds: float = END_WITHIN_S, *, remove: bool = True) -> None:
        """Delete the session, or leave it running; called as the kernel ends, from any thread but the loop's."""
        gateway_loop().submit(self._close(remove)).result(seconds)

    async def end(self) -> None:
        """Delete the session and close the connection; called on the loop as the process ends."""
        await self._close(True)

    # -- the loop -----------------------------------------------------------------------------------------------------

    async def client(self) -> LivyClient:
        """Return the client of the compute's Livy; connects at the first call."""
        if self._client is None:
            self._client = LivyClient(await self._connect())
            self._client.hold()
        return self._client

    async def session(self, tell: Callable[[Any], None] = lambda what: None) -> LivySession:
        """Return the session that takes statements, starting one if need be; raises ``SessionGone`` after one ended."""
        async with self._lock:
            if self._lost is not None:
                raise SessionGone(self._lost.message, fix=self._lost.fix)
            if self._session is None:
                self._session = await (self._found_again() if self._adopted is not None else self._started(tell))
                await self._tell(self._session.view)
            return self._session

    async def _started(self, tell: Callable[[Any], None]) -> LivySession:
        self._lives += 1
        name = self._name if self._lives == 1 else f"{self._name}-{self._lives}"
        session = LivySession(await self.client(), name, self.kind, self.body)
        began = asyncio.get_running_loop().time()
        if self._before_start is not None:
            said = await self._before_start(lambda state, since: tell(StartProgress(since, state)))
            if said:
                tell(Remark(said))
        await session.start(self._start_timeout, lambda state, since: tell(StartProgress(since, state)))
        seconds = asyncio.get_running_loop().time() - began
        tell(Started(seconds, session.view or {}, session.restarted_because))
        return session

    async def _found_again(self) -> LivySession:
        """Go on with the session of an earlier process; raises ``SessionGone``."""
        session_id, self._adopted = self._adopted, None
        session = self._session = LivySession(await self.client(), self._name, self.kind)
        try:
            session.view = await session.client.session(session_id or 0)
            await session.refresh()
        except SessionGone as error:
            raise self._note_lost(error, session, session_id) from error
        return session

    async def _run(self, code: str, kind: str | None, tell: Callable[[Any], None]) -> StatementResult:
        session = await self.session(tell)
        number = session.id
        try:
            return await run_statement(session, code, kind, progress=tell, reconnect_s=self._reconnect_s)
        except SessionGone as error:
            raise self._note_lost(error, session, number) from error
        except EMRConnectError as error:
            if await self._is_over(session):
                raise self._note_lost(error, session, number) from error
            raise

    async def _is_over(self, session: LivySession) -> bool:
        try:
            await session.refresh()
        except SessionGone:
            return True
        except EMRConnectError:
            return False
        return False

    def _note_lost(self, error: EMRConnectError, session: LivySession, number: int | None) -> SessionGone:
        """Remember that the session has ended: its variables are lost, which no later cell shall hide.

        Not where its user has ended it himself while a cell ran there, and may have another by now.
        """
        label = self._client.target.label if self._client else "Livy"
        message = f"The Spark session {number} on {label} has ended, and its variables with it."
        if not isinstance(error, SessionGone):
            message = f"{message} {error.message}"
        lost = SessionGone(message, fix=LOST_FIX)
        if self._session is session:
            self._lost = lost
        return lost

    async def _complete(self, code: str, cursor: int) -> list[str]:
        if self._session is None or self._lost is not None:
            return []
        return await complete(self._session, code, cursor)

    async def drop(self) -> bool:
        """Delete the session, if there is one; the next statement starts another. Returns whether there was one."""
        async with self._lock:
            had, session = self.has_session, self._session
            if session is None and self._adopted is not None:
                session = LivySession(await self.client(), self._name, self.kind, view={"id": self._adopted})
            self._session, self._lost, self._adopted = None, None, None
            if session is not None:
                await session.remove()
            await self._tell(None)
            return had

    async def _tell(self, view: View | None) -> None:
        if self._on_session is not None:
            await self._on_session(view)

    async def _close(self, remove: bool) -> None:
        if remove:  # a session that starts is removed by whoever starts it
            working = [task for task in self._working if task is not None]
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            await self.drop()
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def state(self) -> str:
        """Return the session's state as Livy has it now; empty where there is none."""
        if self._session is None:
            return ""
        view = await self._session.client.session(self._session.id)
        self._session.view = view
        return str(view.get("state"))

    async def log(self, lines: int) -> list[str]:
        """Return the last lines of the driver's log, of a session that has ended too while Livy has it."""
        return await (self._session or await self.session()).log(lines)

    def view(self) -> View | None:
        """Return what Livy last said of the session; None where there is none."""
        return self._session.view if self._session else None


@dataclass(frozen=True)
class Remark:
    """A sentence that stays in the cell."""

    text: str


@dataclass(frozen=True)
class StartProgress:
    """A session is being waited for: its state, and for how many seconds."""

    seconds: float
    state: str


@dataclass(frozen=True)
class Started:
    """A session has started: after how many seconds, what Livy says of it, and why it took two attempts, if it did."""

    seconds: float
    view: View
    second_because: str = ""
