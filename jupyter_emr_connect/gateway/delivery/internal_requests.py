"""The few requests that this package itself sends to a kernel; no local client sees anything of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..protocol.framing import Message
from ..protocol.signing import MessageSigner
from .timings import DEFAULT_TIMINGS, DeliveryTimings

Reply = asyncio.Future["Message | None"]


class InternalRequests:
    """Internal requests that wait for their reply, and what the kernel sends for them. Lives on the gateway loop.

    ``transmit(message, first)`` sends one. What comes for them is told by the session in its parent's id. ``published``
    is set when anything comes on iopub for one of them.
    """

    def __init__(
        self,
        signer: MessageSigner,
        transmit: Callable[[Message, bool], None],
        timings: DeliveryTimings = DEFAULT_TIMINGS,
    ) -> None:
        self._signer = signer
        self._transmit = transmit
        self._no_reply_after_s = timings.no_reply_after_s
        self._session = signer.session.encode()
        self._open: dict[str, tuple[Reply, float]] = {}
        self.published = asyncio.Event()

    def is_internal(self, message: Message) -> bool:
        """Return whether a message of the kernel belongs to an internal request; called for each message."""
        return self._session in bytes(message.parent_header)

    def ask(
        self,
        channel: str,
        msg_type: str,
        content: dict[str, Any],
        reply_lag_s: float | None = None,
        *,
        first: bool = False,
    ) -> Reply:
        """Send a request; the future is its reply, or None when the kernel has no reply to it.

        What goes by the control channel, or ``first``, is sent before all that waits. ``reply_lag_s`` is how many
        seconds the reply may be behind the end of the request's handling, which travels by another channel; None for
        the usual.
        """
        request = self._signer.make(channel, msg_type, content)
        future: Reply = asyncio.get_running_loop().create_future()
        self._open[request.msg_id] = future, self._no_reply_after_s if reply_lag_s is None else reply_lag_s
        future.add_done_callback(lambda _: self._open.pop(request.msg_id, None))
        self._transmit(request, first or channel == "control")
        return future

    def receive(self, message: Message, *, from_new_process: bool = False) -> None:
        """Take in what came for an internal request; called by the inbox.

        ``from_new_process``: a restarted kernel sent it, which will not reply to what the process before it was asked.
        """
        future, reply_lag_s = self._open.get(message.parent_id, (None, 0.0))
        if message.channel == "iopub":
            self.published.set()
        if future is None or future.done():
            return
        if message.channel != "iopub":
            future.set_result(message)
        elif message.msg_type == "status" and b'"idle"' in bytes(message.content):
            # Its reply may still be under way on another channel.
            delay_s = self._no_reply_after_s if from_new_process else reply_lag_s
            asyncio.get_running_loop().call_later(delay_s, _give_up, future)


def _give_up(future: Reply) -> None:
    if not future.done():
        future.set_result(None)
