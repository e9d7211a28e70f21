"""The cell magics of a notebook whose cells run in a Livy session, with sparkmagic's names and options."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_cell_magic, magics_class

from ..errors import EMRConnectError
from ..gateway.event_loop import gateway_loop
from ..livy.frames import FrameRows
from ..livy.output import ROWS_SHOWN, RowTable, sql_table
from ..livy.settings import OWN
from ..livy.statement import StatementResult
from .display import ProgressLine, StatementInterrupted, query_error, show_result, user_error
from .options import MagicParser, name_of
from .remote import RemoteSpark
from .screen import NotebookScreen
from .transfer import Run, bring_rows, send_value, shared_frame

SQL_ROWS = 1000  # that Livy itself returns of a statement of kind sql (reference 6.2)
BROUGHT_ROWS = 2500  # of a frame, unless -n says otherwise; sparkmagic's number
HELP = """In this notebook a plain cell runs in a Spark session on EMR. A cell that begins with % is answered here:

%%sql [-o VAR] [-n ROWS] [-q]    run Spark SQL; -o: into a local variable
%%spark [-o VAR] [-n ROWS]       run code; -o: bring a Spark DataFrame here
%%send_to_spark -i VAR [-n NAME] [-m ROWS]   make a local variable one of the session: text, or rows as a DataFrame
%%local                          run Python here, not on EMR
%%configure [-f]                 the settings of the session as JSON ({"driverMemory": "2g", "conf": {…}});
                                 -f: also when one runs, which is ended
%%info                           what session this is, and its settings
%%logs                           the end of the driver's log
%%pretty                         run code, and show tables as HTML
%matplot plt                     show a matplotlib figure of the session
%%cleanup -f, %%delete -f -s N   end this notebook's session, or session N
%emr help                        computes, roles, attachments
"""


@dataclass(frozen=True)
class AttachedSpark:
    """A Spark session of a notebook, and the compute's name in what is shown."""

    remote: RemoteSpark
    label: str


@magics_class
class SparkMagics(Magics):
    """The magics around a notebook's Spark sessions: one that the kernel came with, or those of ``%emr attach``."""

    def __init__(self, shell: InteractiveShell, fixed: AttachedSpark | None = None) -> None:
        super().__init__(shell)
        self.screen = NotebookScreen(shell)
        self.is_fixed = fixed is not None
        self.attached: dict[str, AttachedSpark] = {"spark": fixed} if fixed else {}

    def attach(self, name: str, remote: RemoteSpark, label: str) -> None:
        """Have one more session, which ends with this process; the latest is the one that is meant without a name."""
        self.attached[name] = AttachedSpark(remote, label)
        gateway_loop().at_exit(remote, remote.end)

    def detach(self, name: str) -> None:
        """End the session of this name, and forget the name."""
        remote = self.attached[name].remote
        remote.close()
        gateway_loop().at_exit(remote, None)
        if not self.is_fixed:
            del self.attached[name]

    def chosen(self, name: str | None = None) -> str:
        """Return the name of the session that is meant; raises ``UsageError`` when there is none such."""
        if not self.attached:
            message = "Nothing is attached here: %emr attach COMPUTE (%emr list shows them)."
            raise UsageError(message)
        if name is None:
            return list(self.attached)[-1]
        if name not in self.attached:
            message = f"Nothing is attached as {name!r}; there are: {', '.join(self.attached)}."
            raise UsageError(message)
        return name

    @property
    def remote(self) -> RemoteSpark:
        """The session that is meant without a name."""
        return self.attached[self.chosen()].remote

    @property
    def _label(self) -> str:
        return self.attached[self.chosen()].label

    @cell_magic
    def spark(self, line: str, cell: str) -> None:
        """Run the cell in the Spark session."""
        arguments = options_of("%%spark", line)
        if arguments.output:
            self._in_python(arguments.session, "-o")  # refused before the cell runs
        self.run_cell(cell, arguments.session)
        if arguments.output:
            self._bring(arguments.output, arguments, by_name=True)

    @cell_magic
    def sql(self, line: str, cell: str) -> None:
        """Run the cell as Spark SQL, and show the rows as a table."""
        arguments = options_of("%%sql", line)
        remote = self.attached[self.chosen(arguments.session)].remote
        if arguments.output:
            self._bring(f"spark.sql({cell!r})", arguments, show=not arguments.quiet)
        elif remote.is_reduced and remote.kind == "pyspark":  # EMR Serverless documents no statements of kind sql
            rows = self._fetched(f"spark.sql({cell!r})", SQL_ROWS, arguments)
            if not arguments.quiet:
                self.screen.show(_table(rows).bundle(cut_at=SQL_ROWS if rows.cut else None))
        else:
            self._show_sql(self._run(cell, "sql", arguments.session), cell, quiet=arguments.quiet)

    def _show_sql(self, result: StatementResult, query: str, *, quiet: bool) -> None:
        if result.failed:
            raise query_error(result)
        table = sql_table(result.data)
        if table is None:
            show_result(self.screen, result, query)
        elif not quiet:
            self.screen.show(table.bundle(cut_at=SQL_ROWS))

    def _bring(
        self, expression: str, arguments: argparse.Namespace, *, show: bool = False, by_name: bool = False
    ) -> None:
        """Put the rows of a frame into a local variable; says how many when there are more.

        ``expression`` is one of Python, with ``by_name`` a variable of the session's own language.
        """
        limit = BROUGHT_ROWS if arguments.maxrows is None else arguments.maxrows
        remote = self.attached[self.chosen(arguments.session)].remote
        if by_name and remote.kind != "pyspark":
            in_python = self._in_python(arguments.session, "-o")
            with shared_frame(self._runner(arguments.session), in_python, remote.kind, expression) as shared:
                rows = self._fetched(shared, limit, arguments)
        else:
            rows = self._fetched(expression, limit, arguments)
        if self.shell is not None:
            self.shell.user_ns[arguments.output] = rows.local()
        if show:
            self.screen.show(_table(rows).bundle(cut_at=limit if rows.cut else None))
        elif rows.cut:
            self.screen.write(f"{arguments.output} has the first {limit} rows; -n -1 brings all.\n")

    def _fetched(self, expression: str, limit: int, arguments: argparse.Namespace) -> FrameRows:
        """Return the rows of what an expression of Python is in the session."""
        return bring_rows(self._in_python(arguments.session, "-o"), expression, limit, unasked=arguments.yes)

    def _in_python(self, name: str | None, option: str) -> Run:
        """Return what runs Python in a session, also in one for another language: Livy has an interpreter for each.

        Raises ``UsageError`` where the server documents no such statements.
        """
        remote = self.attached[self.chosen(name)].remote
        if remote.kind != "pyspark" and remote.is_reduced:
            message = (
                f"{option} takes rows in PySpark sessions alone on EMR Serverless: use emr-pyspark, or --lang python."
            )
            raise UsageError(message)
        return self._runner(name, None if remote.kind == "pyspark" else "pyspark")

    def _runner(self, name: str | None, kind: str | None = None) -> Run:
        return lambda code: self._run(code, kind, name)

    @line_cell_magic
    def send_to_spark(self, line: str, cell: str = "") -> None:
        """Make a local variable one of the session."""
        self._send("%%send_to_spark", line)

    @line_cell_magic
    def send(self, line: str, cell: str = "") -> None:
        """Make a local variable one of the session: ``%%send_to_spark`` by its short name."""
        self._send("%%send", line)

    def _send(self, magic: str, line: str) -> None:
        arguments = sending_options_of(magic, line)
        space = self.shell.user_ns if self.shell is not None else {}
        if arguments.input not in space:
            message = f"There is no variable {arguments.input!r} here; %%local sets one."
            raise UsageError(message)
        value = space[arguments.input]
        if arguments.type == "str" and not isinstance(value, str):
            value = str(value)
        attached = self.attached[self.chosen(arguments.session)]
        sent = send_value(
            self._runner(arguments.session),
            lambda: self._in_python(arguments.session, magic),
            attached.remote.kind,
            arguments.name or arguments.input,
            value,
            most_rows=arguments.maxrows,
            unasked=arguments.yes,
        )
        self.screen.write(f"{arguments.name or arguments.input} is {sent} in the session on {attached.label}.\n")

    @cell_magic
    def pretty(self, line: str, cell: str) -> None:
        """Run the cell in the Spark session."""
        self.run_cell(cell)

    @line_cell_magic
    def matplot(self, line: str, cell: str = "") -> None:
        """Show a figure of the session: ``%matplot plt``."""
        self.run_cell(f"%matplot {line}\n{cell}".rstrip())

    @cell_magic
    def local(self, line: str, cell: str) -> None:
        """Run the cell here; the kernel takes it before it gets here, save inside another cell."""
        if self.shell is not None:
            self.shell.run_cell(cell)

    @line_cell_magic
    def configure(self, line: str, cell: str = "") -> None:
        """Set what the session is created with, as the JSON of Livy's ``POST /sessions``; ``-f`` ends one that runs."""
        words = line.split(maxsplit=1)
        force = "-f" in line.split()
        text = cell.strip() or (words[1] if force and len(words) > 1 else "" if force else line)
        settings = settings_of(text)
        if self.remote.has_session and not force:
            message = "A Spark session runs already. %%configure -f ends it, with its variables, and starts another."
            raise UsageError(message)
        if self.remote.has_session:
            self._wait(self.remote.drop)
        self.remote.chosen = settings
        shown = json.dumps(self.remote.body, ensure_ascii=False, indent=1)
        self.screen.write(f"The next session is created with:\n{shown}\n")
        if given := self.remote.settings.from_administrator(settings):
            self.screen.write(f"From the administrator's EMRConnect.session_settings: {', '.join(given)}.\n")
        if own := [name for name in OWN if name in settings]:
            self.screen.write(f"This kernel's own, and not taken from here: {', '.join(own)}.\n")

    @line_cell_magic
    def info(self, line: str, cell: str = "") -> None:
        """Say what session this is, and what it was created with."""
        state, view = self._wait(self.remote.state), self.remote.view()
        rows = {
            "compute": self._label,
            "session": view.get("id") if view else "none yet: the first cell starts it",
            "state": state,
            "application": (view or {}).get("appId"),
            "kind": self.remote.kind,
            "settings": json.dumps(self.remote.body, ensure_ascii=False),
            "of these the administrator's": ", ".join(self.remote.settings.from_administrator(self.remote.chosen)),
        }
        width = max(map(len, rows))
        lines = [f"{name:<{width}}  {value}" for name, value in rows.items() if value not in (None, "")]
        self.screen.write("\n".join(lines) + "\n")

    @line_cell_magic
    def logs(self, line: str, cell: str = "") -> None:
        """Show the end of the driver's log."""
        lines = self._wait(lambda: self.remote.log(100)) if self.remote.has_session else []
        self.screen.write("\n".join(lines or ["There is no log yet, or this Livy shows none."]) + "\n")

    @line_cell_magic
    def cleanup(self, line: str, cell: str = "") -> None:
        """End this notebook's session; ``-f`` because its variables go with it. Nobody else's are touched."""
        if "-f" not in line.split():
            message = "%%cleanup ends the session and its variables: write %%cleanup -f."
            raise UsageError(message)
        ended = self._wait(self.remote.drop)
        self.screen.write("The session was ended.\n" if ended else "There was no session.\n")

    @line_cell_magic
    def delete(self, line: str, cell: str = "") -> None:
        """End the session with this number: ``%%delete -f -s 3``."""
        words = line.split()
        number = words[words.index("-s") + 1] if "-s" in words[:-1] else ""
        if "-f" not in words or not number.isdigit():
            message = "Write %%delete -f -s NUMBER; %%info says which session is this notebook's."
            raise UsageError(message)
        view = self.remote.view()
        own = view is not None and int(view["id"]) == int(number)
        ended = self._wait(self.remote.drop if own else lambda: self._delete(int(number)))
        self.screen.write(f"Session {number} was ended.\n" if ended else f"There was no session {number}.\n")

    async def _delete(self, number: int) -> bool:
        return await (await self.remote.client()).delete(number)

    @line_cell_magic
    def help(self, line: str, cell: str = "") -> None:
        """Show the magics."""
        self.screen.write(HELP)

    # -- used by the kernel as well -----------------------------------------------------------------------------------

    def answer_plain(self, line: str, cell: str) -> None:
        """Run a cell without a magic; registered by the kernel whose plain cells run in the session."""
        self.run_cell(cell)

    def run_cell(self, code: str, name: str | None = None) -> None:
        """Run code in a session and show what it came to; raises its error."""
        show_result(self.screen, self._run(code, name=name), code)

    def _run(self, code: str, kind: str | None = None, name: str | None = None) -> StatementResult:
        attached = self.attached[self.chosen(name)]
        line = ProgressLine(self.screen, attached.label)
        try:
            return attached.remote.run(code, kind, line.tell)
        except KeyboardInterrupt:
            remote = attached.remote
            what = "runs on" if remote.runs_on else "ended" if remote.has_session else "start"
            raise StatementInterrupted(what) from None
        except EMRConnectError as error:
            raise user_error(error) from None
        finally:
            line.clear()

    def _wait(self, work: Callable[[], Any]) -> Any:
        """Do what ``work`` returns on the loop; raises errors as a cell shows them."""
        try:
            return self.remote.wait(lambda tell: work())
        except EMRConnectError as error:
            raise user_error(error) from None


def _table(rows: FrameRows) -> RowTable:
    """Return what is shown of rows that were brought here."""
    return RowTable(rows.names, (), rows.rows(ROWS_SHOWN), rows.count)


def options_of(magic: str, line: str) -> argparse.Namespace:
    """Return the options of a cell that runs in the session; raises ``UsageError``."""
    parser = MagicParser(prog=magic)
    parser.add_argument("-o", "--output", type=name_of)
    parser.add_argument("-n", "--maxrows", type=int)
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("-s", "--session")
    parser.add_argument("-y", "--yes", action="store_true")
    return parser.parse_line(line)


def sending_options_of(magic: str, line: str) -> argparse.Namespace:
    """Return the options of a cell that sends a variable; raises ``UsageError``."""
    parser = MagicParser(prog=magic)
    parser.add_argument("-i", "--input", required=True, type=name_of)
    parser.add_argument("-n", "--name", type=name_of)
    parser.add_argument("-t", "--type", choices=("str", "df"))
    parser.add_argument("-m", "--maxrows", type=int)
    parser.add_argument("-s", "--session")
    parser.add_argument("-y", "--yes", action="store_true")
    return parser.parse_line(line)


def settings_of(text: str) -> dict[str, Any]:
    """Return the settings in a ``%%configure`` cell; raises ``UsageError`` for what is no JSON object."""
    try:
        settings = json.loads(text or "{}")
    except ValueError as error:
        message = f'The settings are no JSON ({error}); write e.g. {{"driverMemory": "2g"}}.'
        raise UsageError(message) from None
    if not isinstance(settings, dict):
        message = 'The settings must be a JSON object, e.g. {"driverMemory": "2g"}.'
        raise UsageError(message)
    if not isinstance(settings.get("conf") or {}, dict):
        message = 'conf must be a JSON object, e.g. {"conf": {"spark.executor.cores": "2"}}.'
        raise UsageError(message)
    return settings
