"""Whether a kernel floods us with small messages, such as a loop that prints: those may wait a moment for each other.

What ends it is anything that somebody may wait for, the end of a cell above all.
"""

from __future__ import annotations

import asyncio
import time

from ..event_loop import gateway_loop
from ..protocol.framing import Message

FLOOD = 8  # messages in a row, none of PROMPT,
WITHIN = 0.1  # ... within this time, in seconds
SMALL = 16 * 1024  # bytes
PROMPT = frozenset({"status", "execute_input", "error", "input_request"})


class FloodDetector:
    """One kernel's. Lives on the gateway loop, whose selector waits for more while some kernel floods it."""

    def __init__(self) -> None:
        self.flooding = False
        self._loop = gateway_loop()
        self._row = 0
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def note(self, message: Message) -> None:
        """Take note of a message; called before it is passed on."""
        if message.msg_type in PROMPT or message.size > SMALL:
            self.end()
            return
        self._row += 1
        if self._row < FLOOD:
            return
        now, since = time.monotonic(), self._since
        self._row, self._since = 0, now
        if now - since > WITHIN:
            self.end()
        elif not self.flooding:
            self.flooding = True
            self._loop.selector.floods.add(self)
            self._timer = self._loop.loop.call_later(WITHIN, self._look, now)

    def end(self) -> None:
        """It is no flood, or none any more."""
        self._row = 0
        if self.flooding:
            self.flooding = False
            self._loop.selector.floods.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, since: float) -> None:
        """End a flood that has ebbed away."""
        self._timer = None
        if since == self._since:
            self.end()
        else:
            self._timer = self._loop.loop.call_later(WITHIN, self._look, self._since)
