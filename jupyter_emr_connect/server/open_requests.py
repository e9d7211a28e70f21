"""Requests that a server still answers as it stops."""

from __future__ import annotations

import asyncio

from tornado.web import RequestHandler
from tornado.websocket import WebSocketHandler

ANSWERED_WITHIN_S = 5.0


async def all_answered(besides: tuple[type[RequestHandler], ...]) -> None:
    """Wait until Jupyter's own requests are answered, ``ANSWERED_WITHIN_S`` seconds at most; called as a server stops.

    One whose kernel's start has just been broken off is. Were the loop to end first, the process would not: AnyIO (4)
    ends a thread of its own with the request that it was made for, and Python waits for the thread. Left out are
    WebSockets and the handlers ``besides``: those that wait for news and use no such thread, and the one that stops us.
    """
    left_out: tuple[type[RequestHandler], ...] = (WebSocketHandler, *besides)
    handlers = {task: _handler_of(task) for task in asyncio.all_tasks()}
    waiting = [
        task
        for task, handler in handlers.items()
        if isinstance(handler, RequestHandler) and not isinstance(handler, left_out)
    ]
    if waiting:
        await asyncio.wait(waiting, timeout=ANSWERED_WITHIN_S)


def _handler_of(task: asyncio.Task[object]) -> object:
    """Return whose coroutine a task runs; tornado (6) keeps no list of its requests."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    return frame.f_locals.get("self") if frame else None
