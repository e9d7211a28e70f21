"""The kernels' WebSocket without delay and, for our kernels, without loss: what a cell prints is sent, and at once."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from ...gateway.protocol.framing import V1_PROTOCOL, BadFrame
from .outflow import Outflow

RECORDER = "emr_connect_recorder"  # the setting with the server's recorder


class LowLatencyWebSocket(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection between a browser and a kernel, with ``TCP_NODELAY``; the recorder is told of it.

    What passes between it and our kernels goes by an outflow.

    jupyter_server (2.21) leaves Nagle's algorithm on, and a browser acknowledges late, so that the last small message
    of a cell waits for 40 ms.
    """

    _outflow: Outflow | None = None

    def connect(self) -> Any:
        """Set the option and go on; called by jupyter_server once the WebSocket is open."""
        self.websocket_handler.set_nodelay(True)
        if recorder := self._recorder():
            recorder.connected(self.kernel_id, self, self.session.session)
        connected = super().connect()
        if connected is not None and (outflow := self._outflow) is not None:
            connected.add_done_callback(lambda _: outflow.begin(self))
        return connected

    def nudge(self) -> asyncio.Future[None]:
        """Wait until the kernel's outputs are heard; called by :meth:`connect` once the channels are there.

        Those of our kernels come by the outflow, which needs no waiting.
        """
        self._outflow = Outflow.of(self)
        if self._outflow is None:
            return super().nudge()
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heard.set_result(None)
        return heard

    def handle_incoming_message(self, incoming_msg: Any) -> None:
        """Pass on what the browser sent: to our kernels directly, without ZeroMQ between."""
        if self._outflow is not None and self.channels and self._may_be_direct(incoming_msg):
            try:
                return self._outflow.ask(incoming_msg)
            except BadFrame:
                pass  # jupyter_server says what it makes of it
        return super().handle_incoming_message(incoming_msg)

    def _may_be_direct(self, frame: Any) -> bool:
        allowed = self.multi_kernel_manager.allowed_message_types  # then jupyter_server must look at each
        return isinstance(frame, bytes) and self.subprotocol == V1_PROTOCOL and not allowed

    def _send_status_message(self, status: str) -> None:
        """Tell the browser of a restart, after what the kernel said before it."""
        if self._outflow is not None:
            self._outflow.flush()
        jupyters: Any = super()
        jupyters._send_status_message(status)

    def disconnect(self) -> Any:
        """Take note and go on; called by jupyter_server when the WebSocket is closed, perhaps twice."""
        if recorder := self._recorder():
            recorder.disconnected(self.kernel_id, self)
        if self._outflow is not None:
            self._outflow.pause(self)
        jupyters: Any = super()
        return jupyters.disconnect()

    def _recorder(self) -> Any:
        return self.websocket_handler.settings.get(RECORDER)


def install_low_latency_websocket(server: Any, settings: MutableMapping[str, Any]) -> bool:
    """Let a server use :class:`LowLatencyWebSocket` in place of Jupyter's own class; True if it does now.

    Called by the extension at start. An administrator's class (``ServerApp.kernel_websocket_connection_class``) and the
    gateway client's are left alone.
    """
    name = "kernel_websocket_connection_class"
    if settings.get(name) is not ZMQChannelsWebsocketConnection:
        return False
    settings[name] = LowLatencyWebSocket
    setattr(server, name, LowLatencyWebSocket)
    return True
