"""Why a kernel did not start or restart: in Jupyter's own answer, with a status of its own, and on one line of the log.

jupyter_server (2.21) answers a restart that failed with "Exception restarting kernel", a kernel without a session with
"Unhandled error", a session with 500; and jupyter_client logs the traceback, once for each layer. So Jupyter's handlers
of kernels and sessions are given what :class:`.base.EMRHandler` does with errors of ours; all else stays.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.services.kernels.handlers import KernelsAPIHandler
from jupyter_server.services.sessions.handlers import SessionsAPIHandler
from tornado.web import Application

from ...errors import EMRConnectError
from .error_responses import status_of


class ExplainedFailures(APIHandler):
    """Mixed into a handler of Jupyter's: a failure that an error of ours has caused is answered with it."""

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Give errors of ours their status; called by tornado."""
        error = our_cause((kwargs.get("exc_info") or (None, None))[1])
        super().send_error(status_of(error, status_code) if error else status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the cause and the fix where front ends look, in ``message``; called by tornado."""
        error = our_cause((kwargs.get("exc_info") or (None, None))[1])
        if error is None:
            super().write_error(status_code, **kwargs)
            return
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({**error.to_json(), "message": str(error)}))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Say nothing of errors of ours: the provisioner has."""
        if our_cause(value) is None:
            super().log_exception(typ, value, tb)


class OnceInTheLog(logging.Filter):
    """Drops records with the traceback of an error of ours, which the provisioner has logged on one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is logged; called by ``logging`` on any thread."""
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        return our_cause(error) is None


ONCE_IN_THE_LOG = OnceInTheLog()


def our_cause(error: BaseException | None) -> EMRConnectError | None:
    """Return the error of ours that this one is, or was raised from; None when there is none."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, EMRConnectError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def explain_failures(app: Application, log: logging.Logger) -> None:
    """Have Jupyter's handlers explain our failures, once each in the log; called by the extension at start.

    Handlers that another extension has put in their place are left alone.
    """
    for rule in app.wildcard_router.rules:
        handler = rule.target
        if isinstance(handler, type) and issubclass(handler, (KernelsAPIHandler, SessionsAPIHandler)):
            rule.target = type(handler.__name__, (ExplainedFailures, handler), {})
    for logger in (log, logging.getLogger("tornado.application")):
        logger.addFilter(ONCE_IN_THE_LOG)
