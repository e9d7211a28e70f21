"""The verbs of ``%emr`` that need no session: computes, roles, callers, kernels. IPython is not needed for them.

They are the same use cases as those of ``jupyter emr`` and the REST API. Everything here blocks, on the thread that
runs the cell; what is asynchronous is driven on the background loop meanwhile.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..config import EMRConnect
from ..errors import EMRConnectError
from ..gateway.event_loop import gateway_loop
from ..presentation.auditing import open_audit
from ..presentation.tables import (
    attachment_table,
    compute_fields,
    compute_table,
    identity_fields,
    kernel_table,
    role_fields,
    role_table,
)
from ..presentation.text import printable
from .options import MagicParser, usage_error
from .results import NamedFields, TableRows
from .screen import Screen, TransientLine
from .verbs import VERBS, Verb

if TYPE_CHECKING:
    from ..services.audit import Audit
    from ..services.compute.sources import Source

Act = Callable[[argparse.Namespace], Any]


class EMRCommands:
    """The verbs of one kernel; ``screen`` is where they print, ``settings`` returns what Jupyter is configured with."""

    verbs: dict[str, Verb] = VERBS
    footer = ""

    def __init__(self, screen: Screen, settings: Callable[[], EMRConnect]) -> None:
        self._screen = screen
        self._read_settings = settings

    @functools.cached_property
    def settings(self) -> EMRConnect:
        """The settings, read when the first verb needs them."""
        return self._read_settings()

    @functools.cached_property
    def audit(self) -> Audit:
        """The audit of what this kernel attaches."""
        return open_audit("magic")

    def run(self, line: str) -> Any:
        """Do what a line says (without ``%emr``), and return what it is to show.

        Raises ``UsageError`` for a line that cannot be understood, and errors of ours.
        """
        word, _, rest = line.strip().partition(" ")
        verb = word or "help"
        if verb not in self.verbs:
            near = difflib.get_close_matches(verb, self.verbs, 1)
            hint = f"Did you mean %emr {near[0]}?" if near else f"There are: {', '.join(self.verbs)}."
            message = f"%emr has no verb {verb[:40]!r}. {hint}"
            raise usage_error(message)
        parser = MagicParser(prog=f"%emr {verb}")
        self.verbs[verb].options(parser)
        act: Act = getattr(self, f"_{verb}")
        return act(parser.parse_line(rest))

    def _list(self, options: argparse.Namespace) -> TableRows:
        from ..services.compute.catalogue import LiveCatalogue, Query
        from ..services.compute.catalogue.reading import read_all

        kinds, states, words = (
            parts_of(options.kind),
            parts_of(options.state),
            " ".join([*options.words, options.search]),
        )
        query = Query(kinds=kinds, states=states, q=words.strip(), ended=options.all, sort=options.sort or Query.sort)
        catalogue = LiveCatalogue(self.settings, self._sources(options))
        line = TransientLine(self._screen)

        def tell(done: int, total: int) -> None:
            line.show(f"Looking at computes: {done} of {total}")

        try:
            view = read_all(catalogue, query, tell)
        finally:
            line.clear()
            catalogue.close()
        for problem in view.problems:
            self._print_error(problem.located(several=True))
        items = view.items if options.sort else sorted(view.items, key=lambda compute: not compute.attachable)
        return TableRows([item.to_json() for item in items], compute_table(items), "No computes.")

    def _show(self, options: argparse.Namespace) -> NamedFields:
        from ..services.compute.lookup import find

        compute = find(self.settings, options.compute, sources=self._sources(options), depth="view")
        return NamedFields(compute.to_json(details=True), compute_fields(compute))

    def _roles(self, options: argparse.Namespace) -> TableRows | NamedFields:
        from ..services.roles import named_roles, offered_roles, single_role

        sources = self._sources(options) if options.compute else None
        if options.explain and not options.compute:
            message = "%emr roles: --explain needs COMPUTE: what a role needs depends on it."
            raise usage_error(message)
        shown: TableRows | NamedFields
        if options.explain:
            listed = named_roles(self.settings, options.compute, options.explain, sources=sources)
            role = single_role(listed, options.explain)
            shown = NamedFields(role.to_json(), role_fields(role, listed), role.statement)
        else:
            listed = offered_roles(self.settings, options.compute, sources=sources)
            empty = "No roles are configured, used before or found in IAM; any ARN may be given to --role."
            shown = TableRows([role.to_json() for role in listed.items], role_table(listed.items), empty)
        for error in listed.errors:
            self._print_error(error)
        return shown

    def _status(self, options: argparse.Namespace) -> TableRows:
        from ..services.attachments.listing import read_status

        status = read_status(self.settings, os.environ, options.path, profile=options.profile, region=options.region)
        if status.caller:
            who = [f"{name}: {value}" for name, value in identity_fields(status.caller.identity) if value]
            self._screen.write("\n".join(who) + "\n")
        for line in self.own_status():
            self._screen.write(f"{line}\n")
        if status.error:
            self._print_error(status.error)
        rows = [attachment.to_json() for attachment in status.attachments]
        return TableRows(rows, attachment_table(status.attachments), "No notebook or folder is attached.")

    def own_status(self) -> list[str]:
        """Return what this kernel itself is attached to, for ``%emr status``."""
        return []

    def _sessions(self, options: argparse.Namespace) -> TableRows:
        from ..services.kernels.listing import list_kernels

        listed = gateway_loop().submit(list_kernels(self.settings)).result()
        rows = [kernel.to_json() for kernel in listed.items]
        return TableRows(rows, kernel_table(listed.items, short=True), "No kernels.")

    def _help(self, options: argparse.Namespace) -> None:
        width = max(len(f"{name} {verb.usage}") for name, verb in self.verbs.items())
        lines = [f"%emr {f'{name} {verb.usage}':<{width}}  {verb.summary}" for name, verb in self.verbs.items()]
        self._screen.write("\n".join([*lines, self.footer]).rstrip() + "\n")

    def _print_error(self, error: EMRConnectError) -> None:
        self._screen.warn("".join(f"{line}\n" for line in error_lines(error)))

    def _sources(self, options: argparse.Namespace) -> list[Source]:
        from ..services.compute.sources import list_sources

        return list_sources(self.settings, parts_of([options.profile]), parts_of([options.region]))


def parts_of(values: list[str | None]) -> tuple[str, ...]:
    """Take ``ec2,eks`` as two values."""
    return tuple(part.strip() for value in values if value for part in value.split(",") if part.strip())


def error_lines(error: EMRConnectError) -> list[str]:
    """Return an error of ours as a cell shows it: what is wrong, and what to do."""
    lines = [printable(f"{error.reason}: {error.message}"), printable(error.fix)]
    return [line for line in lines if line]
