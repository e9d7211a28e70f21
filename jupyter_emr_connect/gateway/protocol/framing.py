"""The two forms in which JEG puts a kernel message into a WebSocket frame (reference 5.6).

``v1.kernel.websocket.jupyter.org``: binary; little-endian uint64s: how many offsets, the offsets, then channel,
header, parent header, metadata, content and buffers one after the other. Legacy: one JSON object, as a text frame, or
as a binary frame of big-endian uint32s (how many parts, their offsets), the JSON and the buffers.

The four JSON parts stay the bytes they are: v1 only cuts them out, legacy splices them into the frame's object and
scans them out of it again, so a message's content is never parsed and written anew.
"""

from __future__ import annotations

import itertools
import json
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, Literal, TypeVar

from .numbering import split

V1_PROTOCOL = "v1.kernel.websocket.jupyter.org"
REQUEST_CHANNELS = ("shell", "control", "stdin")  # each reply goes back to the client that asked
CHANNELS = frozenset({*REQUEST_CHANNELS, "iopub"})

T = TypeVar("T")
Part = bytes | memoryview
Framing = Literal["v1", "legacy"]

_PARTS = ("header", "parent_header", "metadata", "content")
_MAX_PARTS = 1_000_000
_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_REMEMBERED_SIZE = 4096


class BadFrame(ValueError):
    """The peer sent a frame that is no kernel message; says what is wrong with it, never what was in it."""


class _Once(Generic[T]):
    """A property that is computed at first use; without the lock that ``cached_property`` takes before Python 3.12."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.__doc__ = compute.__doc__
        self._compute = compute

    def __get__(self, message: Any, owner: type) -> T:
        value: T = self._compute(message)
        message.__dict__[self._compute.__name__] = value
        return value


@dataclass
class Message:
    """A kernel message on its way: a channel, four JSON parts and the buffers, all as bytes.

    ``frame`` is the v1 frame that these were cut out of, for whoever passes the message on as it came.
    """

    channel: str
    header: Part
    parent_header: Part
    metadata: Part
    content: Part
    buffers: Sequence[Part] = field(default_factory=tuple)
    frame: Part | None = field(default=None, repr=False, compare=False)

    def move_to(self, channel: str) -> None:
        """Let the message belong to another channel."""
        self.channel, self.frame = channel, None

    @_Once
    def head(self) -> dict[str, Any]:
        """Return the header, parsed at first use; :class:`BadFrame` when it is no JSON object."""
        return _parse_object(self.header, "header")

    @_Once
    def parent(self) -> dict[str, Any]:
        """Return the parent header, parsed at first use; :class:`BadFrame` when it is no JSON object."""
        return _parse_object(self.parent_header, "parent header")

    @_Once
    def msg_id(self) -> str:
        """Return the message's id, or an empty string."""
        return _text(self.head, "msg_id")

    @_Once
    def numbered(self) -> tuple[str, int]:
        """Return the prefix and the running number of the message's id (``numbering.split``)."""
        return split(self.msg_id)

    @_Once
    def msg_type(self) -> str:
        """Return the message's type, or an empty string."""
        return _text(self.head, "msg_type")

    @_Once
    def parent_id(self) -> str:
        """Return the id of the message that this one answers, or an empty string; :class:`BadFrame` as for parent.

        All that a cell publishes has the same parent, so the last ones are remembered instead of parsed again.
        """
        if len(self.parent_header) > _REMEMBERED_SIZE:
            return _text(self.parent, "msg_id")
        return _id_in(bytes(self.parent_header))

    @_Once
    def data(self) -> dict[str, Any]:
        """Return the content, parsed at first use; :class:`BadFrame` when it is no JSON object."""
        return _parse_object(self.content, "content")

    @_Once
    def size(self) -> int:
        """Return the bytes that the message holds in memory."""
        return sum(map(len, (self.header, self.parent_header, self.metadata, self.content, *self.buffers)))


@lru_cache(maxsize=256)
def _id_in(parent_header: bytes) -> str:
    return _text(_parse_object(parent_header, "parent header"), "msg_id")


def _text(header: dict[str, Any], name: str) -> str:
    value = header.get(name)
    return "" if value is None else str(value)


def parse_json(part: Part) -> Any:
    """Return what a part says; raises :class:`ValueError` or :class:`RecursionError` where it is no JSON.

    A kernel writes what it cannot decode, such as the byte ``0x80`` of a file's name, as the byte it was
    (jupyter_client packs with ``surrogateescape``). It becomes U+FFFD, as in jupyter_client and in browsers.
    So does half a surrogate pair that is written as an escape: no file could hold it.
    """
    text = text_of(part)
    value = json.loads(text)
    if "\\ud" in text or "\\uD" in text:
        value = json.loads(_LONE_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False)))
    return value


def text_of(part: Part) -> str:
    """Return a part as text, with U+FFFD for what is no UTF-8."""
    return str(part, "utf-8", "replace")


def _parse_object(part: Part, name: str) -> dict[str, Any]:
    try:
        text = text_of(part)
        # Without json.loads's guess of the encoding and its trimming, which cost more than the parsing does.
        value, end = _DECODER.raw_decode(text) if text[:1] == "{" else ("", 0)
        if end != len(text):
            value = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"the {name} is not JSON"
        raise BadFrame(message) from error
    if not isinstance(value, dict):
        message = f"the {name} is not a JSON object"
        raise BadFrame(message)
    return value


def encode(message: Message, framing: Framing) -> bytes | str:
    """Return the WebSocket frame: ``bytes`` for a binary frame, ``str`` for a text frame."""
    return b"".join(v1_parts(message)) if framing == "v1" else _encode_legacy(message)


def decode(frame: bytes | str, framing: Framing) -> Message:
    """Return the message in a frame; raises :class:`BadFrame`, and nothing else, for anything that is not one."""
    if framing == "v1":
        if isinstance(frame, str):
            text = "a text frame on a connection that agreed on binary ones"
            raise BadFrame(text)
        return _decode_v1(memoryview(frame))
    return _decode_legacy(frame)


def v1_parts(message: Message) -> list[Part]:
    """Return what a v1 frame consists of, not yet joined, so that large parts need not be copied.

    A message that came in such a frame goes on in it.
    """
    if message.frame is not None:
        return [message.frame]
    channel = message.channel.encode()
    parts = [channel, message.header, message.parent_header, message.metadata, message.content, *message.buffers]
    offsets = list(itertools.accumulate(map(len, parts), initial=8 * (len(parts) + 2)))
    return [struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets), *parts]


def _decode_v1(frame: memoryview) -> Message:
    offsets = _read_offsets(frame, "<Q")
    if len(offsets) < 6:
        text = "fewer parts than a kernel message has"
        raise BadFrame(text)
    start, end = 8 * (len(offsets) + 1), len(frame)
    _check_offsets(offsets, start=start, end=end)
    begin, a, b, c, d, e, *_ = offsets
    channel = _channel(bytes(frame[begin:a]))
    buffers = [frame[first:last] for first, last in itertools.pairwise(offsets[5:])] if len(offsets) > 6 else ()
    as_it_came = frame if begin == start and offsets[-1] == end else None  # nothing in it but the parts
    return Message(channel, frame[a:b], frame[b:c], frame[c:d], frame[d:e], buffers, as_it_came)


def _read_offsets(frame: memoryview, form: str) -> list[int]:
    width = struct.calcsize(form)
    if len(frame) < width:
        text = "shorter than its own length field"
        raise BadFrame(text)
    (count,) = struct.unpack_from(form, frame)
    if count > _MAX_PARTS or len(frame) < width * (count + 1):
        text = "shorter than the list of its parts"
        raise BadFrame(text)
    return list(struct.unpack_from(f"{form[0]}{count}{form[1]}", frame, width))


def _check_offsets(offsets: list[int], *, start: int, end: int) -> None:
    if offsets[0] < start or offsets[-1] > end or sorted(offsets) != offsets:
        text = "parts that lie outside the frame"
        raise BadFrame(text)


def _channel(name: bytes | str) -> str:
    if name == b"iopub":  # nearly all
        return "iopub"
    text = name.decode("ascii", "replace") if isinstance(name, bytes) else name
    if text not in CHANNELS:
        message = "an unknown channel"
        raise BadFrame(message)
    return text


def _encode_legacy(message: Message) -> bytes | str:
    parts = (message.header, message.parent_header, message.metadata, message.content)
    spliced = b"".join(b'"%s":%s,' % (name.encode(), bytes(part)) for name, part in zip(_PARTS, parts, strict=True))
    body = b'{%s"buffers":[],"channel":"%s"}' % (spliced, message.channel.encode())
    if not message.buffers:
        return text_of(body)
    sections = (body, *message.buffers)
    offsets = [4 * (len(sections) + 1)]
    for section in sections[:-1]:
        offsets.append(offsets[-1] + len(section))
    return b"".join((struct.pack(f">{len(sections) + 1}I", len(sections), *offsets), *sections))


def _decode_legacy(frame: bytes | str) -> Message:
    buffers: Sequence[Part] = ()
    if isinstance(frame, str):
        text = frame
    else:
        view = memoryview(frame)
        offsets = _read_offsets(view, ">I")
        if not offsets:
            message = "a frame without parts"
            raise BadFrame(message)
        _check_offsets(offsets, start=4 * (len(offsets) + 1), end=len(view))
        body, *buffers = (view[a:b] for a, b in zip(offsets, [*offsets[1:], len(view)], strict=True))
        text = text_of(body)
    return _from_json(text, buffers)


def _from_json(text: str, buffers: Sequence[Part]) -> Message:
    sources, channel = _scan_object(text)
    if any(name not in sources for name in ("header", "content")):
        message = "JSON without header or content"
        raise BadFrame(message)
    header, parent, metadata, content = (sources.get(name, "{}").encode("utf-8", "replace") for name in _PARTS)
    return Message(channel, header, parent, metadata, content, buffers)


def _scan_object(text: str) -> tuple[dict[str, str], str]:
    """Return the source text of the message's parts and its channel, with one pass of the JSON scanner."""
    sources: dict[str, str] = {}
    channel = ""
    try:
        at = _skip(text, 0, "{")
        while text[at] != "}":
            name, at = _DECODER.raw_decode(text, at)
            start = _skip(text, at, ":")
            value, at = _DECODER.raw_decode(text, start)
            if name in _PARTS:
                sources[name] = text[start:at]
            elif name == "channel":
                channel = str(value)
            at = _skip(text, at)
            if text[at] == ",":
                at = _skip(text, at + 1)
    except (ValueError, IndexError, RecursionError) as error:
        message = "a text that is not one JSON object"
        raise BadFrame(message) from error
    return sources, _channel(channel)


def _skip(text: str, at: int, token: str = "") -> int:
    """Return the index after white space, ``token`` and the white space behind it."""
    while text[at] in _SPACE:
        at += 1
    if not token:
        return at
    if text[at] != token:
        raise ValueError(token)
    return _skip(text, at + 1)
