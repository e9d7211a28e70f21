"""Sees to it that an interrupted cell stops on Spark too: this file's text runs in the remote kernel, not in ours.

``spark_cells.py`` puts it into sparkmagic's kernels, silently, when they start. sparkmagic polls Livy for a cell's
statement. Before the end of 2020 (its pull request 671) an interrupt ended the polling alone. Later versions ask Livy
to cancel the statement, but not when the interrupt comes while it is posted, and they give up when Livy fails once or a
second interrupt comes. And what Livy calls cancelled may still run: it says so after a while in any case, and reaches
Spark's jobs alone. Only a session that is no longer busy shows that it has stopped. So all this is seen to, and the
user is told what came of it.

It needs the standard library, Python 3.7 and sparkmagic's ``Command`` and ``LivyReliableHttpClient``; without these it
does nothing.
"""

from __future__ import annotations

import sys
import time
from typing import Any

WAIT = 30.0  # seconds until the cell ends though the statement has not
EVERY = 0.5
ENDED = ("available", "cancelled", "error")
INTERRUPTED = "Interrupted by user"
STOPPED = "The Spark job was cancelled.\n"


class Cell:
    """One cell's statement in Livy: posted, polled, and stopped when the cell is interrupted."""

    def __init__(self, code: Any, session: Any) -> None:
        self.code = code
        self.session = session
        self.client = session.http_client
        self.statement: Any = None  # its number, once it is known
        self.posting = False

    def post(self, post_statement: Any, session_id: Any, data: Any) -> Any:
        """Stand in for ``LivyReliableHttpClient.post_statement``: take note of the statement's number."""
        self.posting = True
        answer = post_statement(session_id, data)
        self.statement, self.posting = answer["id"], False
        return answer

    def find(self) -> None:
        """Find a statement whose number was not heard: the last one, if it has our code and has not ended."""
        if self.statement is None and self.posting:
            url = f"/sessions/{self.session.id}/statements"
            known = self.client._http_client.get(url, [200]).json()["statements"]
            last = known[-1] if known else {}
            if last.get("code", self.code) == self.code and last.get("state") not in ENDED:
                self.statement = last.get("id")

    def stopped(self) -> bool:
        """Ask Livy to cancel the statement unless it did; returns whether it has ended, and Spark with it."""
        state = self.client.get_statement(self.session.id, self.statement)["state"].lower()
        if state in ("waiting", "running"):
            url = f"/sessions/{self.session.id}/statements/{self.statement}/cancel"
            self.client._http_client.post(url, [200], {})
            return False
        return state in ENDED and self.client.get_session(self.session.id)["state"].lower() != "busy"

    def stop(self) -> bool:
        """Cancel the statement, wait until it has stopped, and say what came of it; another interrupt ends the wait."""
        end, failure = time.time() + WAIT, ""
        try:
            while time.time() < end:
                try:
                    self.find()
                    if self.statement is None and not self.posting:
                        return True  # the interrupt came before there was anything to cancel
                    if self.statement is not None and self.stopped():
                        tell(STOPPED)
                        return True
                    failure = ""
                except Exception as error:
                    failure = str(error)[:300]
                if self.statement is None and time.time() > end - WAIT + 5:
                    return True  # it never arrived
                time.sleep(EVERY)
        except KeyboardInterrupt:
            pass
        number = "a statement" if self.statement is None else f"statement {self.statement}"
        where = f"({number} of Livy session {self.session.id})"
        if failure:
            tell(f"The Spark job could not be cancelled {where}: {failure}\n")
        else:
            tell(f"The Spark job is still being cancelled {where}; the next cell waits for it.\n")
        return False


def tell(text: str) -> None:
    """Show text below the cell."""
    sys.stderr.write(text)
    sys.stderr.flush()


def install() -> str:
    """Wrap sparkmagic's way to run a statement, once; returns a word that says what came of it."""
    try:
        from sparkmagic.livyclientlib import exceptions
        from sparkmagic.livyclientlib.command import Command
        from sparkmagic.livyclientlib.livyreliablehttpclient import LivyReliableHttpClient
    except ImportError:
        return "no sparkmagic"
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

    Command.emr_connect_execute = execute
    Command.execute = executing
    LivyReliableHttpClient.post_statement = posting
    return "installed"
