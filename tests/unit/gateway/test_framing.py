"""Both framings carry every message unchanged and take no nonsense."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
    deserialize_msg_from_ws_v1,
    serialize_binary_message,
    serialize_msg_to_ws_v1,
)

from jupyter_emr_connect.gateway.framing import BadFrame, Framing, Message, decode, encode

framings = st.sampled_from(["v1", "legacy"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values, max_size=4)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    ascii_only, indent = draw(st.booleans()), draw(st.sampled_from([None, 1]))
    parts = [json.dumps(draw(objects), ensure_ascii=ascii_only, indent=indent) for _ in range(4)]
    try:
        encoded = [part.encode() for part in parts]
    except UnicodeEncodeError:  # a lone surrogate, which only the escaped form can carry
        encoded = [json.dumps(json.loads(part)).encode() for part in parts]
    channel = draw(st.sampled_from(["shell", "control", "iopub", "stdin"]))
    return Message(channel, *encoded, buffers=draw(st.lists(st.binary(max_size=50), max_size=3)))  # type: ignore[misc]


def plain(message: Message) -> tuple[str, list[bytes], list[bytes]]:
    parts = (message.header, message.parent_header, message.metadata, message.content)
    return message.channel, [bytes(part) for part in parts], [bytes(buffer) for buffer in message.buffers]


@given(messages(), framings)
def test_a_message_comes_back_byte_for_byte(message: Message, framing: Framing) -> None:
    assert plain(decode(encode(message, framing), framing)) == plain(message)


@given(messages())
def test_v1_is_what_jupyter_server_reads_and_writes(message: Message) -> None:
    channel, parts = deserialize_msg_from_ws_v1(encode(message, "v1"))
    assert (channel, parts) == (message.channel, [*plain(message)[1], *plain(message)[2]])
    written = serialize_msg_to_ws_v1([*plain(message)[1], *plain(message)[2]], message.channel)
    assert plain(decode(written, "v1")) == plain(message)


@given(messages())
def test_legacy_is_what_jupyter_server_reads_and_writes(message: Message) -> None:
    frame = encode(message, "legacy")
    theirs = json.loads(frame) if isinstance(frame, str) else deserialize_binary_message(frame)
    assert theirs["content"] == json.loads(bytes(message.content))
    assert theirs["channel"] == message.channel
    if message.buffers:
        back = decode(serialize_binary_message(theirs), "legacy")
        assert plain(back)[2] == plain(message)[2]
        assert back.head == message.head


@given(st.binary(max_size=300) | st.text(max_size=300), framings)
def test_garbage_is_a_bad_frame_and_nothing_else(frame: bytes | str, framing: Framing) -> None:
    try:
        decode(frame, framing)
    except BadFrame:
        return


@given(messages(), framings, st.data())
def test_half_a_frame_is_a_bad_frame_or_a_shorter_buffer(
    message: Message, framing: Framing, data: st.DataObject
) -> None:
    frame = encode(message, framing)
    cut = frame[: data.draw(st.integers(0, len(frame) - 1))]
    try:
        found = decode(cut, framing)
    except BadFrame:
        return
    # Only legacy frames do not say where their last part ends.
    assert framing == "legacy"
    assert plain(found)[:2] == plain(message)[:2]


@given(messages(), st.data())
def test_flipped_bytes_never_break_the_decoder(message: Message, data: st.DataObject) -> None:
    frame = bytearray(encode(message, "v1"))  # type: ignore[arg-type]
    for _ in range(3):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decode(bytes(frame), "v1")
        _ = found.head, found.parent
    except BadFrame:
        return


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff" * 8,
        b"\x06" + b"\x00" * 7 + b"\xff" * 48,
        (1 << 62).to_bytes(8, "little"),
    ],
)
def test_lengths_that_lie_are_refused_without_allocating(frame: bytes) -> None:
    with pytest.raises(BadFrame):
        decode(frame, "v1")


def test_a_text_frame_on_a_binary_connection_is_refused() -> None:
    with pytest.raises(BadFrame, match="text frame"):
        decode("{}", "v1")


def test_deep_nesting_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame):
        decode('{"content": ' + "[" * 100_000, "legacy")
