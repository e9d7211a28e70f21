"""Gaps in the numbers of a kernel without a journal: after a wait, the cells that may lack output are marked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ..protocol.numbering import MessageNumbers, NumberRange
from .pending import PendingRequest, PendingRequests
from .timings import DeliveryTimings

FOREIGN_NUMBERS = 2  # numbers that replies to other clients' requests take between two of their outputs


@dataclass(eq=False)
class SuspectedGap:
    """Numbers that may be lost, the cells that they may belong to, and since when (seconds of the loop's clock)."""

    numbers: MessageNumbers
    prefix: str
    gap: NumberRange
    cells: list[PendingRequest]
    since: float


class GapTimeouts:
    """The gaps of one kernel that are waited for. Lives on the gateway loop.

    ``mark`` is called with cells that lack output.
    """

    def __init__(
        self, requests: PendingRequests, mark: Callable[[list[PendingRequest]], None], timings: DeliveryTimings
    ) -> None:
        self._requests = requests
        self._mark = mark
        self._timings = timings
        self._suspected: list[SuspectedGap] = []

    def on_gap(self, numbers: MessageNumbers, prefix: str, gap: NumberRange, parent_id: str) -> None:
        """Look again in a while whether what is missing came, and else mark the cells that it may belong to.

        Called by the inbox; ``parent_id`` is the request of the message that showed the gap.
        """
        cells = self._requests.running()
        parent = self._requests.cell(parent_id)
        if parent is None and gap[1] - gap[0] < FOREIGN_NUMBERS:
            return  # the replies to a client that we do not see
        if parent is not None and parent not in cells:
            cells.append(parent)
        loop = asyncio.get_running_loop()
        suspected = SuspectedGap(numbers, prefix, gap, cells, loop.time())
        self._suspected.append(suspected)
        loop.call_later(self._timings.gap_lost_s, self._resolve, suspected)

    def _resolve(self, suspected: SuspectedGap) -> None:
        if suspected not in self._suspected:
            return
        self._suspected.remove(suspected)
        low, high = suspected.gap
        missing = suspected.numbers.missing().get(suspected.prefix, [])
        if any(first <= high and low <= last for first, last in missing):
            suspected.numbers.forgive({suspected.prefix: high})
            self._mark(suspected.cells)

    def on_cell_end(self, cell: PendingRequest) -> None:
        """Wait no longer for what an ended cell may lack: only its reply may still be on its way, a single message."""
        now = asyncio.get_running_loop().time()
        for suspected in [suspected for suspected in self._suspected if cell in suspected.cells]:
            is_long = suspected.gap[1] > suspected.gap[0]
            if is_long or now - suspected.since > self._timings.gap_grace_s:
                self._resolve(suspected)

    def clear(self) -> None:
        """Wait for nothing any longer: the process that would have sent it was replaced."""
        self._suspected.clear()
