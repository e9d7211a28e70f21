"""The requests that local clients sent to a kernel, from their sending to their reply and their published end."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ..protocol.framing import Message, Part

MAX_OPEN = 10_000
MAX_REMEMBERED_CELLS = 1_000
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
    """A request on its way: the message, and ``identities``, the ZeroMQ route back to the client that sent it.

    ``begun_at``: when the kernel first showed that it works on the request (seconds of ``time.monotonic``);
    ``entered_at``: when it showed that it runs the request's code (``execute_input``); ``ended``: the kernel published
    that it is done with it (``status: idle``); ``interrupted``: the kernel was interrupted for its sake; ``repeated``:
    it was sent a second time, since its first reply was lost. ``comms``: the ids of those that its code has opened
    (widgets, as progress bars) and not closed.
    """

    message: Message
    identities: list[bytes]
    begun_at: float | None = None
    entered_at: float | None = None
    ended: bool = False
    interrupted: bool = False
    repeated: bool = False
    comms: set[str] = field(default_factory=set)

    @property
    def channel(self) -> str:
        """The channel the request was sent on, where its reply comes too."""
        return self.message.channel

    @property
    def begun(self) -> bool:
        """Whether the kernel showed that it works on the request."""
        return self.begun_at is not None

    @property
    def waits(self) -> bool:
        """Whether the kernel published nothing of the request yet."""
        return not (self.begun or self.ended)

    def begin(self) -> None:
        """Take note that the kernel works on the request."""
        if self.begun_at is None:
            self.begun_at = time.monotonic()

    @property
    def header(self) -> Part:
        """The request's header, as its sender wrote it; replies name it as their parent."""
        return self.message.header

    @property
    def msg_type(self) -> str:
        """The request's type, ``execute_request`` for example."""
        return self.message.msg_type

    @property
    def sent_at(self) -> float | None:
        """When the client made the request, by its clock (seconds since 1970); None when the header does not say."""
        try:
            return datetime.fromisoformat(str(self.message.head["date"]).replace("Z", "+00:00")).timestamp()
        except (KeyError, ValueError, OverflowError):
            return None

    @property
    def runs_code(self) -> bool:
        """Whether the request is a cell's."""
        return self.message.msg_type == "execute_request"


class PendingRequests:
    """The open requests of one kernel by id, and the last cells beyond their reply. Lives on the gateway loop."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, PendingRequest] = OrderedDict()
        self._cells: OrderedDict[str, PendingRequest] = OrderedDict()

    def add(self, message: Message, identities: list[bytes]) -> PendingRequest:
        """Take in a request that is about to be sent; of more than :data:`MAX_OPEN` the oldest is given up."""
        request = PendingRequest(message, identities)
        self._open[message.msg_id] = request
        if len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)
        if request.runs_code:
            self._cells[message.msg_id] = request
            if len(self._cells) > MAX_REMEMBERED_CELLS:
                self._cells.popitem(last=False)
        return request

    def get(self, msg_id: str) -> PendingRequest | None:
        """Return an open request by its id."""
        return self._open.get(msg_id)

    def cell(self, msg_id: str) -> PendingRequest | None:
        """Return a cell's request by its id, open or lately replied to."""
        return self._cells.get(msg_id)

    def close(self, msg_id: str) -> PendingRequest | None:
        """Take a request out: its reply has come, or nobody will reply."""
        return self._open.pop(msg_id, None)

    def note_status(self, msg_id: str, state: str) -> None:
        """Take note of a status that the kernel published for a request, by the request's id."""
        request = self._open.get(msg_id) or self._cells.get(msg_id)
        if request is not None:
            request.begin()
            request.ended = request.ended or state == "idle"

    def note_output(self, msg_id: str, msg_type: str) -> None:
        """Take note of anything else that the kernel published for a request, by the request's id."""
        request = self._open.get(msg_id)
        if request is not None:
            request.begin()
            if msg_type == "execute_input":
                request.entered_at = time.monotonic()

    def note_comm(self, msg_id: str, comm_id: str, *, opened: bool) -> None:
        """Take note of a comm that the kernel has opened or closed for a request, by the request's id."""
        request = self._open.get(msg_id)
        if request is not None and opened:
            request.comms.add(comm_id)
        elif request is not None:
            request.comms.discard(comm_id)

    def running(self) -> list[PendingRequest]:
        """Return the cells that the kernel has begun and not ended, as far as it published that."""
        return [cell for cell in self._cells.values() if cell.begun and not cell.ended]

    def replied_without_end(self) -> list[PendingRequest]:
        """Return the cells that were replied to, but whose end was not published."""
        return [cell for msg_id, cell in self._cells.items() if not cell.ended and msg_id not in self._open]

    def open(self, but: Iterable[str] = ()) -> dict[str, PendingRequest]:
        """Return the requests that wait for their reply, by id, without the ids in ``but``."""
        left_out = set(but)
        return {msg_id: request for msg_id, request in self._open.items() if msg_id not in left_out}

    def take_all(self) -> list[PendingRequest]:
        """Take all open requests out, and forget the cells that were replied to."""
        requests, self._open = list(self._open.values()), OrderedDict()
        self._cells.clear()
        return requests
