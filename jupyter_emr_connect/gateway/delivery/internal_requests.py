"""The few requests that we ourselves send to a kernel; no local client sees anything of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..protocol.framing import Message
from ..protocol.signing import MessageSigner

NO_REPLY_AFTER_S = (
    1.0  # seconds from the end of a request's handling to the conclusion that the kernel does not know it
)

Answer = asyncio.Future["Message | None"]


class InternalRequests:
    """Sends them by ``transmit(message, first)`` and keeps what comes for them apart, by the session in their ids."""

    def __init__(self, wire: MessageSigner, transmit: Callable[[Message, bool], None]) -> None:
        self._wire = wire
        self._transmit = transmit
        self._mark = wire.session.encode()
        self._open: dict[str, tuple[Answer, float]] = {}
        self.published = asyncio.Event()  # something was heard on iopub for one of them

    def is_internal(self, message: Message) -> bool:
        """Return whether a message belongs to one of them."""
        return self._mark in bytes(message.parent_header)

    def ask(
        self,
        channel: str,
        msg_type: str,
        content: dict[str, Any],
        patience: float = NO_REPLY_AFTER_S,
        *,
        first: bool = False,
    ) -> Answer:
        """Send a request; the future is its reply, or None when the kernel has no answer to it.

        What goes by the control channel, or ``first``, is sent before all that waits. ``patience`` is how many seconds
        the reply may be behind the end of the request's handling, which travels by another way.
        """
        request = self._wire.make(channel, msg_type, content)
        future: Answer = asyncio.get_running_loop().create_future()
        self._open[request.msg_id] = future, patience
        future.add_done_callback(lambda _: self._open.pop(request.msg_id, None))
        self._transmit(request, first or channel == "control")
        return future

    def answer(self, message: Message, *, strange: bool = False) -> None:
        """Take in what came for one of them; ``strange``: from another process than the kernel was, a restarted one."""
        future, patience = self._open.get(message.parent_id, (None, NO_REPLY_AFTER_S))
        if message.channel == "iopub":
            self.published.set()
        if future is None or future.done():
            return
        if message.channel != "iopub":
            future.set_result(message)
        elif message.msg_type == "status" and b'"idle"' in bytes(message.content):
            # Its reply may still be under way on another channel.
            asyncio.get_running_loop().call_later(NO_REPLY_AFTER_S if strange else patience, _give_up, future)


def _give_up(future: Answer) -> None:
    if not future.done():
        future.set_result(None)
