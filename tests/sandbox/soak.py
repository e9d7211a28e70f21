"""Random instants with a seed that a failure names; and the long tests of `make soak`, which prints their figures."""

from __future__ import annotations

import random
from typing import Any

import pytest

FIGURE = "figure"


class Soak:
    """How long a test shall be, its random instants, and where its figures go. The fixture ``soak`` makes it."""

    def __init__(self, item: pytest.Item) -> None:
        self.long: bool = item.config.getoption("--soak")
        seed = item.config.getoption("--seed")
        self.seed: int = random.SystemRandom().randrange(10**9) if seed is None else seed
        self.dice = random.Random(self.seed)
        self._item = item
        item.add_report_section("setup", "dice", f"repeat with --seed {self.seed}")

    def choose(self, short: int, full: int) -> int:
        """Return the one for this run."""
        return full if self.long else short

    def note(self, text: str) -> None:
        """Keep a figure for the summary."""
        self._item.user_properties.append((FIGURE, f"{text} ({self._item.name}, seed {self.seed})"))


def figures_of(reports: dict[str, list[Any]]) -> list[str]:
    """Return what was noted by the tests that passed or failed; from all of pytest's processes."""
    noted = [
        text
        for outcome in ("passed", "failed")
        for report in reports.get(outcome, [])
        for name, text in getattr(report, "user_properties", [])
        if name == FIGURE
    ]
    return list(dict.fromkeys(noted))
