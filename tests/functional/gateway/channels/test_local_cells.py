"""Cells that begin with ``%emr`` before a gateway kernel: answered here, in their turn among those of the kernel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jupyter_emr_connect.gateway.channels.local_cells import LocalCellError, Show, is_local
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.protocol.framing import Message
from tests.functional.gateway.numbered_kernel import NumberedKernel
from tests.functional.gateway.talk import Talk, talking_to, until


class Answers:
    """Answers ``%emr say X`` with X; ``%emr fail`` fails, ``%emr hang`` waits for an interrupt."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hangs = asyncio.Event()

    async def run(self, code: str, show: Show) -> None:
        self.asked.append(code)
        word, _, text = code.strip().removeprefix("%emr").strip().partition(" ")
        if word == "hang":
            self.hangs.set()
            await asyncio.Event().wait()
        if word == "fail":
            name = "Wrong"
            raise LocalCellError(name, "it failed", ["Wrong: it failed"])
        show("stream", {"name": "stdout", "text": text})

    async def complete(self, code: str, cursor: int) -> dict[str, Any]:
        return {"matches": ["status"], "cursor_start": 5, "cursor_end": cursor}


@asynccontextmanager
async def answered() -> AsyncIterator[tuple[Talk, Answers, NumberedKernel]]:
    kernel = NumberedKernel()
    async with talking_to(kernel) as talk:
        answers = Answers()
        talk.bridge.local_cells.answers = answers
        yield talk, answers, kernel


async def ended(talk: Talk, *ids: str) -> tuple[dict[str, str], list[str]]:
    """Return the status of each reply by the cell's id, and the texts in the order in which they came."""
    statuses: dict[str, str] = {}
    while set(statuses) < set(ids):
        message = await talk.client.get_shell_msg(timeout=30)
        statuses[message["parent_header"]["msg_id"]] = message["content"]["status"]
    texts, idle = [], set()
    while idle < set(ids):
        message = await talk.client.get_iopub_msg(timeout=30)
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])
        elif message["content"].get("execution_state") == "idle":
            idle.add(message["parent_header"].get("msg_id"))
    return {name: statuses[name] for name in ids}, texts


async def test_a_cell_is_answered_here_and_others_go_to_the_kernel() -> None:
    async with answered() as (talking, answers, kernel):
        before = kernel.requests.count("execute_request")
        cell = await talking.run("%emr say hello")
        assert (cell.text, cell.reply["status"]) == ("hello", "ok")
        assert (await talking.run("say-x")).text == "x"
        assert answers.asked == ["%emr say hello"]
        assert kernel.requests.count("execute_request") == before + 2  # the first asks for a number, unseen
        asked = talking.client.complete("%emr st", 7)
        while (reply := await talking.client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != asked:
            continue
        assert reply["content"]["matches"] == ["status"]


@pytest.mark.parametrize(("count", "numbers"), [(6, [7, 8]), (None, [1, 2])])
async def test_a_cell_takes_the_kernels_next_number(count: int | None, numbers: list[int]) -> None:
    async with answered() as (talking, _, kernel):
        kernel.count = count
        cells = [await talking.run("%emr say hello") for _ in numbers]
        assert [cell.reply["execution_count"] for cell in cells] == numbers


async def test_cells_keep_their_order() -> None:
    async with answered() as (talking, answers, kernel):
        cells = [talking.client.execute(code) for code in ("wait say-1", "%emr say 2", "say-3", "%emr say 4", "say-5")]
        await until(lambda: kernel.state == "busy" and len(talking.bridge.local_cells._line) == 4)
        assert answers.asked == []
        kernel.go.set()
        statuses, texts = await ended(talking, *cells)
        assert set(statuses.values()) == {"ok"}
        assert texts == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("failing", ["%emr fail", "raise"])
async def test_what_waits_behind_a_cell_that_fails_does_not_run(failing: str) -> None:
    async with answered() as (talking, _, kernel):
        first = talking.client.execute("wait" if failing.startswith("%") else "wait raise")
        codes = (["%emr fail"] if failing.startswith("%") else []) + ["%emr say 2", "say-3"]
        cells = [talking.client.execute(code) for code in codes]
        await until(lambda: kernel.state == "busy" and len(talking.bridge.local_cells._line) == len(codes))
        kernel.go.set()
        statuses, texts = await ended(talking, first, *cells)
        assert list(statuses.values())[-2:] == ["aborted", "aborted"]
        assert texts == []
        assert (await talking.run("%emr say again")).text == "again"


async def test_an_interrupt_ends_the_cell_that_is_answered_here() -> None:
    async with answered() as (talking, answers, _):

        async def interrupt() -> bool:
            await answers.hangs.wait()
            return talking.bridge.local_cells.interrupt()

        running = asyncio.ensure_future(talking.run("%emr hang"))
        assert await gateway_loop().call(interrupt())
        cell = await running
        assert (cell.error, cell.reply["status"]) == ("KeyboardInterrupt", "error")
        assert (await talking.run("say-x")).text == "x"


async def test_a_restart_ends_all_that_waits() -> None:
    async with answered() as (talking, answers, _):
        cells = [talking.client.execute(code) for code in ("%emr hang", "say-2", "%emr say 3")]

        async def restart() -> None:
            await answers.hangs.wait()
            await until(lambda: len(talking.bridge.local_cells._line) == len(cells))  # each comes by itself
            talking.bridge.restarting()

        await gateway_loop().call(restart())
        statuses, texts = await ended(talking, *cells)
        assert (list(statuses.values()), texts) == (["aborted"] * 3, [])
        assert (await talking.run("%emr say again")).text == "again"


def request(content: str, msg_type: str = "execute_request") -> Message:
    header = json.dumps({"msg_id": "1", "msg_type": msg_type}).encode()
    return Message("shell", header, b"{}", b"{}", content.encode())


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        ('{"code": "%emr status"}', True),
        ('{"silent":false,"store_history":true,"user_expressions":{},"code":"\\n  %emr list\\n%emr status"}', True),
        ('{"code": "%emr"}', True),
        ('{"code": "%emr\\n"}', True),
        ('{"code": "%emrx status"}', False),
        ('{"code": "rows = 1\\n%emr list"}', False),
        ('{"code": "x = {\\"code\\": \\"%emr \\"}"}', False),
        (json.dumps({"code": "x" * 5_000_000 + '"code":"%emr '}), False),
    ],
)
def test_only_what_begins_with_emr_is_answered_here(content: str, is_one: bool) -> None:
    assert is_local(request(content)) is is_one
    assert is_local(request(content, "complete_request")) is is_one
    assert not is_local(request(content, "is_complete_request"))
