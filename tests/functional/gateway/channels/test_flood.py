"""When small messages count as a flood, for which the gateway loop waits a moment, and when no more."""

from __future__ import annotations

import asyncio
import json

import pytest

from jupyter_emr_connect.gateway.channels.flood import FLOOD_MESSAGES, FloodDetector
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.gateway.protocol.framing import Message

WAIT = 20


def message(msg_type: str, size: int = 10) -> Message:
    return Message("iopub", json.dumps({"msg_type": msg_type}).encode(), b"{}", b"{}", b"x" * size)


async def noted(detector: FloodDetector, *messages: Message) -> bool:
    """Let the loop see these messages; return whether it is a flood to it then."""

    async def note() -> bool:
        for message in messages:
            detector.note(message)
        return detector in gateway_loop().selector.floods

    return await gateway_loop().call(note())


async def test_a_loop_that_prints_is_a_flood_and_the_end_of_its_cell_ends_it() -> None:
    detector = FloodDetector()
    assert not await noted(detector, *[message("stream")] * FLOOD_MESSAGES)
    assert await noted(detector, *[message("stream")] * FLOOD_MESSAGES)
    assert not await noted(detector, message("status"))


async def test_a_flood_that_ebbs_away_ends() -> None:
    detector = FloodDetector()
    assert await noted(detector, *[message("display_data")] * (2 * FLOOD_MESSAGES))

    for _ in range(WAIT * 20):
        if not await noted(detector):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the flood did not end")


@pytest.mark.parametrize(
    "messages",
    [
        [message("status"), message("execute_input"), message("stream"), message("status")] * FLOOD_MESSAGES,
        [message("stream", 1_000_000)] * (3 * FLOOD_MESSAGES),
    ],
    ids=["cells", "large"],
)
async def test_a_dialogue_and_large_outputs_are_none(messages: list[Message]) -> None:
    assert not await noted(FloodDetector(), *messages)
