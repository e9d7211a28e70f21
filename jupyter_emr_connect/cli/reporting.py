"""The progress of ``jupyter emr run`` on stderr: drawn on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import click

from ..aws.mfa import giving_way
from ..presentation.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Reporter(Protocol):
    """Shows a run's progress."""

    def stage(self, name: str) -> None:
        """Show that a stage of the kernel's start begins."""

    def begin(self, number: int, total: int, source: str) -> None:
        """Show that a code cell begins; ``number`` counts code cells from 1."""

    def end(self, seconds: float, outcome: str) -> None:
        """Show how the cell has ended: ``ok``, ``error`` or ``stopped``."""

    def note(self, text: str) -> None:
        """Show something else that the user should know now."""

    def close(self) -> None:
        """Show no more: the run is over."""


class Lines:
    """Plain lines, for logs."""

    def __init__(self) -> None:
        self._label = ""

    def stage(self, name: str) -> None:
        """Write the stage's name."""
        click.echo(f"{name} ...", err=True)

    def begin(self, number: int, total: int, source: str) -> None:
        """Write which cell runs."""
        self._label = f"cell {number}/{total}"
        click.echo(f"{self._label}: {title_of(source)}", err=True)

    def end(self, seconds: float, outcome: str) -> None:
        """Write how the cell ended."""
        click.echo(f"{self._label}: {outcome}, {seconds:.1f} s", err=True)

    def note(self, text: str) -> None:
        """Write a line."""
        click.echo(text, err=True)

    def close(self) -> None:
        """Do nothing: no line is open."""


class Drawn:
    """A spinner with the running time, and a line above it for each cell that is done."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        self._bar: Progress = Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)
        self._drawn = ExitStack()
        self._drawn.enter_context(self._bar)
        self._drawn.enter_context(giving_way(self._bar))
        self._task: TaskID | None = None
        self._label = ""

    def _show(self, text: str) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(text, total=None)

    def stage(self, name: str) -> None:
        """Draw the stage."""
        self._show(name)

    def begin(self, number: int, total: int, source: str) -> None:
        """Draw the cell."""
        self._label = f"[{number}/{total}] {title_of(source)}"
        self._show(self._label)

    def end(self, seconds: float, outcome: str) -> None:
        """Leave a line about the cell."""
        self.note(f"{outcome:<7} {seconds:6.1f} s  {self._label}")

    def note(self, text: str) -> None:
        """Leave a line."""
        self._bar.console.print(text, markup=False)

    def close(self) -> None:
        """Take the spinner away."""
        self._drawn.close()


def make_reporter() -> Reporter:
    """Return the reporter that fits stderr."""
    return Drawn() if sys.stderr.isatty() else Lines()


def title_of(source: str) -> str:
    """Return a cell's first line that says something, bounded."""
    first = next((line.strip() for line in source.splitlines() if line.strip()), "")
    return printable(first if len(first) <= 60 else f"{first[:57]}...")
