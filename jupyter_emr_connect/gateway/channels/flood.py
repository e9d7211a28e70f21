"""Whether a kernel floods the gateway loop with small messages, as a loop that prints: these may wait for each other.

What ends a flood is anything that somebody may wait for, the end of a cell above all.
"""

from __future__ import annotations

import asyncio
import time

from ..event_loop import gateway_loop
from ..protocol.framing import Message

FLOOD_MESSAGES = 8  # in a row, none of PROMPT_TYPES,
FLOOD_WITHIN_S = 0.1  # ... within this time
SMALL_BYTES = 16 * 1024
PROMPT_TYPES = frozenset({"status", "execute_input", "error", "input_request"})


class FloodDetector:
    """Watches one kernel's messages. Lives on the gateway loop, whose selector waits for more during a flood."""

    def __init__(self) -> None:
        self.flooding = False
        self._loop = gateway_loop()
        self._row = 0
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def note(self, message: Message) -> None:
        """Take note of a message; called before it is passed on."""
        if message.msg_type in PROMPT_TYPES or message.size > SMALL_BYTES:
            self.end()
            return
        self._row += 1
        if self._row < FLOOD_MESSAGES:
            return
        now, since = time.monotonic(), self._since
        self._row, self._since = 0, now
        if now - since > FLOOD_WITHIN_S:
            self.end()
        elif not self.flooding:
            self.flooding = True
            self._loop.selector.floods.add(self)
            self._timer = self._loop.loop.call_later(FLOOD_WITHIN_S, self._end_if_over, now)

    def end(self) -> None:
        """Count from the beginning, and end the flood if there is one."""
        self._row = 0
        if self.flooding:
            self.flooding = False
            self._loop.selector.floods.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_if_over(self, since: float) -> None:
        """End a flood from which nothing has come since."""
        self._timer = None
        if since == self._since:
            self.end()
        else:
            self._timer = self._loop.loop.call_later(FLOOD_WITHIN_S, self._end_if_over, self._since)
