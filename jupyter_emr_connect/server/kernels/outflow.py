"""What a gateway kernel sends, on its way to one browser: nothing dropped for speed, and memory bounded.

jupyter_server reads a kernel's outputs from ZeroMQ, throws away what exceeds 1 MB or 1,000 messages a second, and
queues the rest for the browser without bound. A gateway kernel's connection is in the same process, so their outputs
come from it directly (``gateway/channels/in_process.py``), in bursts, and are taken only as fast as the browser takes
them. So do replies to a browser that keeps up: one write brings the end of a cell and its reply.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

import tornado
from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketProtocol13

from ...gateway.channels.in_process import InProcessChannel
from ...gateway.protocol.framing import (
    REQUEST_CHANNELS,
    V1_PROTOCOL,
    BadFrame,
    Message,
    Part,
    decode,
    parse_json,
    v1_parts,
)
from ...gateway.protocol.message_queue import DISK_BYTES

WINDOW_BYTES = 4 * 1024 * 1024  # given to the browser's socket and not yet taken by the operating system
MAX_TURN_S = 0.005  # after which others have their turn on the loop
ACTIVITY_EVERY_S = 1.0
PIECE_BYTES = 128 * 1024  # of a large message, so that a slow browser is seen to read
BINARY_FRAME = 0x82  # the only and last fragment of a binary message, unmasked (RFC 6455, section 5.2)
ATTRIBUTE = "emr_connect_outflow"  # of the ZeroMQ stream that it stands for
CONFIG = "emr_connect"  # the setting with the server's EMRConnect


class Outflow:
    """Hands a kernel's outputs and replies to a browser's WebSocket, and takes its requests. On the server's loop.

    It stands for the connection's ``iopub`` stream and lives as long: jupyter_server keeps the stream when the last
    browser leaves, to buffer for its return, and then closes it or gives it to the next connection of the same session.
    """

    def __init__(self, channels: Any, stream: Any, identity: bytes, disk_bytes: int = DISK_BYTES) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection: Any = None
        self._channel = InProcessChannel(self._drain, disk_bytes=disk_bytes)
        self._disk_bytes = disk_bytes
        self._channels = channels
        self._stream = stream
        self._identity = identity
        self._sent = 0  # bytes given to the socket and not yet taken by it
        self._draining = False
        self._marked = 0.0
        self._parent: Part = b"{}"
        channels.in_process.add(self._channel, identity)
        # Outputs come in this process from here on; the stream stays, for those who close or buffer it.
        stream.socket.unsubscribe(b"")
        setattr(stream, ATTRIBUTE, self)
        stream.set_close_callback(self.close)

    @classmethod
    def of(cls, connection: Any) -> Outflow | None:
        """Return the one of a connection whose ``channels`` are there, made if need be; None for a foreign kernel."""
        stream = connection.channels["iopub"]
        outflow: Outflow | None = getattr(stream, ATTRIBUTE, None)
        provisioner = getattr(connection.kernel_manager, "provisioner", None)
        channels = getattr(provisioner, "channels", None)
        if outflow is not None and outflow._channels is not channels and getattr(provisioner, "has_process", False):
            outflow._give_back(stream, connection.kernel_manager)  # restarted so while no browser was there
            outflow = None
        if outflow is not None or channels is None:
            return outflow
        narrow_activity(connection.kernel_manager)
        config = connection.websocket_handler.settings.get(CONFIG)
        disk_bytes = DISK_BYTES if config is None else config.absent_tab_megabytes * 1_000_000
        return cls(channels, stream, connection.session.bsession, disk_bytes)

    def begin(self, connection: Any) -> None:
        """Send to this connection, first what was kept while there was none."""
        self._connection, self._sent = connection, 0
        self._channel.back(self._drain)

    def pause(self, connection: Any) -> None:
        """Send no more to this connection; what comes is kept, on disk, until :meth:`begin` or :meth:`close`."""
        if self._connection is connection:
            self._connection = None
            self._channel.leave()

    def close(self) -> None:
        """Forget it all; called when jupyter_server closes the stream."""
        self._connection = None
        self._channels.in_process.remove(self._channel)
        self._channel.close()

    def _give_back(self, stream: Any, kernel_manager: Any) -> None:
        """Let Jupyter's own streams bring a kernel's outputs and states, as for any local kernel."""
        delattr(stream, ATTRIBUTE)
        stream.set_close_callback(None)
        stream.socket.subscribe(b"")
        watch = getattr(kernel_manager, "_activity_stream", None)
        if watch is not None and not watch.closed():
            watch.socket.subscribe(b"")
        self.close()

    def ask(self, frame: bytes) -> None:
        """Give the kernel what the browser sent in a binary frame; :class:`BadFrame` when it is no message."""
        message = decode(frame, "v1")
        if message.channel not in REQUEST_CHANNELS:
            text = f"a message on the channel {message.channel}"
            raise BadFrame(text)
        self._channels.ask(self._identity, message)

    def flush(self) -> None:
        """Send what has come so far, before a message that must not overtake it."""
        self._drain()

    def _drain(self) -> None:
        """Send as much as the browser's socket may be given."""
        if self._draining:
            return
        self._draining = True
        try:
            end = (now := self._loop.time()) + MAX_TURN_S
            while self._connection is not None and self._sent < WINDOW_BYTES:
                if now > end:
                    self._loop.call_soon(self._drain)
                    break
                messages = self._channel.take(PIECE_BYTES) or self._lost()
                if not messages:
                    break
                self._parent = messages[-1].parent_header
                self._mark_activity(now)
                self._send(messages)
                now = self._loop.time()
        finally:
            self._draining = False
        if self._channel.is_over and (connection := self._connection) is not None:
            connection.outflow_is_over()  # restarted by another transport, at the same address
            self._give_back(self._stream, connection.kernel_manager)

    def _mark_activity(self, now: float) -> None:
        if now - self._marked < ACTIVITY_EVERY_S:
            return
        self._marked = now
        kernel = self._connection.kernel_manager
        kernel.last_activity = kernel.parent.last_kernel_activity = datetime.now(timezone.utc)

    def _lost(self) -> list[Message]:
        """Return what tells the cell that some of its output is missing, if there is."""
        count = self._channel.lost()
        if not count:
            return []
        text = (
            f"[EMR Connect: {count} messages of output are missing here: while this tab did not read, more than "
            f"{self._disk_bytes / 1_000_000:.0f} MB waited for it (EMRConnect.absent_tab_megabytes), or the disk was "
            "full. Reload the page without saving to see what was recorded.]\n"
        )
        session = self._connection.session
        header, content = session.pack(session.msg_header("stream")), session.pack({"name": "stderr", "text": text})
        return [Message("iopub", header, self._parent, b"{}", content)]

    def _send(self, messages: list[Message]) -> None:
        connection = self._connection
        if not connection.multi_kernel_manager.allow_tracebacks:
            messages = [without_traceback(connection, message) for message in messages]
        handler = connection.websocket_handler
        socket = handler.ws_connection
        if socket is None or socket.is_closing():
            self.pause(connection)
            return
        try:
            if connection.subprotocol == V1_PROTOCOL and takes_frames(handler, socket):
                self._write(socket.stream, frames(messages))
            else:
                for message in messages:
                    self._write_one(message)
        except (StreamClosedError, WebSocketClosedError):  # jupyter_server will disconnect it
            self.pause(connection)

    def _write(self, stream: Any, parts: list[Part]) -> None:
        """Write to the socket itself: a burst is one system call instead of one, a task and a copy per message."""
        small: list[Part] = []
        for part in parts:
            if len(part) < PIECE_BYTES:
                small.append(part)
                continue
            view = memoryview(part)
            for piece in (b"".join(small), *(view[at : at + PIECE_BYTES] for at in range(0, len(view), PIECE_BYTES))):
                self._account(stream.write(piece), len(piece))
            small = []
        burst = b"".join(small)
        self._account(stream.write(burst), len(burst))

    def _write_one(self, message: Message) -> None:
        connection = self._connection
        if connection.subprotocol == V1_PROTOCOL:
            frame: str | bytes = b"".join(v1_parts(message))
        else:
            try:
                frame = connection._reserialize_reply(as_json(message), channel=message.channel)
            except (BadFrame, ValueError):
                connection.log.warning("A message that is not JSON was not passed on.")
                return
        written = connection.websocket_handler.write_message(frame, binary=isinstance(frame, bytes))
        self._account(written, len(frame))

    def _account(self, written: Any, size: int) -> None:
        connection = self._connection
        if written.done():
            return
        self._sent += size

        def taken(_: Any) -> None:
            if self._connection is connection:
                self._sent -= size
                self._channel.progress()
                self._drain()

        written.add_done_callback(taken)


def takes_frames(handler: Any, socket: Any) -> bool:
    """Say whether frames may be written to the stream of a WebSocket itself: one of tornado 6 that sends them as is.

    Any other gets its messages by ``write_message``, the slower way that every tornado has.
    """
    return (
        tornado.version_info[0] == 6
        and handler.get_compression_options() is None
        and type(socket) is WebSocketProtocol13
        and not socket.mask_outgoing
        and isinstance(socket.stream, IOStream)
    )


def narrow_activity(kernel_manager: Any) -> None:
    """Let jupyter_server's watch over a kernel's state read its statuses alone, not every output once more.

    Outputs count as activity all the same while a browser is there: see :meth:`Outflow._mark_activity`.
    """
    stream = getattr(kernel_manager, "_activity_stream", None)
    if stream is not None and not stream.closed():
        stream.socket.subscribe(b"kernel.status")
        stream.socket.unsubscribe(b"")


def frames(messages: Iterable[Message]) -> list[Part]:
    """Return the WebSocket frames of messages, in parts."""
    parts: list[Part] = []
    for message in messages:
        payload = v1_parts(message)
        size = sum(map(len, payload))
        if size < 126:
            parts.append(struct.pack("!BB", BINARY_FRAME, size))
        elif size < 65536:
            parts.append(struct.pack("!BBH", BINARY_FRAME, 126, size))
        else:
            parts.append(struct.pack("!BBQ", BINARY_FRAME, 127, size))
        parts += payload
    return parts


def as_json(message: Message) -> dict[str, Any]:
    """Return a message as jupyter_client's ``Session`` reads it."""
    return {
        "header": message.head,
        "msg_id": message.msg_id,
        "msg_type": message.msg_type,
        "parent_header": message.parent,
        "metadata": parse_json(message.metadata),
        "content": parse_json(message.content),
        "buffers": list(message.buffers),
    }


def without_traceback(connection: Any, message: Message) -> Message:
    """Hide an error's details, as the administrator wants them hidden (``allow_tracebacks``)."""
    if message.msg_type != "error":
        return message
    parsed = as_json(message)
    connection._on_error("iopub", parsed, [b""] * 4)
    content = json.dumps(parsed["content"]).encode()
    return Message("iopub", message.header, message.parent_header, message.metadata, content, message.buffers)
