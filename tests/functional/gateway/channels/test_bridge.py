"""The bridge against a gateway that hears a kernel's replies before its outputs, as after a restart."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from jupyter_emr_connect.gateway.channels.bridge import Bridge
from jupyter_emr_connect.gateway.connection.status import LinkState
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.protocol.framing import V1_PROTOCOL, Message, decode, encode
from jupyter_emr_connect.gateway.rest import GatewayClient
from jupyter_emr_connect.gateway.target import GatewayTarget
from tests.functional.gateway.numbered_kernel import NumberedKernel
from tests.functional.gateway.servers import HOST, serving
from tests.functional.gateway.talk import talking_to, until


def answer(request: Message, channel: str, msg_type: str) -> bytes:
    header = json.dumps({"msg_id": f"answer-{request.msg_id}", "msg_type": msg_type}).encode()
    frame = encode(Message(channel, header, request.header, b"{}", b'{"execution_state": "idle"}'), "v1")
    assert isinstance(frame, bytes)
    return frame


@dataclass
class DeafAtFirst:
    """A gateway whose kernel replies from the first, but whose outputs are lost until the request ``heard``."""

    heard: int
    asked: list[str] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(protocols=(V1_PROTOCOL,))
        await ws.prepare(request)
        async for frame in ws:
            assert frame.type is WSMsgType.BINARY
            question = decode(frame.data, "v1")
            self.asked.append(question.msg_type)
            if len(self.asked) >= self.heard:
                await ws.send_bytes(answer(question, "iopub", "status"))
            await ws.send_bytes(answer(question, "shell", "kernel_info_reply"))
        return ws


async def asked_until_ready(gateway: DeafAtFirst) -> None:
    async def nothing(restart: bool) -> None:
        """No client asks for the kernel's end here."""

    async def meet(port: int) -> None:
        client = GatewayClient(GatewayTarget(f"http://{HOST}:{port}"), connect_timeout=2)
        bridge = Bridge(
            key=b"k", journal_bytes=0, on_shutdown=nothing, on_state=lambda _: None, on_status=lambda _: None
        )
        try:
            await bridge.connect(client, "k")
            await bridge.ready()
        finally:
            await bridge.close()
            await client.close()

    async with serving(gateway) as port:
        await asyncio.wait_for(gateway_loop().call(meet(port)), 20)


async def test_a_kernel_is_ready_only_once_its_outputs_are_heard() -> None:
    gateway = DeafAtFirst(heard=4)
    await asked_until_ready(gateway)
    assert gateway.asked == ["kernel_info_request"] * 4


async def test_a_kernel_whose_outputs_are_heard_is_asked_once() -> None:
    gateway = DeafAtFirst(heard=1)
    await asked_until_ready(gateway)
    assert gateway.asked == ["kernel_info_request"]


class FailingObserver:
    """Raises whatever it is told."""

    def __getattr__(self, name: str) -> Any:
        def tell(*words: object) -> None:
            self.told.add(name)
            text = f"the observer's {name} fails"
            raise RuntimeError(text)

        return tell

    def __init__(self) -> None:
        self.told: set[str] = set()


async def test_an_observer_that_raises_keeps_nothing_from_the_client(caplog: pytest.LogCaptureFixture) -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        talk.bridge.observer = observer = FailingObserver()
        for words in ("say-a say-b", "say-c"):
            cell = await talk.run(words)
            assert cell.text == words.replace("say-", "").replace(" ", "")
            assert cell.reply["status"] == "ok"
        assert observer.told == {"requested", "published", "replied"}
        assert all(status.state is LinkState.CONNECTED for status in talk.states[1:])
    assert "the observer's published fails" in caplog.text


async def test_messages_that_make_no_sense_stop_none_that_follows() -> None:
    """A count too long for Python to read, and a state nested too deeply for its parser."""
    async with talking_to(NumberedKernel()) as talk:
        cell = await talk.run("say-a longid-b deep say-c")
        assert (cell.text, cell.reply["status"]) == ("abc", "ok")
        assert (await talk.run("say-d")).text == "d"
        assert talk.bridge.inbox.malformed == 1
        assert [status for status in talk.states if status.state is LinkState.RECONNECTING] == []


@pytest.mark.parametrize("ename", ["KernelGone", ""])
async def test_a_cell_that_ends_without_its_kernel_leaves_no_widget_that_nobody_answers_for(ename: str) -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        assert (await talk.run("open-old")).closed == []
        running = asyncio.ensure_future(talk.run("open-a open-bar shut-a say-x wait"))
        await until(lambda: any(request.comms == {"bar"} for request in talk.bridge.requests.running()))

        async def end() -> None:
            talk.bridge.abandon("error" if ename else "aborted", ename, "It is no more.")

        await gateway_loop().call(end())
        cell = await running
        assert (cell.error, cell.closed) == (ename, ["a", "bar"])
        kernel.go.set()


async def test_the_widgets_of_a_cell_whose_kernel_lives_stay_open_when_its_reply_is_lost() -> None:
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        running = asyncio.ensure_future(talk.run("open-slider wait"))
        await until(lambda: any(request.comms for request in talk.bridge.requests.running()))

        async def end() -> None:
            (request,) = talk.bridge.requests.running()
            talk.bridge.fail(request, "error", "ReplyLost", "It is unknown.")

        await gateway_loop().call(end())
        cell = await running
        assert (cell.error, cell.closed) == ("ReplyLost", [])
        kernel.go.set()
