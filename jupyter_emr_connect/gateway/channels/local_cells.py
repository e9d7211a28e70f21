"""Cells of a gateway kernel that begin with ``%emr``: answered in this process, in their turn among the kernel's own.

::

    a client's %emr ──► waits until the kernel has answered the cells before it ──► is answered here
    what comes next ──► held meanwhile, as a busy kernel would leave it ──────────► goes to the kernel
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from ...http.deadlines import within
from ...tasks import report_failure
from ..delivery.internal_requests import InternalRequests
from ..delivery.pending import PendingRequest, PendingRequests
from ..event_loop import gateway_loop
from ..injected.install import number_in, number_request
from ..protocol.framing import BadFrame, Message, Part
from ..protocol.signing import EMPTY

log = logging.getLogger(__name__)

# Looked for in the JSON of a request, where nothing before it can be a cell's own text: quotes in that are escaped.
BEGINS = re.compile(rb'"code"\s*:\s*"(?:\s|\\[nrt])*%emr[\s"\\]')
COUNT = re.compile(rb'"execution_count":\s*(\d+)')
LOOKED_AT_BYTES = 4096
LOOK_AGAIN_S = 1.0
NUMBERED_WITHIN_S = 2.0  # else the kernel is not reached now, and its next cell may get the same number

Show = Callable[[str, dict[str, Any]], None]
"""Publishes a message of a cell, by its type and content; called on the gateway loop."""


class LocalCellError(Exception):
    """A cell that was answered here has failed: ``ename``, ``evalue`` and ``lines`` are what the cell shows."""

    def __init__(self, ename: str, evalue: str, lines: list[str]) -> None:
        super().__init__(evalue)
        self.content = {"ename": ename, "evalue": evalue, "traceback": lines}


class LocalAnswers(Protocol):
    """What answers such cells. Called on the gateway loop."""

    async def run(self, code: str, show: Show) -> None:
        """Do what a cell says; raises ``LocalCellError``. Cancelled when the user interrupts."""

    async def complete(self, code: str, cursor: int) -> dict[str, Any]:
        """Return the content of a ``complete_reply``."""


class CellRoute(Protocol):
    """What these cells need of the bridge."""

    requests: PendingRequests
    internal: InternalRequests

    def pass_on(self, identities: list[bytes], message: Message) -> None:
        """Send a message to the kernel."""

    def publish(self, msg_type: str, content: dict[str, Any], parent: Part = EMPTY) -> None:
        """Publish a message for the local clients."""

    def reply_here(self, request: PendingRequest, content: dict[str, Any]) -> None:
        """Reply to a request in the kernel's place."""

    def fail(self, request: PendingRequest, status: str, ename: str = "", evalue: str = "") -> None:
        """Answer a request that nobody else will."""

    def note_request(self, message: Message) -> None:
        """Tell the observer of a cell."""


class LocalCells:
    """The cells of one kernel that are answered here, and what waits behind them. Lives on the gateway loop."""

    def __init__(self, route: CellRoute) -> None:
        self.answers: LocalAnswers | None = None
        self._route = route
        self._line: deque[tuple[list[bytes], Message]] = deque()
        self._working: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._count = 0
        self._stands = False

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Let the line stand while the kernel is restarted: for a restart by the cell that is being answered."""
        self._stands = True
        try:
            yield
        finally:
            self._stands = False

    def take(self, identities: list[bytes], message: Message) -> bool:
        """Keep a client's message, to answer it or to pass it on later; False when it is for the kernel now."""
        if self.answers is None or message.channel != "shell":
            return False
        if is_local(message) and message.msg_type == "complete_request":
            gateway_loop().keep(self._complete(identities, message))
            return True
        if not self._line and not is_local(message):
            return False
        self._line.append((identities, message))
        if self._working is None or self._working.done():
            self._working = gateway_loop().keep(self._work())
        return True

    def interrupt(self) -> bool:
        """End the cell that is being answered; False when there is none, so that the interrupt is the kernel's."""
        if self._running is None:
            return False
        self._running.cancel()
        return True

    def replied(self, request: PendingRequest, reply: Message) -> None:
        """Take note of the reply to a cell: what waits behind one that failed does not run."""
        if self._line:
            if reply.data.get("status") == "error" and _stops_on_error(request.message):
                self._abort_cells()
            self._news.set()

    def note_input(self, message: Message) -> None:
        """Take the kernel's count of cells from an ``execute_input``, which ipykernel writes after the code."""
        if found := COUNT.search(bytes(message.content[-64:])):
            self._count = int(found[1])

    def abandon(self, status: str, ename: str = "", evalue: str = "") -> None:
        """Answer all that waits, and what is being answered: the kernel is restarted or gone."""
        self._count = 0
        if self._stands:
            return
        if self._working is not None:
            self._working.cancel()
        while self._line:
            identities, message = self._line.popleft()
            if message.msg_type.endswith("_request"):
                self._route.fail(PendingRequest(message, identities), status, ename, evalue)

    async def _work(self) -> None:
        """Go through the line to its end."""
        while self._line:
            identities, message = self._line[0]
            request = PendingRequest(message, identities)
            if not is_local(message):
                self._line.popleft()
                self._route.pass_on(identities, message)
            elif self._is_kernel_asked():
                self._news.clear()
                with contextlib.suppress(asyncio.TimeoutError):
                    await within(LOOK_AGAIN_S, self._news.wait())
            else:
                await self._answer(request)

    def _is_kernel_asked(self) -> bool:
        return any(request.runs_code for request in self._route.requests.open().values())

    async def _answer(self, request: PendingRequest) -> None:
        """Answer the first cell of the line."""
        header, code = request.header, str(request.message.data.get("code"))
        self._route.note_request(request.message)
        self._route.publish("status", {"execution_state": "busy"}, header)
        self._count = await self._number_of(code)
        self._route.publish("execute_input", {"code": code, "execution_count": self._count}, header)
        error = await self._run(code, header)
        self._line.popleft()
        if error:
            self._route.publish("error", error, header)
        content = {"status": "error", **error} if error else {"status": "ok", "payload": [], "user_expressions": {}}
        request.ended = True
        self._route.publish("status", {"execution_state": "idle"}, header)
        self._route.reply_here(request, {**content, "execution_count": self._count})

    async def _number_of(self, code: str) -> int:
        """Return the number of a cell that is answered here, which the kernel counts among its own if it can."""
        asked = self._route.internal.ask("shell", "execute_request", number_request(code))
        with contextlib.suppress(asyncio.TimeoutError):
            reply = await within(NUMBERED_WITHIN_S, asked)
            if reply is not None and (number := number_in(reply.content)):
                return number
        return self._count + 1

    async def _run(self, code: str, header: Part) -> dict[str, Any]:
        """Do what a cell says; returns the content of its error, empty if it had none."""
        if self.answers is None:
            raise AssertionError

        def show(msg_type: str, content: dict[str, Any]) -> None:
            if not running.done():  # what a thread still says after an interrupt belongs to no cell
                self._route.publish(msg_type, content, header)

        running = self._running = asyncio.ensure_future(self.answers.run(code, show))
        try:
            await asyncio.wait({running})
        finally:
            running.cancel()
            self._running = None
        if running.cancelled():
            return {"ename": "KeyboardInterrupt", "evalue": "", "traceback": ["KeyboardInterrupt: it was left."]}
        error = running.exception()
        if error is None or isinstance(error, LocalCellError):
            return error.content if error else {}
        report_failure(log, "A cell with %emr failed.", error)
        text = f"{type(error).__name__}: {error}"
        return {"ename": type(error).__name__, "evalue": str(error), "traceback": [text]}

    def _abort_cells(self) -> None:
        """End the cells of the line unrun, as ipykernel does after an error."""
        cells = [(identities, message) for identities, message in self._line if message.msg_type == "execute_request"]
        self._line = deque(item for item in self._line if item[1].msg_type != "execute_request")
        for identities, message in cells:
            self._route.fail(PendingRequest(message, identities), "aborted")

    async def _complete(self, identities: list[bytes], message: Message) -> None:
        code = str(message.data.get("code"))
        cursor = message.data.get("cursor_pos")
        content = {"status": "ok", "matches": [], "cursor_start": 0, "cursor_end": 0, "metadata": {}}
        if self.answers is not None:
            content |= await self.answers.complete(code, cursor if isinstance(cursor, int) else len(code))
        self._route.reply_here(PendingRequest(message, identities), content)


def is_local(message: Message) -> bool:
    """Say whether a client's message is a cell that begins with ``%emr``, or asks to complete one.

    Only the first bytes are looked at, so that other cells pay nothing for it.
    """
    try:
        is_cell = message.msg_type in ("execute_request", "complete_request")
    except BadFrame:
        return False
    return is_cell and BEGINS.search(message.content, 0, LOOKED_AT_BYTES) is not None


def _stops_on_error(message: Message) -> bool:
    return bool(message.data.get("stop_on_error", True))
