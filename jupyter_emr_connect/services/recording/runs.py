"""One execution of one cell, as the recorder knows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...gateway.protocol.framing import BadFrame, Message, Part, parse_json
from .outputs import Outputs, content_of


@dataclass
class Run:
    """An execute request and what came of it. ``session`` is the front end's that asked for it.

    ``sessions`` are those of the front ends that show it and will save it: that one, and who took it over.
    ``seen_by`` are those of them that were there to its end or to the kernel's restart, and need not be shown it.
    ``outputs`` is None while nobody needs them: they are then in the spool alone. ``last`` is the highest number by
    prefix of the messages that ``outputs`` holds (``gateway.protocol.numbering``); ``written`` the version of them that
    the notebook has from the recorder.
    """

    msg_id: str
    session: str
    cell_id: str | None
    code: str
    header: Part
    count: int | None = None
    idle: bool = False
    saved: bool = False  # a front end has it, or its cell shows a newer run
    settled: bool = False  # we have written it to its end
    late: int = 0  # outputs that came while no cell ran
    late_read: int = 0  # of them, those that had come when the recording was last read
    noticed: bool = False  # a front end has saved the notebook since the request
    outputs: Outputs | None = None
    written: tuple[int, int | None] | None = None
    last: dict[str, int] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    seen_by: set[str] = field(default_factory=set)
    ended_at: float = 0.0  # time.monotonic() when its end was heard; 0 for one of an earlier process

    def __post_init__(self) -> None:
        self.sessions.add(self.session)

    @property
    def version(self) -> tuple[int, int | None]:
        """What changes with everything that a notebook shows of the run."""
        return (self.outputs.version if self.outputs else 0, self.count)

    def to_json(self) -> dict[str, Any]:
        """Return the run as REST gives it."""
        return {
            "msg_id": self.msg_id,
            "session": self.session,
            "cell_id": self.cell_id,
            "code": self.code,
            "execution_count": self.count,
            "state": "finished" if self.idle else "running",
            "outputs": self.outputs.nodes() if self.outputs else [],
            "last": dict(self.last),
            "displays": self.outputs.displays() if self.outputs else {},
        }


def run_of(message: Message) -> Run | None:
    """Return the run that an execute request begins; None for one that no cell shows (silent, or malformed)."""
    try:
        header = message.head
        metadata = parse_json(message.metadata)
    except (BadFrame, ValueError, RecursionError):
        return None
    content = content_of(message)
    code = content.get("code")
    if content.get("silent") or not isinstance(code, str) or not code.strip():
        return None
    cell = metadata.get("cellId") if isinstance(metadata, dict) else None
    return Run(
        msg_id=str(header.get("msg_id", "")),
        session=str(header.get("session", "")),
        cell_id=cell if isinstance(cell, str) and cell else None,
        code=code,
        header=bytes(message.header),
    )
