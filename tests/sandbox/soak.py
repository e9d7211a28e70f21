"""The tests of faults are short in `make test` and long in `make soak`, which prints what they measured."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

FIGURES = pytest.StashKey[list[str]]()


class Soak:
    """How long a test shall be, its random instants, and where its figures go. The fixture ``soak`` makes it."""

    def __init__(self, item: pytest.Item) -> None:
        config, name = item.config, item.name
        self.long: bool = config.getoption("--soak")
        seed = config.getoption("--seed")
        self.seed: int = random.SystemRandom().randrange(10**9) if seed is None else seed
        self.dice = random.Random(self.seed)
        self._name = name
        self._figures = config.stash.setdefault(FIGURES, [])
        item.add_report_section("setup", "dice", f"repeat with --seed {self.seed}")

    def choose(self, short: int, full: int) -> int:
        """Return the one for this run."""
        return full if self.long else short

    def note(self, text: str) -> None:
        """Keep a figure for the summary."""
        self._figures.append(f"{self._name} (seed {self.seed}): {text}")


def print_figures(config: pytest.Config, write: Callable[[str], None]) -> None:
    """Print what was noted; called as pytest's run ends."""
    for line in config.stash.get(FIGURES, []):
        write(line)
