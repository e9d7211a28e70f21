"""The requests that local clients sent to a kernel, from their sending to their reply and their end."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ..protocol.framing import Message, Part

PENDING = 10_000
REMEMBERED = 1_000
# What may be asked twice without harm: it changes nothing in the kernel.
REPEATABLE = frozenset(
    {
        "kernel_info_request",
        "complete_request",
        "inspect_request",
        "is_complete_request",
        "history_request",
        "comm_info_request",
    }
)


@dataclass(eq=False)
class PendingRequest:
    """A request on its way: who sent it, on which channel, and the header that its replies name as parent.

    ``begun_at``: when the kernel was first heard to work on it (seconds of ``time.monotonic``); ``entered_at``: when it
    was heard to run its code (``execute_input``); ``ended``: it was heard to be done with it (``status: idle``);
    ``interrupted``: the kernel was interrupted for its sake.
    """

    message: Message
    identities: list[bytes]
    begun_at: float | None = None
    entered_at: float | None = None
    ended: bool = False
    interrupted: bool = False
    repeated: bool = False

    @property
    def channel(self) -> str:
        """The channel it was sent on, where its reply comes too."""
        return self.message.channel

    @property
    def begun(self) -> bool:
        """Whether the kernel was heard to work on it."""
        return self.begun_at is not None

    @property
    def waits(self) -> bool:
        """Whether nothing was heard of it yet."""
        return not (self.begun or self.ended)

    def begin(self) -> None:
        """Take note that the kernel works on it."""
        if self.begun_at is None:
            self.begun_at = time.monotonic()

    @property
    def header(self) -> Part:
        """Its header, as its sender wrote it."""
        return self.message.header

    @property
    def msg_type(self) -> str:
        """Its type, ``execute_request`` for example."""
        return self.message.msg_type

    @property
    def sent_at(self) -> float | None:
        """When its sender made it, by his clock (seconds since 1970); None when its header does not say."""
        try:
            date = datetime.fromisoformat(str(self.message.head["date"]).replace("Z", "+00:00"))
        except (KeyError, ValueError):
            return None
        return date.timestamp()

    @property
    def runs_code(self) -> bool:
        """Whether it is a cell's."""
        return self.message.msg_type == "execute_request"


class PendingRequests:
    """Open requests by id, and the last cells beyond their reply, for what is still to come of them."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, PendingRequest] = OrderedDict()
        self._cells: OrderedDict[str, PendingRequest] = OrderedDict()

    def add(self, message: Message, identities: list[bytes]) -> PendingRequest:
        """Take in a request that is about to be passed on; of very many open ones the oldest is given up."""
        request = PendingRequest(message, identities)
        self._open[message.msg_id] = request
        if len(self._open) > PENDING:
            self._open.popitem(last=False)
        if request.runs_code:
            self._cells[message.msg_id] = request
            if len(self._cells) > REMEMBERED:
                self._cells.popitem(last=False)
        return request

    def get(self, msg_id: str) -> PendingRequest | None:
        """Return an open request."""
        return self._open.get(msg_id)

    def cell(self, msg_id: str) -> PendingRequest | None:
        """Return a cell's request, open or lately replied to."""
        return self._cells.get(msg_id)

    def close(self, msg_id: str) -> PendingRequest | None:
        """Take a request out: its reply has come, or nobody will reply."""
        return self._open.pop(msg_id, None)

    def status(self, parent: str, state: str) -> None:
        """Take note of a status that the kernel published for a request."""
        request = self._open.get(parent) or self._cells.get(parent)
        if request is not None:
            request.begin()
            request.ended = request.ended or state == "idle"

    def heard(self, parent: str, msg_type: str) -> None:
        """Take note of any other output of a request."""
        request = self._open.get(parent)
        if request is not None:
            request.begin()
            if msg_type == "execute_input":
                request.entered_at = time.monotonic()

    def running(self) -> list[PendingRequest]:
        """Return the cells that the kernel has begun and not ended, as far as it was heard."""
        return [one for one in self._cells.values() if one.begun and not one.ended]

    def endless(self) -> list[PendingRequest]:
        """Return the cells that were replied to, but whose end was not published."""
        return [one for msg_id, one in self._cells.items() if not one.ended and msg_id not in self._open]

    def open(self, but: Iterable[str] = ()) -> dict[str, PendingRequest]:
        """Return the requests that wait for their reply, without those named."""
        left_out = set(but)
        return {msg_id: one for msg_id, one in self._open.items() if msg_id not in left_out}

    def take_all(self) -> list[PendingRequest]:
        """Take all open requests out."""
        requests, self._open = list(self._open.values()), OrderedDict()
        self._cells.clear()
        return requests
