"""Opening a kernel's WebSocket anew without waiting for the farewell of the one before.

Before JEG answers, it closes the connection that it still has under the same ``session_id`` (``_register_session`` of
jupyter_server's handlers), and waits up to 5 s for the other end to agree (``WebSocketProtocol.close`` of tornado).
Where the network has moved on under that connection nobody does. So if a first attempt is not answered soon, a second
one is made under another session.

Two connections of one session must not meet in a gateway: kernels know them by the session alone (``create_stream`` of
the same handlers), and hear only the one that came last. An attempt that is lost in its midst is opened there all the
same once its turn has come; so after one the session is another, and so it is where a kernel is found not to hear us.

An attempt that the gateway works on is not cut off, for longer than jupyter_server waits for a kernel's info (60 s,
``kernel_info_timeout``): it would count one connection less than there are (``on_close`` without ``open``), and later
cull a kernel that is in use.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from ...http.deadlines import within
from ...http.transport import WebSocket

LET_GO_WITHIN_S = 75.0

_let_go: set[asyncio.Task[None]] = set()


async def open_first(
    attempt: Callable[[str], Awaitable[WebSocket]],
    sessions: Sequence[str],
    seconds: float,
    *,
    second_after_s: float,
) -> tuple[WebSocket, str]:
    """Return the WebSocket that is open first, and its session; called by ``websocket.py`` for each connection.

    ``sessions`` are tried one after another, the next when the one before is not answered in ``second_after_s``.
    Raises what the first refused attempt says once none is left, :class:`asyncio.TimeoutError` after ``seconds``.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    waiting = list(sessions)
    attempts: dict[asyncio.Future[WebSocket], str] = {}
    refusal: BaseException | None = None
    try:
        while refusal is None or attempts:
            if waiting and refusal is None:
                session = waiting.pop(0)
                attempts[asyncio.ensure_future(attempt(session))] = session
            patience = max(end - loop.time(), 0)
            done, _ = await asyncio.wait(
                attempts, timeout=min(patience, second_after_s) if waiting else patience, return_when="FIRST_COMPLETED"
            )
            if not done and patience == 0:
                raise asyncio.TimeoutError
            for ended in done:
                session = attempts.pop(ended)
                if (error := ended.exception()) is None:
                    return ended.result(), session
                refusal = refusal or error
        raise refusal
    finally:
        for begun in attempts:
            task = loop.create_task(_leave(begun))
            _let_go.add(task)
            task.add_done_callback(_let_go.discard)


async def hang_up(ws: WebSocket | None) -> None:
    """Close a WebSocket, within a second even if its peer does not answer."""
    if ws is not None:
        with contextlib.suppress(Exception):
            await within(1, ws.close())


async def _leave(attempt: asyncio.Future[WebSocket]) -> None:
    """Close a connection that is not needed, once it is open."""
    with contextlib.suppress(Exception):
        await hang_up(await within(LET_GO_WITHIN_S, attempt))
