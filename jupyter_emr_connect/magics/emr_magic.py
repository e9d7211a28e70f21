"""``%emr`` in an IPython kernel: sessions that a notebook attaches, and the one of a kernel of transport ``livy``.

Everything here runs on the thread that runs cells; what is asynchronous is driven on the background loop meanwhile.
"""

from __future__ import annotations

import argparse
import getpass
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class

from ..config import EMRConnect
from ..errors import EMRConnectError, LoginRefused, LoginRequired
from ..models import Attachment, Login
from ..presentation.logins import LoginError, user_name, user_question, with_login
from ..presentation.tables import Table
from ..presentation.text import role_warning
from .commands import EMRCommands
from .display import user_error
from .kernel_commands import KernelCommands
from .options import usage_error
from .results import NamedFields, TableRows
from .screen import Screen
from .sessions import adopted_session, attached_session, label_of
from .spark_magics import AttachedSpark, SparkMagics
from .verbs import KINDS

LOG_LINES = 100
LOGIN_ATTEMPTS = 2  # a directory may lock an account after some wrong passwords
UNASKED_FIX = "Name a secret of AWS Secrets Manager that holds them in EMRConnect.livy_secrets."


@magics_class
class EMRMagics(Magics):
    """``%emr`` in one kernel."""

    def __init__(self, shell: InteractiveShell, commands: EMRCommands) -> None:
        super().__init__(shell)
        self._commands = commands

    @line_magic
    def emr(self, line: str) -> Any:
        """List, choose and attach to EMR computes; ``%emr help`` shows how."""
        try:
            return self._commands.run(line)
        except EMRConnectError as error:
            raise user_error(error) from None


class SessionCommands(EMRCommands):
    """``%emr`` where a notebook has Spark sessions: those in ``spark``."""

    footer = "%%spark [-s NAME] [-o VAR] [-n ROWS] [-q]   run the cell in an attached session; %%sql: as Spark SQL"

    def __init__(self, screen: Screen, settings: Callable[[], EMRConnect], spark: SparkMagics, **more: Any) -> None:
        super().__init__(screen, settings, **more)
        self._spark = spark

    def own_status(self) -> list[str]:
        """Return what is attached here."""
        return [*super().own_status(), *(_attached_line(name, spark) for name, spark in self._spark.attached.items())]

    def _attach(self, options: argparse.Namespace) -> None:
        from ..services.roles import objection

        self._check_free(options.name)
        request = Attachment(options.compute, options.role, "livy", profile=options.profile, region=options.region)
        folder = str(Path.cwd())
        try:
            connection, remote = with_login(
                lambda: attached_session(self.settings, request, KINDS[options.lang]), self._ask_login, LOGIN_ATTEMPTS
            )
        except EMRConnectError as error:
            self.audit.attachment("refused", request, folder, refusal=error)
            raise
        label = label_of(connection)
        self._spark.attach(options.name, remote, label)
        self.audit.attachment("attach", request, folder)
        role = f" under {connection.role}" if connection.role else ""
        self._screen.write(
            f"Attached to {label}{role} as {options.name!r}. The first %%spark or %%sql starts the session.\n"
        )
        if missing := objection(self.settings, connection.compute, connection.role):
            self._screen.warn(f"{role_warning(missing)}\n")

    def _check_free(self, name: str) -> None:
        if name in self._spark.attached:
            message = f"{name!r} is attached already: %emr detach {name}, or another name by --as."
            raise usage_error(message)

    def _ask_login(self, error: LoginError) -> Login | None:
        """Ask below the cell, the password hidden; None for an empty one. Raises where the front end cannot ask."""
        if isinstance(error, LoginRefused):
            self._screen.warn(f"{error.message}\n")
        own_name = user_name()
        try:
            username = input(user_question(error, own_name)).strip() or own_name or ""
            password = getpass.getpass(f"Password of {username}: ")
        except (StdinNotImplementedError, EOFError):
            message = f"{error.message} Nobody can be asked for them here."
            raise LoginRequired(message, fix=UNASKED_FIX) from None
        return Login(username, password) if password else None

    def _adopt(self, options: argparse.Namespace) -> None:
        self._check_free(options.name)
        with self.audit.kernel_change("adopt", options.kernel, force=False) as about:
            record, connection, remote = with_login(
                lambda: adopted_session(self.settings, options.kernel), self._ask_login, LOGIN_ATTEMPTS
            )
            about.record = record
        label = label_of(connection)
        self._spark.attach(options.name, remote, label)
        self._screen.write(f"{options.name!r} goes on with session {record.remote_id} on {label}.\n")

    def _detach(self, options: argparse.Namespace) -> None:
        name, attached = self._chosen(options)
        ended = ", and its session has ended" if attached.remote.has_session else ""
        self._spark.detach(name)
        self._screen.write(f"{name!r} is detached{ended}.\n")

    def _restart(self, options: argparse.Namespace) -> None:
        _, attached = self._chosen(options)
        attached.remote.wait(lambda tell: attached.remote.drop())
        self._screen.write("The session has ended, with its variables. The next cell starts another.\n")

    def _sessions(self, options: argparse.Namespace) -> TableRows:
        if options.all:
            return super()._sessions(options)
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
        self._screen.write("\n".join(lines or ["There is no log yet, or this Livy shows none."]) + "\n")

    def _chosen(self, options: argparse.Namespace) -> tuple[str, AttachedSpark]:
        name = self._spark.chosen(options.name)
        return name, self._spark.attached[name]


class LivyKernelCommands(KernelCommands, SessionCommands):
    """``%emr`` in a kernel of transport ``livy``: its notebook's attachment, and its one session."""

    footer = "%%help shows the cells of this kernel."


def _attached_line(name: str, attached: AttachedSpark) -> str:
    settings = attached.remote.body
    created = f"; sessions are created with {json.dumps(settings, ensure_ascii=False)}" if settings else ""
    return f"attached here: {name}, {attached.label}{created}"


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
