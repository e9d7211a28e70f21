"""Progress on a terminal's stderr; silent everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..aws.mfa import giving_way


@contextmanager
def counting(title: str) -> Iterator[Callable[[int, int], None]]:
    """Yield ``progress(done, total)`` that draws a bar while the block runs, when stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar, giving_way(bar):
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def hops() -> Iterator[Callable[[str], None]]:
    """Yield ``stage(name)`` that shows the running hop on the way to a compute, when stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.status import Status

    with Status("compute …", console=Console(stderr=True)) as status, giving_way(status):
        yield lambda name: status.update(f"{name} …")


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Yield ``progress(stage, done, total)`` for a work in stages; may be called from any thread.

    On a terminal the running stage is drawn with a bar (``total`` 0: without); elsewhere each stage is one plain line.
    """
    if not sys.stderr.isatty():
        seen: set[str] = set()

        def line(stage: str, done: int, total: int) -> None:
            if stage not in seen:
                seen.add(stage)
                print(stage, file=sys.stderr, flush=True)  # noqa: T201 - progress for logs of CI

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def draw(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total or None)

        yield draw
