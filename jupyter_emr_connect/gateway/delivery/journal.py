"""Our side of the journal that lives in the remote kernel (``kernel_journal.py``): putting it there, and asking it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..injected.install import injection_request
from ..protocol.framing import BadFrame, Message, Part
from ..protocol.numbering import NumberRange

REQUEST, REPLY = "emr_connect_replay_request", "emr_connect_replay_reply"
BATCH_BYTES = 8_000_000


def installation(limit: int) -> dict[str, Any]:
    """Return the content of the execute request that installs a journal of ``limit`` bytes."""
    return injection_request("kernel_journal", f"install(get_ipython().kernel, {limit})")


def installed(content: Part) -> bool:
    """Return whether an execute reply says that the installation worked."""
    try:
        reply = json.loads(bytes(content))
        return bool(reply["user_expressions"]["emr_connect"]["status"] == "ok")
    except (ValueError, KeyError, TypeError):
        return False


@dataclass(frozen=True)
class JournalAnswer:
    """An answer of the journal.

    ``messages`` are without their channel (iopub is set); ``lost`` are (prefix, first, last); ``handled`` is what
    became of the requests asked for: ``busy`` or ``idle``, none for those that the kernel has not begun; ``more``:
    there is more to ask for.
    """

    messages: list[Message]
    lost: list[tuple[str, int, int]]
    session: str
    handled: dict[str, str] = field(default_factory=dict)
    more: bool = False


def question(known: dict[str, int], missing: dict[str, list[NumberRange]], requests: Iterable[str]) -> dict[str, Any]:
    """Return the content of a replay request."""
    return {"known": known, "missing": missing, "requests": list(requests), "most": BATCH_BYTES}


def read(reply: Message) -> JournalAnswer:
    """Return what a reply of the journal says; raises :class:`BadFrame` for one that makes no sense."""
    try:
        content = json.loads(bytes(reply.content))
        lengths = [int(length) for length in content["lengths"]]
        return JournalAnswer(
            messages=list(_messages(lengths, reply.buffers)),
            lost=[(str(prefix), int(low), int(high)) for prefix, low, high in content["lost"]],
            session=str(content["session"]),
            handled={str(one): str(state) for one, state in content["handled"].items()},
            more=bool(content["more"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        text = "an answer of the journal that cannot be read"
        raise BadFrame(text) from error


def understood(answer: Message | None) -> JournalAnswer | None:
    """Return what an answer says; None when there was none, or none that makes sense."""
    try:
        return read(answer) if answer is not None else None
    except BadFrame:
        return None


def _messages(lengths: list[int], buffers: Sequence[Part]) -> Iterable[Message]:
    if sum(lengths) != len(buffers) or any(length < 4 for length in lengths):
        raise ValueError
    rest = iter(buffers)
    for length in lengths:
        header, parent, metadata, content, *own = itertools.islice(rest, length)
        yield Message("iopub", header, parent, metadata, content, own)
