"""Both framings carry every message unchanged and take no nonsense."""

from __future__ import annotations

import itertools
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
    deserialize_msg_from_ws_v1,
    serialize_binary_message,
    serialize_msg_to_ws_v1,
)

from jupyter_emr_connect.gateway.protocol.framing import (
    BadFrame,
    Framing,
    Message,
    decode,
    encode,
    parse_json,
    v1_parts,
)

framings = st.sampled_from(["v1", "legacy"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values, max_size=4)
plain_objects = st.sampled_from([{}, {"msg_id": "a"}, {"é\ud800": [1.5, None]}])


@st.composite
def messages(draw: st.DrawFn) -> Message:
    ascii_only, indent = draw(st.booleans()), draw(st.sampled_from([None, 1]))
    any_part = draw(st.integers(0, 3))  # one of any form: both framings treat the four alike, and each drawn costs
    drawn = [draw(objects if number == any_part else plain_objects) for number in range(4)]
    parts = [json.dumps(part, ensure_ascii=ascii_only, indent=indent) for part in drawn]
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


headers = st.dictionaries(st.sampled_from(["msg_id", "msg_type", 'a"b', "sub\\"]) | st.text(), values, max_size=6)
spaces = st.text(alphabet=" \t\r\n", max_size=3)


@given(headers, st.booleans(), st.sampled_from([None, 0, 2]), spaces, spaces, st.booleans())
def test_ids_are_what_json_says_in_whatever_order_spacing_and_escapes(
    header: dict[str, Any], ascii_only: bool, indent: int | None, before: str, after: str, as_view: bool
) -> None:
    try:
        written = f"{before}{json.dumps(header, ensure_ascii=ascii_only, indent=indent)}{after}".encode()
    except UnicodeEncodeError:  # a lone surrogate, which only the escaped form can carry
        written = json.dumps(header).encode()
    part = memoryview(b"#" + written)[1:] if as_view else written
    message = Message("iopub", part, part, b"{}", b"{}")
    known = {name: "" if value is None else str(value) for name, value in header.items()}
    assert message.msg_id == message.parent_id == known.get("msg_id", "")
    assert message.msg_type == known.get("msg_type", "")


def test_the_last_of_repeated_keys_counts_as_for_json() -> None:
    header = b'{"msg_id": "a", "msg_id": "b", "username": {"msg_id": "c"}}'
    message = Message("iopub", header, header, b"{}", b"{}")
    assert message.msg_id == message.parent_id == "b"


def test_a_parent_too_large_to_remember_is_read_all_the_same() -> None:
    header = json.dumps({"username": "x" * 10_000, "msg_id": "a"}).encode()
    assert Message("iopub", b"{}", header, b"{}", b"{}").parent_id == "a"


@pytest.mark.parametrize(
    "header", [b"", b"[]", b"null", b'{"msg_id": "a"', b'{"msg_id": "a"} {}', b"\xff", b'"msg_id"']
)
def test_a_header_that_is_no_object_is_a_bad_frame(header: bytes) -> None:
    message = Message("iopub", header, header, b"{}", b"{}")
    for name in ("msg_id", "msg_type", "parent_id"):
        with pytest.raises(BadFrame):
            getattr(message, name)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (b'{"text": "a\x80b"}', "a\ufffdb"),
        (b'{"text": "\xed\xa0\x80"}', "\ufffd\ufffd\ufffd"),  # half a pair, as three bytes
        (b'{"text": "a\\ud83d"}', "a\ufffd"),
        (b'{"text": "\\ud83d\\ude00 \\\\ud"}', "\U0001f600 \\ud"),
    ],
)
def test_what_cannot_be_decoded_is_replaced_and_the_rest_is_kept(part: bytes, text: str) -> None:
    assert parse_json(part) == {"text": text}
    assert parse_json(memoryview(part)) == {"text": text}


@given(values)
def test_json_is_read_as_json(value: Any) -> None:
    part = json.dumps(value).encode()
    assert json.dumps(parse_json(part), ensure_ascii=False).encode() is not None  # it can be written to a file
    if b"\\ud" not in part:
        assert parse_json(part) == value


def test_a_byte_that_cannot_be_decoded_costs_no_message_in_either_framing() -> None:
    message = Message("iopub", b'{"msg_id": "a", "username": "\x80"}', b"{}", b"{}", b'{"text": "a\x80b"}')
    assert message.msg_id == "a"
    frame = encode(message, "legacy")
    assert isinstance(frame, str)
    assert parse_json(decode(frame, "legacy").content) == {"text": "a\ufffdb"}
    with_buffer = encode(Message("iopub", *(b"{}",) * 3, b'{"text": "a\x80b"}', [b"\x80"]), "legacy")
    found = decode(with_buffer, "legacy")
    assert (parse_json(found.content), bytes(found.buffers[0])) == ({"text": "a\ufffdb"}, b"\x80")


@given(messages())
def test_a_v1_frame_is_passed_on_as_it_came(message: Message) -> None:
    frame = encode(message, "v1")
    came = decode(frame, "v1")
    (passed,) = v1_parts(came)
    assert passed.obj is frame  # type: ignore[union-attr]
    came.move_to("stdin")
    assert decode(encode(came, "v1"), "v1").channel == "stdin"
    assert plain(came)[1:] == plain(message)[1:]


@pytest.mark.parametrize(("before", "after"), [(b"x", b""), (b"", b"x")])
def test_what_lies_beside_the_parts_of_a_frame_is_not_passed_on(before: bytes, after: bytes) -> None:
    parts = [b"iopub", b"{}", b"{}", b"{}", b'{"a": 1}']
    ends = itertools.accumulate(map(len, parts), initial=8 * 7 + len(before))
    came = decode(struct.pack("<7Q", 6, *ends) + before + b"".join(parts) + after, "v1")
    assert encode(came, "v1") == encode(Message("iopub", b"{}", b"{}", b"{}", b'{"a": 1}'), "v1")
