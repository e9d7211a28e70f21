"""The backends of moto, for the operations that we leave to it: called in process, one small Flask app per service.

moto's admin interface (``/moto-api``) is an app of its own that is never made here, so nothing can reach it.
"""

from __future__ import annotations

import io
import logging
import threading
from typing import Any

from .failures import Kind, Refusal, Reply
from .service import Call

log = logging.getLogger(__name__)

_DROPPED = ("content-length", "connection", "date", "server", "transfer-encoding", "x-amzn-requestid")


class Backends:
    """The moto apps made so far; importing and making one costs memory, so only at first use."""

    def __init__(self) -> None:
        self._apps: dict[str, Any] = {}
        self._lock = threading.Lock()

    def answer(self, call: Call, name: str) -> Reply:
        """Let moto's backend ``name`` answer as the caller's account; raises :class:`Refusal` where moto cannot."""
        from werkzeug.test import run_wsgi_app

        environ = _environ(call)
        try:
            body, status, headers = run_wsgi_app(self._app(name), environ, buffered=True)
            content = b"".join(body)
        except NotImplementedError:
            raise Refusal(Kind.NOT_EMULATED) from None
        code = int(status.split(" ", 1)[0])
        kept = {key: value for key, value in headers.items() if _keep(key.lower())}
        if call.incoming.method == "HEAD" and "Content-Length" in headers:
            kept["Content-Length"] = headers["Content-Length"]
        return Reply(code, content, kept)

    def _app(self, name: str) -> Any:
        with self._lock:
            if name not in self._apps:
                from moto.moto_server.werkzeug_app import create_backend_app

                self._apps[name] = create_backend_app(name)  # type: ignore[arg-type] # one of moto's literal names
            return self._apps[name]


def _keep(header: str) -> bool:
    """Whether a header leaves here: not CORS, by which moto lets any web page call, nor the names of moto's server."""
    return header not in _DROPPED and not header.startswith("access-control-")


def _environ(call: Call) -> dict[str, Any]:
    """Return the request for moto, with the account and the region that we found, whatever the caller wrote."""
    from .protocol import moto_request

    environ: dict[str, Any] = dict(moto_request(call.incoming).environ)
    environ["wsgi.input"] = io.BytesIO(call.incoming.body)
    environ["wsgi.errors"] = io.StringIO()
    environ["CONTENT_LENGTH"] = str(len(call.incoming.body))
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = call.account
    environ["HTTP_USER_AGENT"] = f"sandbox region/{call.region}"
    return environ
