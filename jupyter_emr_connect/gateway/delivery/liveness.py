"""Whether a kernel without a journal hears what is sent on a connection, as far as one that is idle can show it.

On a new connection a gateway may keep what is sent from the kernel though it passes on what the kernel publishes
(``connection/handshake.py``). A kernel with a journal is asked over the control channel, which is heard at any time
(``replay.py``); another only over the shell channel, where a busy kernel does not answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..protocol.framing import Message
from .internal_requests import InternalRequests
from .timings import DeliveryTimings

IDLE_LOOKS = 2  # a kernel that takes something up at that moment looks idle


class LivenessProbe:
    """Asks one kernel who it is, and what its silence means. Lives on the gateway loop.

    ``is_idle(timeout_s)`` says whether the gateway calls the kernel idle and its silence says something; ``release``
    sends what was held back; ``change_connection`` goes on over another one. ``unanswered``: the last question was, so
    the connection is being changed.
    """

    def __init__(
        self,
        internal: InternalRequests,
        is_idle: Callable[[float], Awaitable[bool]],
        release: Callable[[], None],
        change_connection: Callable[[], None],
        timings: DeliveryTimings,
    ) -> None:
        self.unanswered = False
        self._internal = internal
        self._is_idle = is_idle
        self._release = release
        self._change_connection = change_connection
        self._timings = timings
        self._answer_within_s = timings.first_answer_s

    async def ask(self) -> Message | None:
        """Ask the kernel who it is, and return its answer: behind all that it was sent before.

        Returns None when it has none. So it does when the kernel is idle and silent: the connection is changed then,
        and after each one in vain only after twice the time. From one that is not idle nothing is held back meanwhile.
        """
        self.unanswered = False
        asked = self._internal.ask("shell", "kernel_info_request", {}, first=True)
        idle_looks = 0
        try:
            while True:
                if idle_looks == IDLE_LOOKS:
                    self._answer_within_s = min(self._answer_within_s * 2, self._timings.last_answer_s)
                    self.unanswered = True
                    self._change_connection()
                    return None
                await asyncio.wait({asked}, timeout=self._answer_within_s)
                if asked.done():
                    break
                if await self._is_idle(self._answer_within_s):
                    idle_looks += 1
                else:
                    idle_looks = 0
                    self._release()
            self._answer_within_s = self._timings.first_answer_s
            return asked.result()
        finally:
            asked.cancel()
