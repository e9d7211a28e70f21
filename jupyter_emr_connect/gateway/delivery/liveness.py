"""Without a journal: whether the kernel hears us, as far as one that is idle can show it.

On a new connection a gateway may keep what we send from the kernel though it gives us what the kernel publishes
(``opening.py``). A kernel with a journal is asked over the control channel, which is heard at any time
(``recovery.py``); another only over the shell channel, where a busy kernel does not answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...errors import EMRConnectError
from ...http.deadlines import within

if TYPE_CHECKING:
    from ..channels.bridge import Bridge
    from ..protocol.framing import Message

FIRST_PATIENCE, LAST_PATIENCE = 2.5, 60.0  # seconds in which an idle kernel answers
LOOKS = 2  # a kernel that takes something up at that moment looks idle


class LivenessProbe:
    """That of one bridge. Lives on the gateway loop.

    ``unanswered``: the last question was, so the connection is being changed.
    """

    def __init__(self, bridge: Bridge) -> None:
        self.unanswered = False
        self._bridge = bridge
        self._patience = FIRST_PATIENCE

    async def ask(self) -> Message | None:
        """Ask the kernel who it is, and return its answer: behind all that it was sent before.

        Returns None when it has none. So it does when the kernel is idle and silent: the connection is changed then,
        and after each one in vain only after twice the time. From one that is not idle nothing is kept back meanwhile.
        """
        self.unanswered = False
        asked = self._bridge.own.ask("shell", "kernel_info_request", {}, first=True)
        idle = 0
        try:
            while True:
                if idle == LOOKS:
                    self._patience = min(self._patience * 2, LAST_PATIENCE)
                    self.unanswered = True
                    self._bridge.unheard()
                    return None
                await asyncio.wait({asked}, timeout=self._patience)
                if asked.done():
                    break
                if await self._is_idle():
                    idle += 1
                else:
                    idle = 0
                    self._bridge.release()
            self._patience = FIRST_PATIENCE
            return asked.result()
        finally:
            asked.cancel()

    async def _is_idle(self) -> bool:
        bridge = self._bridge
        if bridge.line.journal or bridge.client is None:
            return False
        try:
            model = await within(self._patience, bridge.client.kernel(bridge.kernel_id))
        except (EMRConnectError, asyncio.TimeoutError):
            return False
        return bool(model.get("execution_state") == "idle")
