"""Between a gateway kernel's WebSocket and the five ZeroMQ channels of an ordinary local kernel.

Local clients sign and address their messages; the gateway does neither. So each request's sender is remembered by the
request's id until its reply comes back. Contents pass as bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from ...errors import EMRConnectError
from ...http.deadlines import within
from ...tasks import report_failure
from ..connection.status import LinkState, LinkStatus
from ..connection.websocket import RECONNECT_FOR_S, KernelWebSocket
from ..delivery.inbox import OrderedInbox
from ..delivery.internal_requests import InternalRequests
from ..delivery.liveness import LivenessProbe
from ..delivery.pending import PendingRequest, PendingRequests
from ..delivery.reconciliation import RequestReconciler
from ..delivery.timings import DEFAULT_TIMINGS, DeliveryTimings
from ..event_loop import gateway_loop
from ..protocol.framing import Message, Part
from ..protocol.signing import EMPTY, MessageSigner
from ..rest import GatewayClient
from .local_cells import LocalCells
from .zmq_channels import LocalChannels

log = logging.getLogger(__name__)

SHUTDOWN = b'"shutdown_request"'
COMM_OPEN, COMM_CLOSE = "comm_open", "comm_close"
ASK_EVERY_S = 2.0
STATUS_LAG_S = 0.1  # from a reply to its status; else that was published before the gateway subscribed to iopub
JOURNAL_BYTES = 32_000_000


class Observer(Protocol):
    """Watches one kernel's messages pass: the recorder does, to keep what no browser is there to see.

    The bridge calls it on the gateway loop; every method must return fast. What one raises is logged, and keeps no
    message from the local clients.
    """

    def requested(self, message: Message) -> None:
        """Take note of an execute request that a client sent to the kernel."""
        ...

    def published(self, message: Message) -> None:
        """Take note of an iopub message given to the local clients: each once, in the order the kernel sent them."""
        ...

    def replied(self, message: Message) -> None:
        """Take note of the reply to an execute request, which was given to the client."""
        ...

    def restarting(self, session: str) -> None:
        """Take note that a user restarts the kernel: what the process of ``session`` still says belongs to no cell."""
        ...

    def seen(self) -> dict[str, int]:
        """Return up to which number all messages are safely kept, by the prefix of their ids (``numbering.py``).

        Asked when a kernel is taken up again, so that its journal gives only the rest.
        """
        ...


class Bridge:
    """Local channels, the connection to the kernel, and what passes between them. Lives on the gateway loop.

    ``on_shutdown(restart)`` is awaited when a client asks the kernel to shut down; the request itself is answered here
    and not passed on. ``on_state`` is told of the connection's states, ``on_status`` of the kernel's. ``observer``, if
    any, is told of what passes. ``journal_bytes`` is what the kernel keeps of what it sent, 0 for no journal;
    ``reconnect_for`` is in seconds; ``injections`` are the contents of execute requests that put more into a new
    kernel. These count from the next connection on.
    """

    observer: Observer | None = None
    waits_for = ""  # what the start of a kernel waits for, as an error names it that ends the waiting

    def __init__(
        self,
        *,
        key: bytes,
        scheme: str = "hmac-sha256",
        ip: str = "127.0.0.1",
        ports: Mapping[str, int] = MappingProxyType({}),
        journal_bytes: int = JOURNAL_BYTES,
        on_shutdown: Callable[[bool], Coroutine[Any, Any, None]],
        on_state: Callable[[LinkStatus], None],
        on_status: Callable[[str], None],
        timings: DeliveryTimings = DEFAULT_TIMINGS,
    ) -> None:
        self.kernel_id = ""
        self.client: GatewayClient | None = None
        self.link: KernelWebSocket | None = None
        self.signer = MessageSigner(key, scheme)
        self.requests = PendingRequests()
        self.internal = InternalRequests(self.signer, self.transmit, timings)
        self.inbox = OrderedInbox(self.internal, self.requests, self, timings)
        self.channels = LocalChannels(self.signer, key, scheme, ip, self._from_client, ports=ports)
        self.connection_info = self.channels.connection_info
        self.journal_bytes = journal_bytes
        self.reconnect_for = RECONNECT_FOR_S
        self.injections: Sequence[dict[str, Any]] = ()
        liveness = LivenessProbe(self.internal, self._is_idle, self.release, self.change_connection, timings)
        self._reconciler = RequestReconciler(self.requests, self.inbox, liveness, self, timings)
        self.local_cells = LocalCells(self)
        self._input_reply: Message | None = None  # what a user answered to the kernel, until the kernel goes on
        self._link_state = LinkState.NEW
        self._on_shutdown = on_shutdown
        self._on_state = on_state
        self._on_status = on_status

    async def connect(
        self,
        client: GatewayClient,
        kernel_id: str,
        *,
        offer_v1: bool = True,
        session_id: str | None = None,
        resume: bool = False,
    ) -> None:
        """Open the WebSocket of a kernel in place of the one before; local clients notice nothing.

        With ``resume`` the kernel runs already, since another process started it: ``session_id`` is that of its
        connection then. What it sent since the observer last kept something is published.
        """
        if self.link is not None:
            await self.link.close()
        self.kernel_id, self.client = kernel_id, client
        self.link = KernelWebSocket(
            client,
            kernel_id,
            on_message=self.inbox.receive,
            on_state=self._link_moved,
            on_full=self.channels.pause,
            on_too_large=self._refused,
            may_rename=lambda: self.inbox.has_journal,
            offer_v1=offer_v1,
            session_id=session_id,
            reconnect_for=self.reconnect_for,
        )
        if resume:
            tops: dict[str, int] = {}
            self._observe(lambda observer: tops.update(observer.seen()))
            self._reconciler.resume(tops)
        self.waits_for = "the gateway to open the kernel's connection"
        await self.link.open()

    async def ready(self) -> None:
        """Ask for the kernel's info until both its reply and its status come (the caller sets the deadline).

        The reply alone says too little: the gateway reaches a restarted kernel's outputs over a connection of their
        own, which may come later, and until then all that the kernel publishes is lost. Then the journal is installed.
        """
        self.internal.published.clear()
        self.waits_for = "the kernel's first answer"
        reply: Message | None = None
        while reply is None or not self.internal.published.is_set():
            asked = self.internal.ask("shell", "kernel_info_request", {}, first=True)
            with contextlib.suppress(asyncio.TimeoutError):
                reply = await within(ASK_EVERY_S, asked)
                self.waits_for = "what the kernel publishes; it answers already"
                await within(STATUS_LAG_S, self.internal.published.wait())
        self.inbox.follow_process(reply)
        self.waits_for = "the kernel to take its journal"
        await self.install()

    async def install(self) -> bool:
        """Give a kernel that is ready its injections and its journal; called again by the reconciler after a restart.

        Returns whether the kernel has a journal.
        """
        for content in self.injections:
            self.internal.ask("shell", "execute_request", content)
        return await self.inbox.install_journal(self.journal_bytes)

    async def close(self) -> None:
        """Close the WebSocket and the local sockets; messages already sent still reach their receivers."""
        self._reconciler.stop()
        self.local_cells.abandon("aborted")
        if self.link is not None:
            await self.link.close()
        self.channels.close()

    def _observe(self, tell: Callable[[Observer], None]) -> None:
        """Tell the observer, if there is one."""
        if self.observer is None:
            return
        try:
            tell(self.observer)
        except Exception as error:
            report_failure(log, "What a kernel sends could not be recorded.", error)

    def transmit(self, message: Message, first: bool = False) -> None:
        """Pass a message to the gateway; without a kernel there is nobody to pass it to."""
        if self.link is not None:
            self.link.send(message, first=first)

    def _link_moved(self, status: LinkStatus) -> None:
        former, self._link_state = self._link_state, status.state
        if status.state is former:
            pass  # there is only something else to say of it
        elif status.state is LinkState.CONNECTED:
            self._reconciler.connected()
        elif status.state is LinkState.RECONNECTING:
            self._reconciler.disconnected()
        elif status.state is LinkState.GONE:
            self._reconciler.stop()
            gateway_loop().keep(self.inbox.release([], whole=True))
        elif status.state is LinkState.CLOSED:
            self._reconciler.stop()
        self.channels.tell("emr_connect_status", status.to_json())
        self._on_state(status)

    def _from_client(self, identities: list[bytes], message: Message) -> None:
        if message.channel == "control" and SHUTDOWN in bytes(message.header):
            self._shut_down(identities, message)
        elif not self.local_cells.take(identities, message):
            self.pass_on(identities, message)

    def pass_on(self, identities: list[bytes], message: Message) -> None:
        """Send a client's message to the kernel, and expect the reply to a request."""
        if message.msg_type.endswith("_request"):
            request = self.requests.add(message, identities)
            if request.runs_code:
                self.note_request(message)
        elif message.msg_type == "input_reply":
            self._input_reply = message
        self.transmit(message)

    def note_request(self, message: Message) -> None:
        """Tell the observer of a cell that a client sent."""
        self._observe(lambda observer: observer.requested(message))

    async def deliver(self, message: Message) -> None:
        """Give a message of the kernel to whom it is for; called by the inbox, for each once and in order."""
        self._input_reply = None
        request = self.requests.get(message.parent_id)
        if message.channel == "iopub" and message.msg_type.endswith("_reply") and request is not None:
            message.move_to(request.channel)  # the journal does not know the channel
        if message.channel == "iopub":
            await self._publish(message)
        elif request is not None:
            if message.channel == request.channel:
                self.requests.close(message.parent_id)
                self._reconciler.replied(request)
            self.channels.reply(message, request.identities)
            if request.runs_code and message.channel == "shell":
                self._observe(lambda observer: observer.replied(message))
                self.local_cells.replied(request, message)

    async def _publish(self, message: Message) -> None:
        msg_type = message.msg_type
        if msg_type == "input_request":  # given back by the journal
            message.move_to("stdin")
            return await self.deliver(message)
        if msg_type == "status" and self._note_status(message) == "dead":
            return None  # a restart may follow; front ends give a kernel up at this word
        if msg_type == "execute_input":
            self.local_cells.note_input(message)
        if msg_type != "status":
            self.requests.note_output(message.parent_id, msg_type)
        if msg_type in (COMM_OPEN, COMM_CLOSE):
            comm_id = str(message.data.get("comm_id", ""))
            self.requests.note_comm(message.parent_id, comm_id, opened=msg_type == COMM_OPEN)
        self._observe(lambda observer: observer.published(message))
        return await self.channels.publish(message)

    def _note_status(self, message: Message) -> str:
        """Take note of a state that the kernel published, and return it; raises ``BadFrame`` for one without sense."""
        state = str(message.data.get("execution_state"))
        if state in ("restarting", "dead", "starting"):
            self._on_status(state)
        else:
            if state == "idle" and (cell := self.requests.cell(message.parent_id)) is not None:
                self.inbox.on_cell_end(cell)
                self._reconciler.ended(message.parent_id)
            self.requests.note_status(message.parent_id, state)
        return state

    def _shut_down(self, identities: list[bytes], message: Message) -> None:
        restart = bool(message.data.get("restart", False))
        content = {"status": "ok", "restart": restart}
        self.publish("status", {"execution_state": "busy"}, message.header)
        self.channels.reply(self.signer.make("control", "shutdown_reply", content, message.header), identities)
        self.publish("shutdown_reply", content, message.header)
        self.publish("status", {"execution_state": "idle"}, message.header)
        gateway_loop().keep(self._on_shutdown(restart))

    def publish(self, msg_type: str, content: dict[str, Any], parent: Part = EMPTY) -> None:
        """Publish a message of this package's own; it is lost where a subscriber does not read."""
        message = self.channels.tell(msg_type, content, parent)
        self._observe(lambda observer: observer.published(message))

    def restarting(self) -> None:
        """End what was asked of the kernel's process, which the user replaces; called before the gateway is asked."""
        self.abandon("aborted")
        self._observe(lambda observer: observer.restarting(self.inbox.session))

    def abandon(self, status: str, ename: str = "", evalue: str = "") -> None:
        """Answer every request still open: nobody else will. With ``ename``, running cells show it as their error.

        What was not sent yet is sent no more.
        """
        unsent = set(self.unsent())
        for request in self.requests.take_all():
            if self.link is not None and request.message.msg_id in unsent:
                self.link.send_queue.forget(request.message.msg_id)
            for comm_id in sorted(request.comms):  # its progress bar: no kernel has that widget any more
                self.publish(COMM_CLOSE, {"comm_id": comm_id, "data": {}}, request.header)
            self.fail(request, status, ename, evalue)
        self.local_cells.abandon(status, ename, evalue)

    def mark(self, requests: Iterable[PendingRequest]) -> None:
        """Tell these cells that some of their output is lost; called when that is certain."""
        text = "[EMR Connect: the connection was lost, and some output of this cell with it: it may be incomplete.]\n"
        for request in requests:
            self.publish("stream", {"name": "stderr", "text": text}, request.header)

    def hold(self) -> None:
        """Keep cells back that wait to be sent, until :meth:`release`; called by the reconciler on a new connection."""
        if self.link is not None:
            self.link.send_queue.hold()

    def release(self) -> None:
        """Send what waits: the kernel hears what is sent on this connection, as far as can be told."""
        if self.link is not None:
            self.link.send_queue.release()

    def change_connection(self) -> None:
        """Go on over another connection; called when the kernel is silent on this one."""
        if self.link is not None:
            self.link.change()

    def unsent(self) -> list[str]:
        """Return the ids of the messages that wait to be sent, in order."""
        return self.link.send_queue.ids() if self.link is not None else []

    def transmit_input_again(self) -> None:
        """Send the user's last answer to the kernel again, unless the kernel went on since, or it waits to be sent.

        Kernels throw away an answer that nothing waits for any more.
        """
        if self._input_reply is not None and self._input_reply.msg_id not in self.unsent():
            self.transmit(self._input_reply)

    async def _is_idle(self, timeout_s: float) -> bool:
        """Return whether the gateway calls the kernel idle; False for one with a journal, which is asked otherwise."""
        if self.inbox.has_journal or self.client is None:
            return False
        try:
            model = await within(timeout_s, self.client.kernel(self.kernel_id))
        except (EMRConnectError, asyncio.TimeoutError):
            return False
        return bool(model.get("execution_state") == "idle")

    def _refused(self, message: Message) -> None:
        """Tell the sender that the gateway hung up over the size of its message."""
        size = message.size / 1_000_000
        text = f"The gateway does not take a message of {size:.0f} MB; hand large data over through S3."
        request = self.requests.close(message.msg_id)
        if request is not None:
            self.fail(request, "error", "MessageTooLarge", text)
        else:
            self.publish("stream", {"name": "stderr", "text": f"{text}\n"}, message.header)

    def fail(self, request: PendingRequest, status: str, ename: str = "", evalue: str = "") -> None:
        """Answer a request in the kernel's place; a cell's with an end of its own."""
        error = {"ename": ename, "evalue": evalue, "traceback": [f"{ename}: {evalue}"]} if ename else {}
        if request.runs_code:
            if error:
                self.publish("error", error, request.header)
            request.ended = True
            self.publish("status", {"execution_state": "idle"}, request.header)
        self.reply_here(request, {"status": status, **error})

    def reply_here(self, request: PendingRequest, content: dict[str, Any]) -> None:
        """Reply to a request in the kernel's place."""
        reply_type = request.msg_type.removesuffix("_request") + "_reply"
        reply = self.signer.make(request.channel, reply_type, content, request.header)
        self.channels.reply(reply, request.identities)
        if request.runs_code:
            self._observe(lambda observer: observer.replied(reply))
            self.local_cells.replied(request, reply)
