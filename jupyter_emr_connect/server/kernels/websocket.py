"""The kernels' WebSockets: without delay, and those of our kernels without loss: what a cell prints is sent, at once.

Which class a kernel gets is chosen for each (:func:`install_websockets`): ours do more than set an option for our own
kernels alone, and with ``EMRConnect.low_latency`` off Jupyter's own class serves all others as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

import jupyter_server
from jupyter_core.utils import ensure_async
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from ...gateway.protocol.framing import V1_PROTOCOL, BadFrame
from .outflow import Outflow

RECORDER = "emr_connect_recorder"  # the setting with the server's recorder
CLASS_SETTING = "kernel_websocket_connection_class"
PROVISIONER = "emr-connect"
# What the outflow needs of Jupyter's class beyond its public methods (jupyter_server 2.4 to 2.21).
NEEDED = ("nudge", "_send_status_message", "_on_error", "_reserialize_reply")


class NoDelayWebSocket(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection between a browser and a kernel, with ``TCP_NODELAY``.

    jupyter_server (2.21) leaves Nagle's algorithm on, and a browser acknowledges late, so that the last small message
    of a cell waits for 40 ms.
    """

    def connect(self) -> Any:
        """Set the option and go on; called by jupyter_server once the WebSocket is open."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


class RecordedWebSocket(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection, of which the recorder is told: it writes only what no browser shows."""

    async def prepare(self) -> None:
        """Wait for a restart under way, and go on; called by jupyter_server before the WebSocket is open.

        jupyter_server (2.21) waits for the first half of a restart alone, and then a minute for a kernel that does not
        come: only the second half knows that and why the restart failed, and has the browser told of it. Until the next
        restart it also refuses whoever opens the notebook, with 500: let in, one can ask for that restart.
        """
        while not (ready := self.kernel_manager.ready).done():
            await asyncio.wait({ready if isinstance(ready, asyncio.Future) else asyncio.wrap_future(ready)})
        jupyters: Any = super()
        if ready.cancelled() or (error := ready.exception()) is None:
            await jupyters.prepare()
            return
        await jupyters._register_session()
        self.session.key = self.kernel_manager.session.key
        if not await ensure_async(self.kernel_manager.is_alive()):  # told in the kernel's model, as jupyter_server does
            manager: Any = self.kernel_manager
            manager.execution_state, manager.reason = "dead", str(error)

    def connect(self) -> Any:
        """Take note and go on; called by jupyter_server once the WebSocket is open."""
        if recorder := self._recorder():
            recorder.connected(self.kernel_id, self, self.session.session)
        return super().connect()

    def disconnect(self) -> Any:
        """Take note and go on; called by jupyter_server when the WebSocket is closed, perhaps twice."""
        if recorder := self._recorder():
            recorder.disconnected(self.kernel_id, self)
        jupyters: Any = super()
        return jupyters.disconnect()

    def _recorder(self) -> Any:
        return self.websocket_handler.settings.get(RECORDER)


class LowLatencyWebSocket(RecordedWebSocket):
    """The connection of one of our kernels, without delay; what passes goes by an outflow, without ZeroMQ between."""

    _outflow: Outflow | None = None

    def connect(self) -> Any:
        """Set the option and go on; called by jupyter_server once the WebSocket is open."""
        self.websocket_handler.set_nodelay(True)
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

    def outflow_is_over(self) -> None:
        """Go on by Jupyter's own sockets; called when the kernel has left its gateway, all that it said there sent."""
        self._outflow = None

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
        """Let the outflow keep what comes from now on; called by jupyter_server, perhaps twice."""
        if self._outflow is not None:
            self._outflow.pause(self)
        return super().disconnect()


def install_websockets(settings: MutableMapping[str, Any], *, low_latency: bool) -> bool:
    """Let a server choose the class of each kernel's WebSocket; False where its class is not Jupyter's own.

    Called by the extension at start. An administrator's class (``ServerApp.kernel_websocket_connection_class``) and the
    gateway client's are left alone, and so is the server's trait: all our classes share with Jupyter's what it needs at
    the server's end (``close_all``).
    """
    if settings.get(CLASS_SETTING) is not ZMQChannelsWebsocketConnection:
        return False
    settings[CLASS_SETTING] = _chooser(low_latency)
    return True


def _chooser(low_latency: bool) -> Callable[..., ZMQChannelsWebsocketConnection]:
    others = NoDelayWebSocket if low_latency else ZMQChannelsWebsocketConnection
    ours = LowLatencyWebSocket if low_latency and fits() else RecordedWebSocket

    def make(*, parent: Any, **options: Any) -> ZMQChannelsWebsocketConnection:
        """Make a kernel's connection; called by jupyter_server in place of the class."""
        chosen = ours if is_ours(parent) else others
        return chosen(parent=parent, **options)

    return make


def fits() -> bool:
    """Say whether Jupyter's class is one that the outflow has been tried with, by its version and what it has."""
    has_all = all(hasattr(ZMQChannelsWebsocketConnection, name) for name in NEEDED)
    return jupyter_server.version_info[0] == 2 and has_all


def is_ours(kernel_manager: Any) -> bool:
    """Say whether a kernel has our channels, or its kernelspec names our provisioner, which makes them."""
    if getattr(getattr(kernel_manager, "provisioner", None), "channels", None) is not None:
        return True
    spec = getattr(kernel_manager, "kernel_spec", None)
    metadata: Any = getattr(spec, "metadata", None) or {}
    named: Any = metadata.get("kernel_provisioner") or {}
    return bool(named.get("provisioner_name") == PROVISIONER)
