"""The kernels' WebSocket without delay: what a cell prints is sent at once, for every kernel of the server."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

RECORDER = "emr_connect_recorder"  # the setting with the server's recorder


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection between a browser and a kernel, with ``TCP_NODELAY``; the recorder is told of it.

    jupyter_server (2.21) leaves Nagle's algorithm on, and a browser acknowledges late, so that the last small message
    of a cell waits for 40 ms.
    """

    def connect(self) -> Any:
        """Set the option and go on; called by jupyter_server once the WebSocket is open."""
        self.websocket_handler.set_nodelay(True)
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


def hasten(server: Any, settings: MutableMapping[str, Any]) -> bool:
    """Let a server use :class:`PromptConnection`, unless it uses another class than Jupyter's own; True if it does now.

    Called by the extension at start. An administrator's class (``ServerApp.kernel_websocket_connection_class``) and the
    gateway client's are left alone.
    """
    name = "kernel_websocket_connection_class"
    if settings.get(name) is not ZMQChannelsWebsocketConnection:
        return False
    settings[name] = PromptConnection
    setattr(server, name, PromptConnection)
    return True
