"""Sees to it that an interrupted cell stops on Spark too: this file's text runs in the remote kernel's process.

``install.py`` puts it into kernels that use Spark when they start, unseen by the user. sparkmagic polls Livy for a
cell's statement. Before the end of 2020 (its pull request 671) an interrupt ended the polling alone. Later versions ask
Livy to cancel the statement, but not when the interrupt comes while it is posted, and they give up when Livy fails once
or a second interrupt comes. And what Livy calls cancelled may still run: it says so after a while in any case, and
reaches Spark's jobs alone. Only a session that is no longer busy shows that it has stopped. So all this is seen to, and
the user is told what came of it.

A kernel that is itself Spark's driver (EMR on EKS) has no Livy. There ipykernel replaces pyspark's own handler of the
interrupt, which would cancel all jobs, so the job of an interrupted cell went on. Here those that the cell has begun
are cancelled, and no others.

It needs the standard library, Python 3.7, and sparkmagic's ``Command`` and ``LivyReliableHttpClient`` or pyspark's
``SparkContext``; without these it does nothing.
"""

from __future__ import annotations

import sys
import time
from typing import Any

STOP_WITHIN_S = 30.0  # then the cell ends though the statement has not
ASK_EVERY_S = 0.5
ENDED = ("available", "cancelled", "error")
INTERRUPTED = "Interrupted by user"
STOPPED = "The Spark job was cancelled.\n"  # of a kernel that is the driver itself, and knows
# Livy does not say whether a statement has begun a Spark job. In its error the printed text is missing.
CANCELLED = "The cell was cancelled; nothing of it runs on the cluster any more.\n"
ENDED_ITSELF = "The cell had ended before it could be cancelled.\n"
PRINTED_LOST = "Anything that it had printed is lost: Livy gives that out only when a cell ends by itself.\n"


class Cell:
    """One cell's statement in Livy: posted, polled, and stopped when the cell is interrupted.

    ``bar`` is its progress bar, which sparkmagic closes only when the statement ends by itself.
    """

    def __init__(self, code: Any, session: Any) -> None:
        self.code = code
        self.session = session
        self.client = session.http_client
        self.statement: Any = None  # its number, once it is known
        self.posting = False
        self.bar: Any = None
        self.answer: Any = {}  # Livy's last one about the statement

    def post(self, post_statement: Any, session_id: Any, data: Any) -> Any:
        """Stand in for ``LivyReliableHttpClient.post_statement``: take note of the statement's number."""
        self.posting = True
        answer = post_statement(session_id, data)
        self.statement, self.posting = answer["id"], False
        return answer

    def close_bar(self) -> None:
        """Let the progress bar go, whatever came of the statement: open, it would stay in the notebook."""
        if self.bar is not None:
            self.bar.close()

    def find(self) -> None:
        """Find a statement whose number was not received: the last one, if it has the cell's code and has not ended."""
        if self.statement is None and self.posting:
            url = f"/sessions/{self.session.id}/statements"
            statements = self.client._http_client.get(url, [200]).json()["statements"]
            last = statements[-1] if statements else {}
            if last.get("code", self.code) == self.code and last.get("state") not in ENDED:
                self.statement = last.get("id")

    def stopped(self) -> bool:
        """Ask Livy to cancel the statement unless it did; returns whether it has ended, and Spark with it."""
        self.answer = self.client.get_statement(self.session.id, self.statement)
        state = self.answer["state"].lower()
        if state in ("waiting", "running"):
            url = f"/sessions/{self.session.id}/statements/{self.statement}/cancel"
            self.client._http_client.post(url, [200], {})
            return False
        return state in ENDED and self.client.get_session(self.session.id)["state"].lower() != "busy"

    def report(self) -> None:
        """Show what the statement has printed, if Livy has it, and say how it ended."""
        output = self.answer.get("output") or {}
        printed = (output.get("data") or {}).get("text/plain", "")
        if printed:
            sys.stdout.write(f"{printed}\n")
            sys.stdout.flush()
        if self.answer["state"].lower() == "available":
            tell(ENDED_ITSELF)
        else:
            tell(CANCELLED + PRINTED_LOST if output.get("status") == "error" else CANCELLED)

    def stop(self) -> bool:
        """Cancel the statement, wait until it has stopped, and say what came of it; another interrupt ends the wait."""
        end, failure = time.time() + STOP_WITHIN_S, ""
        try:
            while time.time() < end:
                try:
                    self.find()
                    if self.statement is None and not self.posting:
                        return True  # the interrupt came before there was anything to cancel
                    if self.statement is not None and self.stopped():
                        self.report()
                        return True
                    failure = ""
                except Exception as error:
                    failure = str(error)[:300]
                if self.statement is None and time.time() > end - STOP_WITHIN_S + 5:
                    return True  # it never arrived
                time.sleep(ASK_EVERY_S)
        except KeyboardInterrupt:
            pass
        number = "a statement" if self.statement is None else f"statement {self.statement}"
        where = f"({number} of Livy session {self.session.id})"
        if failure:
            tell(f"The cell could not be cancelled on the cluster {where}: {failure}\n")
        else:
            tell(f"The cell is still being cancelled on the cluster {where}; the next cell waits for it.\n")
        return False


class Driver:
    """The jobs of a kernel that is itself Spark's driver; told by IPython when a cell begins and ends."""

    def __init__(self) -> None:
        self.before: set[int] = set()  # the jobs that ran when the cell began

    def context(self) -> Any:
        """Return the kernel's SparkContext, or None while it has none."""
        pyspark = sys.modules.get("pyspark")
        return getattr(getattr(pyspark, "SparkContext", None), "_active_spark_context", None)

    def jobs(self, context: Any) -> set[int]:
        """Return the jobs that run now."""
        return set(context.statusTracker().getActiveJobsIds())

    def begin(self, *_: Any) -> None:
        """Take note of the jobs that are not the cell's."""
        try:
            context = self.context()
            self.before = self.jobs(context) if context is not None else set()
        except Exception:  # a context that is stopped has no jobs
            self.before = set()

    def end(self, result: Any = None) -> None:
        """Cancel the jobs of a cell that was interrupted, and wait until they have stopped."""
        context = self.context()
        if context is None or not isinstance(getattr(result, "error_in_exec", None), KeyboardInterrupt):
            return
        try:
            self.stop(context)
        except Exception as error:
            tell(f"The Spark job could not be cancelled: {str(error)[:300]}\n")

    def stop(self, context: Any) -> None:
        """Cancel what the cell has begun, and say what came of it; another interrupt ends the wait."""
        end, asked = time.time() + STOP_WITHIN_S, False
        try:
            while time.time() < end:
                left = self.jobs(context) - self.before - self.foreign(context)
                if not left:
                    if asked:
                        tell(STOPPED)
                    return
                for job in left if not asked else ():
                    context._jsc.sc().cancelJob(job)
                asked = True
                time.sleep(ASK_EVERY_S / 5)
        except KeyboardInterrupt:
            pass
        tell("The Spark job is still being cancelled.\n")

    def foreign(self, context: Any) -> set[int]:
        """Return the jobs of groups other than the cell's own: those of streaming queries, for example."""
        tracker = context.statusTracker()
        own = {None, context.getLocalProperty("spark.jobGroup.id")}
        cell_jobs = {job for group in own for job in tracker.getJobIdsForGroup(group)}
        return self.jobs(context) - cell_jobs


def tell(text: str) -> None:
    """Show text below the cell."""
    sys.stderr.write(text)
    sys.stderr.flush()


class HiddenBar:
    """Stand in for sparkmagic's progress bar where nobody shows widgets: it is kept in no notebook."""

    def __init__(self, *given: Any, **options: Any) -> None:
        self.__dict__.update(options)

    def _ipython_display_(self) -> None:
        """Show nothing; called by IPython in place of publishing what ``repr`` says."""

    def close(self) -> None:
        """Change nothing: there is no widget."""


def install(shell: Any = None, bars: bool = True) -> str:
    """Wrap sparkmagic's way to run a statement, or watch the cells of ``shell``, once; returns what was done.

    Without ``bars`` its progress bars are not shown; another installation changes that.
    """
    if "sparkmagic.livyclientlib.command" not in sys.modules:  # where it is installed, it may yet not be used
        return watch(shell)
    from sparkmagic.livyclientlib import command as command_module
    from sparkmagic.livyclientlib import exceptions
    from sparkmagic.livyclientlib.command import Command
    from sparkmagic.livyclientlib.livyreliablehttpclient import LivyReliableHttpClient

    Command.emr_connect_bars = bars
    if hasattr(Command, "emr_connect_execute"):
        return "there already"
    execute, post_statement = Command.execute, LivyReliableHttpClient.post_statement
    running: list[Cell] = []

    def posting(client: Any, session_id: Any, data: Any) -> Any:
        if running and running[-1].client is client:
            return running[-1].post(lambda *given: post_statement(client, *given), session_id, data)
        return post_statement(client, session_id, data)

    def executing(command: Any, session: Any) -> Any:
        cell = Cell(command.code, session)
        running.append(cell)
        try:
            return execute(command, session)
        except KeyboardInterrupt as interrupt:
            done = cell.stop()
            failed = getattr(exceptions, "SparkStatementCancellationFailedException", None)
            if done and failed is not None and isinstance(interrupt, failed):
                raise exceptions.SparkStatementCancelledException(INTERRUPTED) from None
            raise
        finally:
            running.remove(cell)
            cell.close_bar()

    note_bars(command_module, running)
    hide_bars(command_module)
    Command.emr_connect_execute = execute
    Command.execute = executing
    LivyReliableHttpClient.post_statement = posting
    return "installed"


def note_bars(module: Any, running: list[Cell]) -> None:
    """Let each cell know the progress bar that sparkmagic's ``module`` makes for it; ``running`` are the cells."""
    make = getattr(module, "FloatProgress", None)

    def making(*given: Any, **options: Any) -> Any:
        bar = make(*given, **options) if make is not None else None
        if running:
            running[-1].bar = bar
        return bar

    if make is not None:
        module.FloatProgress = making


def hide_bars(module: Any) -> None:
    """Let sparkmagic's ``module`` make bars and their layouts as it does, or while they are not wanted hidden ones."""

    def either(make: Any, hidden: Any) -> Any:
        return lambda *given, **options: (make if module.Command.emr_connect_bars else hidden)(*given, **options)

    for name, hidden in (("FloatProgress", HiddenBar), ("Layout", dict)):
        if hasattr(module, name):
            setattr(module, name, either(getattr(module, name), hidden))


def watch(shell: Any) -> str:
    """Watch the cells of an IPython shell that has no sparkmagic."""
    if shell is None or hasattr(shell, "emr_connect_driver"):
        return "nothing to watch" if shell is None else "there already"
    driver = shell.emr_connect_driver = Driver()
    shell.events.register("pre_run_cell", driver.begin)
    shell.events.register("post_run_cell", driver.end)
    return "watching"
