"""The kernels' WebSocket of a server with the extension, on a local kernel."""

from __future__ import annotations

import json
import socket

import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from jupyter_emr_connect.server.kernels.websocket import LowLatencyWebSocket, install_low_latency_websocket

SEEN: list[int] = []


class Watched(LowLatencyWebSocket):
    """Notes the option of its socket when it is connected."""

    def connect(self):
        made = super().connect()
        stream = self.websocket_handler.ws_connection.stream
        SEEN.append(stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return made


async def test_a_kernels_socket_sends_at_once(cloud, jp_serverapp, jp_fetch, jp_ws_fetch):
    settings = jp_serverapp.web_app.settings
    assert settings["kernel_websocket_connection_class"] is LowLatencyWebSocket
    settings["kernel_websocket_connection_class"] = Watched
    kernel = json.loads((await jp_fetch("api", "kernels", method="POST", allow_nonstandard_methods=True)).body)
    ws = await jp_ws_fetch("api", "kernels", kernel["id"], "channels")
    ws.close()
    await jp_fetch("api", "kernels", kernel["id"], method="DELETE")
    assert SEEN == [1]


def test_an_administrators_class_is_left_alone():
    class Own(ZMQChannelsWebsocketConnection):
        pass

    class Server:
        kernel_websocket_connection_class = Own

    settings = {"kernel_websocket_connection_class": Own}
    assert not install_low_latency_websocket(Server, settings)
    assert settings == {"kernel_websocket_connection_class": Own}


@pytest.mark.parametrize("settings", [{}, {"kernel_websocket_connection_class": None}])
def test_a_server_without_the_setting_is_left_alone(settings):
    assert not install_low_latency_websocket(object(), dict(settings))
