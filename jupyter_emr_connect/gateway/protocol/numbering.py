"""Which of a kernel's messages have come: told by the running numbers in their ids.

A message's id is ``<session>_<pid>_<n>`` (``<session>_<n>`` before jupyter_client 7), and ``n`` grows by one with each
message that the process sends, on whichever channel. So a message that comes twice is known, and one that does not come
is missed, not guessed. A forked child counts for itself under its own pid. Ids of another form cannot be followed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

NumberRange = tuple[int, int]
MAX_PREFIXES = 1000
MAX_LATE_RANGES = 1000
MAX_DIGITS = 18  # longer ones are no count; Python refuses to read those of some thousand digits


@dataclass
class PrefixNumbers:
    """The numbers of one prefix: all from ``first`` to ``top`` have come but those of ``gaps`` and ``late``.

    Both are sorted and inclusive. What is ``late`` is waited for no longer, and still welcome.
    """

    first: int
    top: int
    gaps: list[NumberRange] = field(default_factory=list)
    late: list[NumberRange] = field(default_factory=list)
    early: set[int] = field(default_factory=set)

    def add(self, number: int) -> bool:
        """Take a number in; returns False when it has come before."""
        if number == self.top + 1:
            self.top = number
            return True
        if number > self.top:
            self.gaps.append((self.top + 1, number - 1))
            self.top = number
            return True
        if number < self.first:  # overtaken by the first one that came
            is_new = number not in self.early
            self.early.add(number)
            return is_new
        return self._fill(number)

    def _fill(self, number: int) -> bool:
        for ranges in (self.gaps, self.late):
            at = bisect_right(ranges, (number, self.top)) - 1
            if at >= 0 and ranges[at][0] <= number <= ranges[at][1]:
                low, high = ranges[at]
                parts = ((low, number - 1), (number + 1, high))
                ranges[at : at + 1] = [part for part in parts if part[0] <= part[1]]
                return True
        return False

    def give_up(self, first: int, last: int) -> None:
        """Wait no longer for what is missing of these numbers, also where nothing above them has come yet."""
        if last > self.top:
            self.gaps.append((self.top + 1, last))
            self.top = last
        kept: list[NumberRange] = []
        given_up: list[NumberRange] = []
        for low, high in self.gaps:
            kept += _ranges((low, min(high, first - 1)), (max(low, last + 1), high))
            given_up += _ranges((max(low, first), min(high, last)))
        self.gaps = kept
        self.late = sorted([*self.late, *given_up])[-MAX_LATE_RANGES:]


def _ranges(*bounds: NumberRange) -> list[NumberRange]:
    """Return the ranges that are not empty."""
    return [(low, high) for low, high in bounds if low <= high]


def flat(missing: dict[str, list[NumberRange]]) -> list[tuple[str, int, int]]:
    """Return what :meth:`MessageNumbers.missing` returned as (prefix, first, last)."""
    return [(prefix, low, high) for prefix, gaps in missing.items() for low, high in gaps]


def split(msg_id: str) -> tuple[str, int]:
    """Return prefix and number of a message id; the number is 0 where there is none."""
    prefix, _, digits = msg_id.rpartition("_")
    is_count = prefix and len(digits) <= MAX_DIGITS and digits.isascii() and digits.isdigit()
    return (prefix, int(digits)) if is_count else (msg_id, 0)


class MessageNumbers:
    """The numbers seen of one kernel, by prefix."""

    def __init__(self) -> None:
        self.counts: dict[str, PrefixNumbers] = {}

    def add(self, prefix: str, number: int) -> bool:
        """Take a message in; returns False for one that has come before. Unnumbered ones always count as new."""
        if not number:
            return True
        count = self.counts.get(prefix)
        if count is not None:
            return count.add(number)
        if len(self.counts) >= MAX_PREFIXES:
            self.counts.pop(next(iter(self.counts)))
        self.counts[prefix] = PrefixNumbers(number, number)
        return True

    def gap_below(self, prefix: str, number: int) -> bool:
        """Return whether something before this message is still missing."""
        count = self.counts.get(prefix)
        return bool(count and count.gaps and count.gaps[0][0] < number)

    def missing(self) -> dict[str, list[NumberRange]]:
        """Return what has not come, by prefix; what is given up does not count."""
        return {prefix: list(count.gaps) for prefix, count in self.counts.items() if count.gaps}

    def top(self, prefix: str) -> int:
        """Return the highest number of a prefix that has come, or 0."""
        count = self.counts.get(prefix)
        return count.top if count else 0

    def tops(self) -> dict[str, int]:
        """Return the highest number that has come, by prefix."""
        return {prefix: count.top for prefix, count in self.counts.items()}

    def resume(self, tops: dict[str, int]) -> None:
        """Go on where another process left off: all up to these numbers has come."""
        for prefix, top in tops.items():
            self.counts[prefix] = PrefixNumbers(1, top)

    def give_up(self, ranges: Iterable[tuple[str, int, int]]) -> None:
        """Expect no longer what is missing there: it was asked for, and there is no more of it."""
        for prefix, first, last in ranges:
            if prefix in self.counts:
                self.counts[prefix].give_up(first, last)

    def lacking(self, ranges: Iterable[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
        """Return what of these ranges has not come yet and is still waited for."""
        lacking = []
        for prefix, first, last in ranges:
            count = self.counts.get(prefix, PrefixNumbers(first, first - 1))
            bounds = [(max(low, first), min(high, last)) for low, high in [*count.gaps, (count.top + 1, last)]]
            lacking += [(prefix, low, high) for low, high in _ranges(*bounds)]
        return lacking

    def forgive(self, tops: dict[str, int]) -> None:
        """Expect no longer what is missing up to these numbers."""
        self.give_up((prefix, 1, min(up_to, self.top(prefix))) for prefix, up_to in tops.items())
