"""``%emr``: computes, roles and attachments from a cell, by the same use cases as ``jupyter emr`` and the REST API."""

from __future__ import annotations

import difflib
import shlex
import sys
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class

from ..config import EMRConnect, load_config
from ..errors import EMRConnectError
from ..gateway.event_loop import gateway_loop
from ..livy.output import html_table
from ..livy.target import LivyTarget
from ..models import Attachment
from ..presentation.tables import compute_fields, compute_table, kernel_table, role_table
from ..presentation.text import printable, table_lines
from .display import user_error
from .remote import RemoteSpark
from .spark_magics import MagicParser, SparkMagics

KINDS = {"python": "pyspark", "scala": "spark", "r": "sparkr"}
HELP = """%emr list [WORDS]                      the computes, and why some cannot be attached to; `rows = %emr list`
%emr show COMPUTE                      one of them, by id, ARN or name
%emr roles [COMPUTE]                   the runtime roles offered
%emr attach COMPUTE [--role ROLE] [--as NAME] [--lang python|scala|r]
                                       a Spark session there for %%spark and %%sql in this notebook, by Livy
%emr status                            what this notebook is attached to
%emr restart [NAME]                    end the session with its variables; the next cell starts another
%emr detach [NAME]                     end the session and the attachment
%emr sessions                          all kernels and sessions that were started from here
"""


class Rows(list[dict[str, Any]]):
    """What ``%emr list`` and others return: JSON rows that show themselves as a table."""

    def __init__(self, rows: Sequence[dict[str, Any]], headers: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
        super().__init__(rows)
        self._headers, self._cells = headers, cells

    def _repr_html_(self) -> str:
        return html_table(self._headers, self._cells)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("\n".join(table_lines(self._headers, self._cells, (), None)))


@magics_class
class EMRMagics(Magics):
    """``%emr`` in one kernel; ``spark`` has the sessions that it attaches."""

    def __init__(self, shell: InteractiveShell, spark: SparkMagics) -> None:
        super().__init__(shell)
        self._spark = spark
        self._verbs: dict[str, Callable[[list[str]], Any]] = {
            "list": self._list,
            "show": self._show,
            "roles": self._roles,
            "attach": self._attach,
            "status": self._status,
            "detach": self._detach,
            "sessions": self._sessions,
            "restart": self._restart,
            "help": self._help,
        }

    @property
    def verbs(self) -> list[str]:
        """What may follow ``%emr``, for completion."""
        return list(self._verbs)

    @line_magic
    def emr(self, line: str) -> Any:
        """Do one verb: ``%emr help`` lists them."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise UsageError(f"%emr: {error}") from None  # noqa: EM102
        verb, *rest = words or ["help"]
        if verb not in self._verbs:
            near = difflib.get_close_matches(verb, self._verbs, 1)
            hint = f"Did you mean %emr {near[0]}?" if near else f"There are {', '.join(self._verbs)}."
            raise UsageError(f"%emr has no verb {verb!r}. {hint}")  # noqa: EM102
        try:
            return self._verbs[verb](rest)
        except EMRConnectError as error:
            raise user_error(error) from None

    @property
    def _config(self) -> EMRConnect:
        return EMRConnect(config=load_config())

    def _list(self, words: list[str]) -> Rows:
        from ..services.compute.catalogue import LiveCatalogue, Query
        from ..services.compute.catalogue.reading import read_all
        from ..services.compute.sources import list_sources

        catalogue = LiveCatalogue(self._config, list_sources(self._config, [], []))
        try:
            view = read_all(catalogue, Query(q=" ".join(words)))
        finally:
            catalogue.close()
        for problem in view.problems:
            sys.stderr.write(f"{printable(str(problem.error))}\n")
        items = sorted(view.items, key=lambda compute: not compute.attachable)
        headers, cells, _ = compute_table(items)
        return Rows([compute.to_json() for compute in items], headers, cells)

    def _show(self, words: list[str]) -> None:
        from ..services.compute.lookup import find

        (compute,) = _only(words, "show COMPUTE", 1)
        _print_fields(compute_fields(find(self._config, compute, depth="view")))

    def _roles(self, words: list[str]) -> Rows:
        from ..services.roles import offered_roles

        compute = _only(words, "roles [COMPUTE]", 0, 1)
        listed = offered_roles(self._config, compute[0] if compute else None)
        for error in listed.errors:
            sys.stderr.write(f"{printable(str(error))}\n")
        headers, cells, _ = role_table(listed.items)
        return Rows([role.to_json() for role in listed.items], headers, cells)

    def _attach(self, words: list[str]) -> None:
        options = _attach_options(words)
        if self._spark.is_fixed:
            message = (
                "This kernel is attached already. Attach its notebook in the EMR panel, or by `jupyter emr attach`."
            )
            raise UsageError(message)
        if options.name in self._spark.attached:
            message = f"{options.name!r} is attached already: %emr detach {options.name}, or another name by --as."
            raise UsageError(message)
        config, request = self._config, Attachment(options.compute, options.role, "livy")
        connection, remote = _connected(config, request, KINDS[options.lang])
        label = f"{connection.compute.name} ({connection.compute.id})"
        self._spark.attach(options.name, remote, label)
        role = f" under {connection.role}" if connection.role else ""
        sys.stdout.write(
            f"Attached to {label}{role} as {options.name!r}. The first %%spark or %%sql starts the session.\n"
        )

    def _status(self, words: list[str]) -> None:
        _only(words, "status", 0)
        if not self._spark.attached:
            sys.stdout.write("Nothing is attached here. %emr attach COMPUTE attaches this notebook.\n")
        for name, attached in self._spark.attached.items():
            view = attached.remote.view()
            session = f"session {view['id']}, {view['state']}" if view else "no session yet"
            sys.stdout.write(f"{name}: {attached.label}, {attached.remote.kind}, {session}\n")

    def _detach(self, words: list[str]) -> None:
        name = self._spark.chosen(*_only(words, "detach [NAME]", 0, 1))
        self._spark.detach(name)
        sys.stdout.write(f"{name!r} is detached, and its session has ended.\n")

    def _restart(self, words: list[str]) -> None:
        name = self._spark.chosen(*_only(words, "restart [NAME]", 0, 1))
        remote = self._spark.attached[name].remote
        remote.wait(lambda tell: remote.drop())
        sys.stdout.write("The session has ended, with its variables. The next cell starts another.\n")

    def _sessions(self, words: list[str]) -> Rows:
        from ..services.kernels.listing import list_kernels

        _only(words, "sessions", 0)
        listed = gateway_loop().submit(list_kernels(self._config)).result()
        headers, cells, _ = kernel_table(listed.items, short=True)
        return Rows([kernel.to_json() for kernel in listed.items], headers, cells)

    def _help(self, words: list[str]) -> None:
        sys.stdout.write(HELP)


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


def _attach_options(words: list[str]) -> Any:
    parser = MagicParser(prog="%emr attach", add_help=False)
    parser.add_argument("compute")
    parser.add_argument("--role", "--runtime-role")
    parser.add_argument("--transport", choices=["livy", "auto"], default="livy")
    parser.add_argument("--as", dest="name", default="spark")
    parser.add_argument("--lang", choices=list(KINDS), default="python")
    return parser.parse_args(words)


def _only(words: list[str], usage: str, least: int, most: int | None = None) -> list[str]:
    """Return the words when there are as many as the verb takes; raises ``UsageError``."""
    if least <= len(words) <= (least if most is None else most):
        return words
    raise UsageError(f"Write %emr {usage}.")  # noqa: EM102


def _print_fields(fields: Sequence[tuple[str, str | None]]) -> None:
    shown = [(name, value) for name, value in fields if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    sys.stdout.write("".join(f"{name:<{width}}  {printable(value)}\n" for name, value in shown))
