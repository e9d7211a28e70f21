"""Without a journal: what does not come is waited for a while, and then the cells that it may belong to are marked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..protocol.numbering import NumberRange

if TYPE_CHECKING:
    from .inbox import OrderedInbox
    from .pending import PendingRequest

GRACE = 0.05  # seconds in which a missing number may come by itself: channels overtake one another
SETTLE = 2.0  # seconds until it counts as lost
FOREIGN = 2  # numbers that replies to other clients' requests take between two of their outputs


@dataclass(eq=False)
class SuspectedGap:
    """Numbers that may be lost, the cells that they may belong to, and since when (seconds of the loop's clock)."""

    prefix: str
    gap: NumberRange
    cells: list[PendingRequest]
    since: float


class GapTimeouts:
    """Those of one line. Lives on the gateway loop."""

    def __init__(self, line: OrderedInbox) -> None:
        self._line = line
        self._open: list[SuspectedGap] = []

    def suspect(self, prefix: str, gap: NumberRange, parent: str) -> None:
        """Look again in a while whether what is missing came, and else mark the cells that it may belong to.

        ``parent`` is the request of the message that showed the gap.
        """
        cells = self._line.requests.running()
        after = self._line.requests.cell(parent)
        if after is None and gap[1] - gap[0] < FOREIGN:
            return  # the replies to a client that we do not see
        if after is not None and after not in cells:
            cells.append(after)
        doubt = SuspectedGap(prefix, gap, cells, asyncio.get_running_loop().time())
        self._open.append(doubt)
        asyncio.get_running_loop().call_later(SETTLE, self._resolve, doubt)

    def _resolve(self, doubt: SuspectedGap) -> None:
        if doubt not in self._open:
            return
        self._open.remove(doubt)
        low, high = doubt.gap
        sequence = self._line.sequence
        if any(first <= high and low <= last for first, last in sequence.missing().get(doubt.prefix, [])):
            sequence.forgive({doubt.prefix: high})
            self._line.receiver.mark(doubt.cells)

    def settle(self, cell: PendingRequest) -> None:
        """Wait no longer for what a cell may lack, which has ended.

        Only its reply may still be on its way then, which is a single message.
        """
        now = asyncio.get_running_loop().time()
        for doubt in [one for one in self._open if cell in one.cells]:
            if doubt.gap[1] > doubt.gap[0] or now - doubt.since > GRACE:
                self._resolve(doubt)
