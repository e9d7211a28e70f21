"""What a cell shows of Spark: a line of progress that goes, results beside it, and errors as the user's own.

Everything is plain text, HTML or an image: no widget is needed. Used on the thread that runs cells.
"""

from __future__ import annotations

from ..errors import EMRConnectError
from ..livy.output import bundle_of, traceback_of
from ..livy.statement import StatementProgress, StatementResult
from .commands import error_lines
from .remote import Remark, Started, StartProgress
from .screen import Screen, TransientLine


class ProgressLine(TransientLine):
    """The line that says how far a session or a statement is."""

    def __init__(self, screen: Screen, label: str) -> None:
        super().__init__(screen)
        self._label = label

    def tell(self, what: object) -> None:
        """Show how far a session or a statement is; called for each poll."""
        if isinstance(what, Started):
            number, app = what.view.get("id"), what.view.get("appId")
            named = f" ({app})" if app else ""
            again = f" at the second attempt: {what.second_because}" if what.second_because else ""
            started = f"started in {what.seconds:.0f} s{again}"
            self.clear()
            self._screen.write(f"Spark session {number}{named} on {self._label}, {started}.\n")
        elif isinstance(what, Remark):
            self._screen.write(f"{what.text}\n")
        elif isinstance(what, StartProgress):
            self.show(f"Starting a Spark session on {self._label}: {what.state}, {what.seconds:.0f} s", what.seconds)
        elif isinstance(what, StatementProgress):
            share = f"{what.share:.0%} of its stages, " if what.share else ""
            self.show(f"Spark: {what.problem or what.state}, {share}{what.seconds:.0f} s", what.seconds)


def show_result(screen: Screen, result: StatementResult, code: str) -> None:
    """Print and display what a statement came to; raises its error as one of the user's code."""
    if result.failed:
        raise statement_error(result, code)
    text = str(result.data.get("text/plain", ""))
    if text:
        screen.write(text if text.endswith("\n") else f"{text}\n")
    if bundle := bundle_of(result.data):
        screen.show(bundle)


class CellError(Exception):
    """An error of a cell that IPython shows as ``lines``, and not with the frames of this package."""

    lines: list[str]

    def _render_traceback_(self) -> list[str]:
        return self.lines


INTERRUPTED = {
    "start": "the start of the session was given up.",
    "ended": "the statement was cancelled.",
    "runs on": "Livy was asked to cancel the statement, which was not seen to end: Python code on the driver may heed "
    "no interrupt. The next cell waits for it; %emr restart ends the session.",
}


class StatementInterrupted(KeyboardInterrupt):
    """The user's interrupt, once what came of it is known; front ends know it by the name of its base.

    ``what`` is ``start`` where a session was given up as it started, else ``ended``, or ``runs on`` if not seen to end.
    """

    def __init__(self, what: str) -> None:
        super().__init__(INTERRUPTED[what])

    def _render_traceback_(self) -> list[str]:
        return [f"KeyboardInterrupt: {self}"]


StatementInterrupted.__name__ = KeyboardInterrupt.__name__


def statement_error(result: StatementResult, code: str) -> CellError:
    """Return the error of a statement, whose class has the name that the interpreter gave it."""
    if result.state == "cancelled" and not result.ename:
        return _named("Cancelled", "The statement was cancelled.", ["The statement was cancelled."])
    return _named(result.ename, result.evalue, traceback_of(result, code))


def query_error(result: StatementResult) -> CellError:
    """Return the error of a query or of a frame that was asked for: what Spark says of it, without frames of code."""
    if result.state == "cancelled" and not result.ename:
        return statement_error(result, "")
    said = result.evalue.strip() if result.ename == "Error" else f"{result.ename}: {result.evalue.strip()}"
    return _named(result.ename, result.evalue, said.splitlines())


def user_error(error: EMRConnectError) -> CellError:
    """Return an error of ours as a cell shows it: what is wrong, and what to do."""
    return _named(type(error).__name__, str(error), error_lines(error))


def _named(name: str, text: str, lines: list[str]) -> CellError:
    made: CellError = type(name or "Error", (CellError,), {})(text)
    made.lines = lines
    return made
