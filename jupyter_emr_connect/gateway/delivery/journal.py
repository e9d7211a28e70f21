"""Questions to the journal in the remote kernel (``injected/kernel_journal.py``), and its answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..protocol.framing import BadFrame, Message, Part
from ..protocol.numbering import NumberRange

REPLAY_REQUEST, REPLAY_REPLY = "emr_connect_replay_request", "emr_connect_replay_reply"
BATCH_BYTES = 8_000_000


@dataclass(frozen=True)
class JournalAnswer:
    """One answer of a kernel's journal.

    ``messages`` are without their channel (iopub is set); ``lost`` are (prefix, first, last); ``handled`` is what
    became of the requests asked for: ``busy`` or ``idle``, none for those that the kernel has not begun; ``more``:
    there is more to ask for.
    """

    messages: list[Message]
    lost: list[tuple[str, int, int]]
    session: str
    handled: dict[str, str] = field(default_factory=dict)
    more: bool = False


def question(tops: dict[str, int], missing: dict[str, list[NumberRange]], requests: Iterable[str]) -> dict[str, Any]:
    """Return the content of a replay request.

    ``tops`` are the highest numbers that have come and ``missing`` those below them that have not, both by prefix;
    ``requests`` are the ids of requests whose state is asked for.
    """
    return {"known": tops, "missing": missing, "requests": list(requests), "most": BATCH_BYTES}


def read(reply: Message) -> JournalAnswer:
    """Return what a reply of the journal says; raises :class:`BadFrame` for one that makes no sense."""
    try:
        content = reply.data
        lengths = [int(length) for length in content["lengths"]]
        return JournalAnswer(
            messages=list(_messages(lengths, reply.buffers)),
            lost=[(str(prefix), int(low), int(high)) for prefix, low, high in content["lost"]],
            session=str(content["session"]),
            handled={str(msg_id): str(state) for msg_id, state in content["handled"].items()},
            more=bool(content["more"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        text = "an answer of the journal that cannot be read"
        raise BadFrame(text) from error


def read_if_any(reply: Message | None) -> JournalAnswer | None:
    """Return what a reply says; None when there was none, or none that makes sense."""
    try:
        return read(reply) if reply is not None else None
    except BadFrame:
        return None


def _messages(lengths: list[int], buffers: Sequence[Part]) -> Iterable[Message]:
    if sum(lengths) != len(buffers) or any(length < 4 for length in lengths):
        raise ValueError
    parts = iter(buffers)
    for length in lengths:
        header, parent, metadata, content, *own = itertools.islice(parts, length)
        yield Message("iopub", header, parent, metadata, content, own)
