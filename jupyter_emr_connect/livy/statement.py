"""One statement in a Spark session: sent, waited for through lost connections, and cancelled where its user says so."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import EMRConnectError, LivyError, LivyRefused, LivyUnreachable, LoginRefused, SessionGone, StatementLost
from ..http.deadlines import within
from .client import View
from .session import LivySession, polls

ENDED = frozenset({"available", "error", "cancelled"})
CANCELLED_WITHIN_S = 5.0  # Livy needs 30 s to say so of Python code that does not heed it; nobody waits for that
TELL_USER_AFTER_S = 5.0  # that the connection is down


@dataclass(frozen=True)
class StatementProgress:
    """How far a statement is: ``share`` of Spark's stages from 0 to 1, and why the server cannot be asked, if so."""

    seconds: float
    state: str
    share: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class StatementResult:
    """What a statement came to: MIME ``data``, or an error as the interpreter told it. ``state`` is Livy's word."""

    state: str
    data: dict[str, Any]
    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether it raised an error or was cancelled."""
        return bool(self.ename) or self.state == "cancelled"


async def run_statement(
    session: LivySession,
    code: str,
    kind: str | None = None,
    *,
    progress: Callable[[StatementProgress], None] = lambda now: None,
    reconnect_s: float = 3600.0,
) -> StatementResult:
    """Run code in a session and return what came of it; called on the client's loop.

    When the caller is cancelled, so is the statement. A server that cannot be reached, or for which there are no
    credentials at the moment, is asked again for ``reconnect_s``: the statement runs on meanwhile. Raises ``LivyError``
    and what getting credentials raises.
    """
    session.runs_on = False
    view = await _posted(session, code, kind)
    number = session.last_statement = int(view["id"])
    try:
        return result_of(await _until_ended(session, number, view, progress, reconnect_s))
    except asyncio.CancelledError:
        await asyncio.shield(_cancel(session, number))
        raise


async def _until_ended(
    session: LivySession,
    number: int,
    view: View,
    progress: Callable[[StatementProgress], None],
    reconnect_s: float,
) -> View:
    began = heard = time.monotonic()
    pause, pauses = 0.0, polls()  # Livy ends `1+1` in the time that a second request takes to come
    while view.get("state") not in ENDED:
        await asyncio.sleep(pause)
        pause = pauses.next()
        now, problem = time.monotonic(), ""
        try:
            view = await session.client.statement(session.id, number)
            heard = now
        except (SessionGone, StatementLost, LoginRefused):
            raise  # also where a password is refused: one that is sent again and again locks its account
        except EMRConnectError as error:  # also a portal's page in Livy's place, or AWS that gives no credentials now
            if isinstance(error, LivyError) and not isinstance(error, LivyUnreachable | LivyRefused):
                await _raise_if_gone(session)
            if now - heard > reconnect_s:
                raise
            problem = error.message if now - heard > TELL_USER_AFTER_S else ""
        state, share = str(view.get("state")), float(view.get("progress") or 0.0)
        progress(StatementProgress(now - began, state, share, problem))
    return view


async def _raise_if_gone(session: LivySession) -> None:
    """Ask after a session of which Livy said something odd, as it does of one whose driver has died."""
    try:
        await session.refresh()
    except SessionGone:
        raise
    except EMRConnectError:
        return


async def _posted(session: LivySession, code: str, kind: str | None) -> View:
    """Create the statement; one that is on its way when the caller is cancelled is cancelled once Livy has it."""
    posting = asyncio.ensure_future(session.client.run(session.id, code, kind, after=session.last_statement))
    try:
        return await asyncio.shield(posting)
    except asyncio.CancelledError:
        await asyncio.shield(_cancel_posted(session, posting))
        raise


async def _cancel_posted(session: LivySession, posting: asyncio.Future[View]) -> None:
    session.runs_on = True
    with contextlib.suppress(EMRConnectError, asyncio.TimeoutError):
        number = session.last_statement = int((await within(CANCELLED_WITHIN_S, posting))["id"])
        await _cancel(session, number)


async def _cancel(session: LivySession, number: int) -> None:
    """Cancel a statement and wait for its end a little; never raises Livy's errors."""
    session.runs_on = True
    with contextlib.suppress(LivyError, asyncio.TimeoutError):
        await session.client.cancel(session.id, number)
        await within(CANCELLED_WITHIN_S, _ended(session, number))
        session.runs_on = False


async def _ended(session: LivySession, number: int) -> None:
    """Return once nothing of a statement runs: Livy may call it cancelled before."""
    pauses, state, session_state = polls(), None, "busy"
    while state not in ENDED or session_state == "busy":
        await asyncio.sleep(pauses.next())
        state = (await session.client.statement(session.id, number)).get("state")
        if state in ENDED:
            session_state = str((await session.client.session(session.id)).get("state"))


def result_of(view: View) -> StatementResult:
    """Return what an ended statement came to; Livy calls it available also when the user's code has failed."""
    output, state = view.get("output") or {}, str(view.get("state"))
    if output.get("status") == "error":
        lines = tuple(str(line) for line in output.get("traceback") or ())
        ename, evalue = str(output.get("ename") or "Error"), str(output.get("evalue") or "")
        return StatementResult(state, {}, ename, evalue, lines)
    return StatementResult(state, dict(output.get("data") or {}))
