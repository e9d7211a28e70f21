"""The kernels' WebSockets of a server with the extension: which class each kernel gets, on local kernels."""

from __future__ import annotations

import asyncio
import json
import socket
from types import SimpleNamespace

import jupyter_server
import pytest
import tornado
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.iostream import IOStream
from tornado.websocket import WebSocketProtocol13

from jupyter_emr_connect.gateway.channels.in_process import InProcessChannels
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.protocol.framing import Message
from jupyter_emr_connect.server.kernels.outflow import Outflow, takes_frames
from jupyter_emr_connect.server.kernels.websocket import (
    CLASS_SETTING,
    LowLatencyWebSocket,
    NoDelayWebSocket,
    RecordedWebSocket,
    install_websockets,
)


@pytest.fixture
def jp_argv(request):
    return getattr(request, "param", [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("jp_argv", "cls", "no_delay"),
    [
        ([], NoDelayWebSocket, True),
        (["--EMRConnect.low_latency=False"], ZMQChannelsWebsocketConnection, False),
    ],
    indirect=["jp_argv"],
)
async def test_a_local_kernels_socket_sends_at_once_unless_it_is_switched_off(
    cloud, jp_serverapp, jp_fetch, jp_ws_fetch, cls, no_delay
):
    seen = []
    settings = jp_serverapp.web_app.settings
    chosen = settings[CLASS_SETTING]
    assert jp_serverapp.kernel_websocket_connection_class is ZMQChannelsWebsocketConnection

    def watch(**options):
        made = chosen(**options)
        connect = made.connect

        def look():
            connected = connect()
            stream = made.websocket_handler.ws_connection.stream
            seen.append((type(made), bool(stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))))
            return connected

        made.connect = look
        return made

    settings[CLASS_SETTING] = watch
    kernel = json.loads((await jp_fetch("api", "kernels", method="POST", allow_nonstandard_methods=True)).body)
    ws = await jp_ws_fetch("api", "kernels", kernel["id"], "channels")
    ws.close()
    await jp_fetch("api", "kernels", kernel["id"], method="DELETE")
    assert seen == [(cls, no_delay)]


@pytest.mark.slow
async def test_a_page_opened_after_a_restart_that_failed_is_let_in(cloud, jp_serverapp, jp_fetch, jp_ws_fetch):
    """The kernel may be there still, and is restarted from that page."""
    jp_serverapp.web_app.settings[CLASS_SETTING] = RecordedWebSocket
    kernel = json.loads((await jp_fetch("api", "kernels", method="POST", allow_nonstandard_methods=True)).body)
    manager = jp_serverapp.kernel_manager.get_kernel(kernel["id"])
    await (ready := manager.ready)
    manager._ready = asyncio.get_running_loop().create_future()
    manager._ready.set_exception(RuntimeError("HTTP 500"))
    ws = await jp_ws_fetch("api", "kernels", kernel["id"], "channels")
    await ws.write_message(json.dumps(message("kernel_info_request")))
    while json.loads(await ws.read_message())["msg_type"] != "kernel_info_reply":
        pass
    ws.close()
    manager._ready = ready  # else the kernel is taken for dead, and not ended
    await jp_fetch("api", "kernels", kernel["id"], method="DELETE")


def message(msg_type):
    """Return what a browser sends on the channel of shell."""
    header = {"msg_id": "m1", "msg_type": msg_type, "session": "s1", "username": "u", "version": "5.3", "date": ""}
    return {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": {}, "buffers": []}


def manager(provisioner: str | None):
    metadata = {"kernel_provisioner": {"provisioner_name": provisioner}} if provisioner else {}
    return SimpleNamespace(kernel_spec=SimpleNamespace(metadata=metadata))


@pytest.fixture
def chosen(monkeypatch):
    """The class that a kernel of a provisioner gets; none is made."""
    made = []
    for cls in (ZMQChannelsWebsocketConnection, NoDelayWebSocket, RecordedWebSocket, LowLatencyWebSocket):
        monkeypatch.setattr(cls, "__init__", lambda self, **options: made.append(type(self)))

    def ask(provisioner, *, low_latency=True):
        settings = {CLASS_SETTING: ZMQChannelsWebsocketConnection}
        assert install_websockets(settings, low_latency=low_latency)
        settings[CLASS_SETTING](parent=manager(provisioner), websocket_handler=None, config=None)
        return made.pop()

    return ask


def test_each_kernel_gets_the_least_that_it_needs(chosen, monkeypatch):
    assert chosen("emr-connect") is LowLatencyWebSocket
    assert chosen(None) is chosen("local-provisioner") is NoDelayWebSocket
    assert chosen(None, low_latency=False) is ZMQChannelsWebsocketConnection
    assert chosen("emr-connect", low_latency=False) is RecordedWebSocket  # the recorder must know who is there
    monkeypatch.setattr(jupyter_server, "version_info", (3, 0, 0))
    assert chosen("emr-connect") is RecordedWebSocket


def test_a_jupyter_that_lacks_what_the_outflow_needs_serves_our_kernels_in_its_own_way(chosen, monkeypatch):
    monkeypatch.delattr(ZMQChannelsWebsocketConnection, "_reserialize_reply")
    assert chosen("emr-connect") is RecordedWebSocket


class Handler:
    """A WebSocket handler, compressing or not."""

    def __init__(self, options=None) -> None:
        self.options = options

    def get_compression_options(self):
        return self.options


def test_frames_are_written_to_the_stream_of_tornado_6_alone(monkeypatch):
    plain = object.__new__(WebSocketProtocol13)
    plain.mask_outgoing, plain.stream = False, object.__new__(IOStream)
    assert takes_frames(Handler(), plain)
    assert not takes_frames(Handler({}), plain)
    other = object.__new__(type("Other", (WebSocketProtocol13,), {}))
    other.mask_outgoing, other.stream = False, plain.stream
    assert not takes_frames(Handler(), other)
    monkeypatch.setattr(tornado, "version_info", (7, 0, 0, 0))
    assert not takes_frames(Handler(), plain)


def test_an_administrators_class_is_left_alone():
    class Own(ZMQChannelsWebsocketConnection):
        pass

    settings = {CLASS_SETTING: Own}
    assert not install_websockets(settings, low_latency=True)
    assert settings == {CLASS_SETTING: Own}


@pytest.mark.parametrize("settings", [{}, {CLASS_SETTING: None}])
def test_a_server_without_the_setting_is_left_alone(settings):
    assert not install_websockets(dict(settings), low_latency=True)


class Stream:
    """A ZeroMQ stream of outputs, which can be subscribed to and closed."""

    def __init__(self):
        self.subscribed = True
        self.on_close = None
        self.socket = SimpleNamespace(unsubscribe=self._unsubscribe, subscribe=self._subscribe)

    def _unsubscribe(self, topic):
        self.subscribed = False

    def _subscribe(self, topic):
        self.subscribed = True

    def set_close_callback(self, callback):
        self.on_close = callback


async def test_a_kernel_restarted_by_another_transport_is_heard_on_its_own_sockets():
    """Jupyter gives the stream of the connection before the restart to the next one: the ports are the same."""
    gateways = [SimpleNamespace(in_process=InProcessChannels()) for _ in range(2)]
    stream, provisioner = Stream(), SimpleNamespace(channels=gateways[0], has_process=True)
    connection = SimpleNamespace(
        channels={"iopub": stream},
        kernel_manager=SimpleNamespace(provisioner=provisioner),
        websocket_handler=SimpleNamespace(settings={}),
        session=SimpleNamespace(bsession=b"browser"),
    )
    first = Outflow.of(connection)
    assert first is Outflow.of(connection)  # a restart by the same transport
    assert not stream.subscribed
    provisioner.channels, provisioner.has_process = None, False  # it is gone: what it said last is still there
    assert Outflow.of(connection) is first
    provisioner.has_process = True  # restarted, by Livy
    assert Outflow.of(connection) is None
    assert (stream.subscribed, stream.on_close) == (True, None)
    provisioner.channels = gateways[1]  # and back
    second = Outflow.of(connection)
    assert second not in (None, first)
    second.close()


async def test_a_tab_that_stays_open_hears_a_kernel_that_another_one_restarts_by_livy():
    """Nobody connects anew there: its outflow tells it, after what the gateway's kernel said last."""
    channels = SimpleNamespace(in_process=InProcessChannels())
    stream = Stream()
    sent = []
    connection = SimpleNamespace(
        channels={"iopub": stream},
        kernel_manager=SimpleNamespace(provisioner=SimpleNamespace(channels=channels), last_activity=None),
        websocket_handler=SimpleNamespace(settings={}),
        session=SimpleNamespace(bsession=b"browser"),
        over=asyncio.Event(),
    )
    connection.outflow_is_over = connection.over.set
    outflow = Outflow.of(connection)
    outflow._send = sent.extend
    outflow._mark_activity = lambda now: None
    outflow.begin(connection)
    last = Message("iopub", b"{}", b"{}", b"{}", b"{}")

    async def leave():
        channels.in_process.offer(last)
        channels.in_process.end()

    await gateway_loop().call(leave())
    await asyncio.wait_for(connection.over.wait(), 60)
    assert sent == [last]
    assert (stream.subscribed, stream.on_close) == (True, None)
    assert Outflow.of(connection) is not outflow  # the stream knows it no more
