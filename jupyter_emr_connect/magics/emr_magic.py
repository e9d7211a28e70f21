"""``%emr``: computes, roles and attachments from a cell, by the same use cases as ``jupyter emr`` and the REST API.

Everything here runs on the thread that runs cells; what is asynchronous is driven on the background loop meanwhile.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import os
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class

from ..config import EMRConnect, load_config
from ..errors import EMRConnectError
from ..gateway.event_loop import gateway_loop
from ..livy.target import LivyTarget
from ..models import Attachment
from ..presentation.auditing import open_audit
from ..presentation.tables import (
    Table,
    attachment_table,
    compute_fields,
    compute_table,
    identity_fields,
    kernel_table,
    role_fields,
    role_table,
)
from ..presentation.text import printable
from .display import ProgressLine, user_error
from .options import MagicParser
from .remote import RemoteSpark
from .results import NamedFields, TableRows
from .spark_magics import AttachedSpark, SparkMagics
from .verbs import KINDS, VERBS

if TYPE_CHECKING:
    from ..services.audit import Audit
    from ..services.compute.sources import Source

LOG_LINES = 100


@magics_class
class EMRMagics(Magics):
    """``%emr`` in one kernel; ``spark`` has the sessions that it attaches."""

    def __init__(self, shell: InteractiveShell, spark: SparkMagics) -> None:
        super().__init__(shell)
        self._spark = spark
        self._verbs: dict[str, Callable[[argparse.Namespace], Any]] = {
            name: getattr(self, f"_{name}") for name in VERBS
        }

    @functools.cached_property
    def settings(self) -> EMRConnect:
        """The settings from Jupyter's configuration files, read when the first verb needs them."""
        return EMRConnect(config=load_config())

    @functools.cached_property
    def audit(self) -> Audit:
        """The audit of what this kernel attaches."""
        return open_audit("magic")

    @line_magic
    def emr(self, line: str) -> Any:
        """List, choose and attach to EMR computes; ``%emr help`` shows how."""
        word, _, rest = line.strip().partition(" ")
        verb = word or "help"
        if verb not in VERBS:
            near = difflib.get_close_matches(verb, VERBS, 1)
            hint = f"Did you mean %emr {near[0]}?" if near else f"There are: {', '.join(VERBS)}."
            raise UsageError(f"%emr has no verb {verb[:40]!r}. {hint}")  # noqa: EM102
        parser = MagicParser(prog=f"%emr {verb}")
        VERBS[verb].options(parser)
        options = parser.parse_line(rest)
        try:
            return self._verbs[verb](options)
        except EMRConnectError as error:
            raise user_error(error) from None

    def _list(self, options: argparse.Namespace) -> TableRows:
        from ..services.compute.catalogue import LiveCatalogue, Query
        from ..services.compute.catalogue.reading import read_all

        kinds, states, words = _parts(options.kind), _parts(options.state), " ".join([*options.words, options.search])
        query = Query(kinds=kinds, states=states, q=words.strip(), ended=options.all, sort=options.sort or Query.sort)
        catalogue = LiveCatalogue(self.settings, self._sources(options))
        line, began = ProgressLine("AWS"), time.monotonic()

        def tell(done: int, total: int) -> None:
            line.show(time.monotonic() - began, f"Looking at computes: {done} of {total}")

        try:
            view = read_all(catalogue, query, tell)
        finally:
            line.clear()
            catalogue.close()
        for problem in view.problems:
            _print_error(problem.located(several=True))
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
            raise UsageError(message)
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
            _print_error(error)
        return shown

    def _status(self, options: argparse.Namespace) -> TableRows:
        from ..services.attachments.listing import read_status

        status = read_status(self.settings, os.environ, options.path, profile=options.profile, region=options.region)
        if status.caller:
            who = [f"{name}: {value}" for name, value in identity_fields(status.caller.identity) if value]
            sys.stdout.write("\n".join(who) + "\n")
        for name, attached in self._spark.attached.items():
            sys.stdout.write(f"attached here: {name}, {attached.label}\n")
        if status.error:
            _print_error(status.error)
        rows = [attachment.to_json() for attachment in status.attachments]
        return TableRows(rows, attachment_table(status.attachments), "No notebook or folder is attached.")

    def _attach(self, options: argparse.Namespace) -> None:
        if self._spark.is_fixed:
            message = (
                "This kernel is attached already. Attach its notebook in the EMR panel, or by `jupyter emr attach`."
            )
            raise UsageError(message)
        if options.name in self._spark.attached:
            message = f"{options.name!r} is attached already: %emr detach {options.name}, or another name by --as."
            raise UsageError(message)
        request = Attachment(options.compute, options.role, "livy", profile=options.profile, region=options.region)
        folder = str(Path.cwd())
        try:
            connection, remote = _connected(self.settings, request, KINDS[options.lang])
        except EMRConnectError as error:
            self.audit.attachment("refused", request, folder, refusal=error)
            raise
        label = f"{connection.compute.name} ({connection.compute.id})"
        self._spark.attach(options.name, remote, label)
        self.audit.attachment("attach", request, folder)
        role = f" under {connection.role}" if connection.role else ""
        sys.stdout.write(
            f"Attached to {label}{role} as {options.name!r}. The first %%spark or %%sql starts the session.\n"
        )

    def _detach(self, options: argparse.Namespace) -> None:
        name, _ = self._chosen(options)
        self._spark.detach(name)
        sys.stdout.write(f"{name!r} is detached, and its session has ended.\n")

    def _restart(self, options: argparse.Namespace) -> None:
        _, attached = self._chosen(options)
        attached.remote.wait(lambda tell: attached.remote.drop())
        sys.stdout.write("The session has ended, with its variables. The next cell starts another.\n")

    def _sessions(self, options: argparse.Namespace) -> TableRows:
        if options.all:
            from ..services.kernels.listing import list_kernels

            listed = gateway_loop().submit(list_kernels(self.settings)).result()
            rows = [kernel.to_json() for kernel in listed.items]
            return TableRows(rows, kernel_table(listed.items, short=True), "No kernels.")
        rows = [_session_row(name, attached) for name, attached in self._spark.attached.items()]
        headers = [column.upper() for column in (rows[0] if rows else {})]
        cells = [[str("-" if value is None else value) for value in row.values()] for row in rows]
        return TableRows(rows, Table(headers, cells), "Nothing is attached here.")

    def _ui(self, options: argparse.Namespace) -> NamedFields:
        _, attached = self._chosen(options)
        attached.remote.wait(lambda tell: attached.remote.state())
        info = (attached.remote.view() or {}).get("appInfo") or {}
        urls = {"spark_ui": info.get("sparkUiUrl"), "driver_log": info.get("driverLogUrl")}
        none = "this Livy names none"
        return NamedFields(urls, [(name.replace("_", " "), url or none) for name, url in urls.items()])

    def _logs(self, options: argparse.Namespace) -> None:
        _, attached = self._chosen(options)
        has_log = attached.remote.has_session
        lines = attached.remote.wait(lambda tell: attached.remote.log(LOG_LINES)) if has_log else []
        sys.stdout.write("\n".join(lines or ["There is no log yet, or this Livy shows none."]) + "\n")

    def _help(self, options: argparse.Namespace) -> None:
        width = max(len(f"{name} {verb.usage}") for name, verb in VERBS.items())
        lines = [f"%emr {f'{name} {verb.usage}':<{width}}  {verb.summary}" for name, verb in VERBS.items()]
        lines += [
            "%%spark [-s NAME] [-o VAR] [-n ROWS] [-q]   run the cell in an attached session; %%sql: as Spark SQL"
        ]
        sys.stdout.write("\n".join(lines) + "\n")

    def _chosen(self, options: argparse.Namespace) -> tuple[str, AttachedSpark]:
        name = self._spark.chosen(options.name)
        return name, self._spark.attached[name]

    def _sources(self, options: argparse.Namespace) -> list[Source]:
        from ..services.compute.sources import list_sources

        return list_sources(self.settings, _parts([options.profile]), _parts([options.region]))


def _session_row(name: str, attached: AttachedSpark) -> dict[str, Any]:
    try:
        state = attached.remote.wait(lambda tell: attached.remote.state())
    except EMRConnectError as error:
        state = error.reason
    view = attached.remote.view() or {}
    return {
        "name": name,
        "compute": attached.label,
        "kind": attached.remote.kind,
        "session": view.get("id"),
        "state": state or "not started",
        "application": view.get("appId"),
    }


def _parts(values: list[str | None]) -> tuple[str, ...]:
    """Take ``ec2,eks`` as two values."""
    return tuple(part.strip() for value in values if value for part in value.split(",") if part.strip())


def _print_error(error: EMRConnectError) -> None:
    lines = [printable(f"{error.reason}: {error.message}"), printable(error.fix)]
    sys.stderr.write("".join(f"{line}\n" for line in lines if line))


def _connected(config: EMRConnect, request: Attachment, kind: str) -> tuple[Any, RemoteSpark]:
    """Prove an attachment and return its connection, and the session to be there."""
    from ..services.attachments.connect import LivyConnection, connect
    from ..services.attachments.handover import required_conf
    from ..services.attachments.starting import ensure_started

    connection = gateway_loop().submit(connect(config, request)).result()
    if not isinstance(connection, LivyConnection):
        raise TypeError

    async def target() -> LivyTarget:
        return connection.target

    async def before_start(tell: Callable[[str, float], None]) -> None:
        await ensure_started(config, connection.compute, tell)

    remote = RemoteSpark(
        target,
        kind=kind,
        name=f"emr-connect-{uuid.uuid4()}",
        start_timeout=config.session_timeout,
        reconnect_s=config.reconnect_hours * 3600,
        required=required_conf(connection.compute.kind, connection.role),
        reduced=connection.target.reduced,
        before_start=before_start,
    )
    return connection, remote
