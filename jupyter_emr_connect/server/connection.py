"""The kernels' WebSocket without delay: what a cell prints is sent at once, for every kernel of the server."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection between a browser and a kernel, with ``TCP_NODELAY``.

    jupyter_server (2.21) leaves Nagle's algorithm on, and a browser acknowledges late, so that the last small message
    of a cell waits for 40 ms.
    """

    def connect(self) -> Any:
        """Set the option and go on; called by jupyter_server once the WebSocket is open."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


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
