"""``jupyter emr list``: every compute in one table, once or live; ``jupyter emr show``: one of them."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ..errors import AWSUnavailable
from ..presentation.tables import compute_fields, compute_table
from ..presentation.text import printable, table_lines
from .completion import complete_computes
from .context import CommandContext, split_commas
from .options import common_options, require_non_empty
from .output import print_error, print_fields, print_json, print_table

if TYPE_CHECKING:
    from ..services.compute.catalogue import LiveCatalogue, Query, View
    from ..services.compute.sources import Source


def split_values(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Take ``--kind ec2,eks`` as ``--kind ec2 --kind eks``."""
    return tuple(part for value in values for part in split_commas(value))


@click.command("list")
@click.option("--all", "ended", is_flag=True, help="Also computes that ended in the last 30 days.")
@click.option("--kind", "kinds", multiple=True, callback=split_values, metavar="KIND", help="ec2, eks, serverless.")
@click.option("--state", "states", multiple=True, callback=split_values, metavar="STATE", help="Only in these states.")
@click.option("--search", "-q", default="", metavar="WORDS", help="Words in id, name, release, applications or tags.")
@click.option(
    "--sort",
    metavar="FIELD",
    help="name, created_at, state … (-FIELD reverses); else attachable and new ones first.",
)
@click.option("--watch", is_flag=True, help="Go on showing what changes until Ctrl-C.")
@common_options
def list_command(
    command: CommandContext,
    ended: bool,
    kinds: tuple[str, ...],
    states: tuple[str, ...],
    search: str,
    sort: str | None,
    watch: bool,
) -> None:
    """List the computes a kernel can attach to, and why others cannot.

    --profile and --region take several names, parted by commas; what is configured counts without them.
    """
    from ..services.compute.catalogue import LiveCatalogue, Query
    from ..services.compute.catalogue.reading import read_all
    from .progress import counting

    sources = command.sources()
    query = Query(kinds=kinds, states=states, q=search, ended=ended, sort=sort or Query.sort)
    catalogue = LiveCatalogue(command.config, sources)
    try:
        if watch:
            _watch(catalogue, query, as_json=command.as_json)
        else:
            with counting("Looking at computes") as progress:
                view = read_all(catalogue, query, progress)
            _print(view, command, sources, attachable_first=sort is None)
            if not view.items and not command.as_json:
                click.echo(f"No computes{filters_of(query)} in {places_searched(sources)}.", err=True)
    finally:
        catalogue.close()


def _print(view: View, command: CommandContext, sources: Sequence[Source], *, attachable_first: bool) -> None:
    if command.as_json:
        print_json(view.to_json())
    elif view.items:
        items = sorted(view.items, key=lambda compute: not compute.attachable) if attachable_first else view.items
        print_table(*compute_table(items))
    # What has one cure is said once: an address that does not answer fails for every kind.
    for problem in {
        problem.error.fix or problem.error.message: problem for problem in reversed(view.problems)
    }.values():
        print_error(problem.located(several=len(sources) > 1), as_json=command.as_json)
    for source in view.waiting if not view.complete else ():
        message = (
            f"{source['kind']} computes in {source['region'] or 'the default region'} are not listed: no answer yet."
        )
        print_error(AWSUnavailable(message, fix="Try again, or leave that region out."), as_json=command.as_json)
    if not view.items and (view.problems or not view.complete):
        raise click.exceptions.Exit(1)


def filters_of(query: Query) -> str:
    """Return what a query leaves out, such as `` match --state RUNNING``; empty for one that asks for all."""
    narrowed = (("--kind", query.kinds), ("--state", query.states), ("--search", query.q.split()))
    filters = [f"{option} {printable(','.join(values))}" for option, values in narrowed if values]
    return f" match {' '.join(filters)}" if filters else ""


def places_searched(sources: Sequence[Source]) -> str:
    """Return where was looked, such as ``us-east-1 for profile 'analyst'``."""
    sessions = [source.session() for source in sources]
    regions = dict.fromkeys(session.region for session in sessions)
    labels = dict.fromkeys(session.label for session in sessions)
    return f"{', '.join(regions)} for {', '.join(labels)}"


def _watch(catalogue: LiveCatalogue, query: Query, *, as_json: bool) -> None:
    """Show the list as it changes: a live table on a terminal, one line for each change elsewhere."""
    changed = threading.Event()
    catalogue.subscribe(changed.set)
    if sys.stdout.isatty() and not as_json:
        _watch_table(catalogue, query, changed)
    else:
        _watch_lines(catalogue, query, changed, as_json=as_json)


def _watch_table(catalogue: LiveCatalogue, query: Query, changed: threading.Event) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            # No more rows than there is room for: thousands cost nothing, and those in sight are described first.
            view = catalogue.view(replace(query, limit=max(1, console.height)))
            lines = _fitting(view, console.width, console.height - 2 - len(view.problems))
            lines = [*lines, "", _footer(view)]
            lines += [printable(f"{problem.error.code}: {problem.error.message}") for problem in view.problems]
            live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)
            changed.wait(1.0)
            changed.clear()


def _fitting(view: View, width: int, height: int) -> list[str]:
    """Return the table's lines for a screen: with less of the reasons, and then of the rows, where it is too small."""
    if not view.items:
        return ["No computes yet."]
    lines = table_lines(*compute_table(view.items), width)
    if len(lines) > height:
        lines = table_lines(*compute_table(view.items), width, wrap=False)
    if len(lines) > height:
        lines = [*lines[: max(1, height - 1)], "… (--search, --kind and --state show less)"]
    return lines


def _footer(view: View) -> str:
    age = "not read yet" if view.as_of is None else f"as of {max(0, time.time() - view.as_of):.0f} s ago"
    state = "" if view.complete else " · reading"
    details = f" · {view.to_describe} to look at" if view.to_describe else ""
    return f"{view.total} computes · {age}{state}{details} · Ctrl-C ends"


def _watch_lines(catalogue: LiveCatalogue, query: Query, changed: threading.Event, *, as_json: bool) -> None:
    before: dict[str, dict[str, Any]] = {}
    said: set[str] = set()
    while True:
        view = catalogue.view(query)
        now = {f"{compute.kind}/{compute.id}": compute.to_json() for compute in view.items}
        for key, row in now.items():
            if row != before.get(key):
                _say("changed" if key in before else "added", row, as_json=as_json)
        for key in before.keys() - now.keys():
            _say("removed", before[key], as_json=as_json)
        problems = {problem.error.message: problem.error for problem in view.problems}
        for message, error in problems.items():
            if message not in said:
                print_error(error, as_json=as_json)
        before, said = now, set(problems)
        changed.wait(1.0)
        changed.clear()


def _say(what: str, row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"change": what, "compute": row}, ensure_ascii=False))
    else:
        verdict = "attachable" if row["attachable"] else str(row["reason"])
        click.echo(printable(f"{what:<8} {row['id']}  {row['name']}  {row['state']}  {verdict}"))


@click.command()
@click.argument("compute", callback=require_non_empty, shell_complete=complete_computes)
@common_options
def show(command: CommandContext, compute: str) -> None:
    """Show one compute (id, ARN or name) with all its details."""
    from ..services.compute.lookup import find

    found = find(command.config, compute, sources=command.sources(), depth="view")
    if command.as_json:
        print_json(found.to_json(details=True))
        return
    print_fields(compute_fields(found))
