"""Cells that print numbers, and what became of the numbers: the proof that nothing was lost, doubled or misplaced."""

from __future__ import annotations

from dataclasses import dataclass

CELL = """
import time
for number in range({count}):
    print(f"{{number}}\\n", end="", flush=True)
    time.sleep({pause})
"""


def numbers(count: int, pause: float) -> str:
    """Return a cell that prints the numbers from 0, one at a time, ``pause`` seconds apart.

    ``print(number)`` writes the number and its end of line one by one, and a message may end between the two: when such
    a message is lost, what is left is half a line.
    """
    return CELL.format(count=count, pause=pause)


@dataclass(frozen=True)
class Account:
    """What is wrong with the numbers that were printed; the default is nothing. Each list has the first few."""

    missing: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    in_order: bool = True


GOOD = Account()


def account(text: str, count: int) -> Account:
    """Compare what was printed with what the cell prints."""
    found, wanted = text.splitlines(), [str(number) for number in range(count)]
    times: dict[str, int] = dict.fromkeys(wanted, 0)
    foreign = [line for line in found if line not in times]
    for line in found:
        if line in times:
            times[line] += 1
    ordered = [int(line) for line in found if line in times]
    return Account(
        missing=tuple(line for line in wanted if times[line] == 0)[:8],
        doubled=tuple(line for line in wanted if times[line] > 1)[:8],
        foreign=tuple(foreign[:8]),
        in_order=ordered == sorted(ordered),
    )
