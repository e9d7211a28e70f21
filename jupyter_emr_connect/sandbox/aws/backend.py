"""The backends of moto, for the operations that we leave to it: their handlers are called in process.

moto's web server (Flask) is not used, so its admin interface (``/moto-api``) does not exist here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from .failures import FailureKind, Refusal, Reply
from .incoming import Incoming
from .service import Call

_DROPPED = frozenset({"content-length", "connection", "date", "server", "status", "transfer-encoding"})
_HOSTS = {"iam": "iam.amazonaws.com", "s3": "s3.{region}.amazonaws.com"}

Handler = Callable[[Any, str, Any], tuple[int, dict[str, Any], str | bytes]]


def answer(call: Call, name: str) -> Reply:
    """Let moto's backend ``name`` answer as the caller's account; raises :class:`Refusal` where moto cannot."""
    from werkzeug.exceptions import HTTPException

    request = _request(call, name)
    clean = f"{request.host_url.rstrip('/')}{request.raw_path}"
    handler = next((handler for pattern, handler in _handlers(name) if pattern.match(clean)), None)
    if handler is None:
        raise Refusal(FailureKind.UNKNOWN_OPERATION)
    try:
        status, headers, body = handler(request, request.raw_url, request.headers)
    except HTTPException as error:
        status, headers, body = error.code or 500, dict(error.get_headers()), error.get_body()
    except NotImplementedError:
        raise Refusal(FailureKind.NOT_EMULATED) from None
    kept = {key: str(value) for key, value in headers.items() if key.lower() not in _DROPPED}
    length = {key: str(value) for key, value in headers.items() if key.lower() == "content-length"}
    if call.incoming.method == "HEAD":
        kept.update(length)
    return Reply(int(status), body.encode() if isinstance(body, str) else bytes(body or b""), kept)


@cache
def _handlers(name: str) -> list[tuple[re.Pattern[str], Handler]]:
    """Return a backend's handlers by URL; which account and region it is looked up in does not matter."""
    from moto.backends import get_backend

    found: Any = get_backend(name)  # type: ignore[call-overload] # moto lists its names as literals
    backend = next(iter(found["123456789012"].values()), None) or found["123456789012"]["aws"]
    return [(re.compile(pattern), handler) for pattern, handler in backend.urls.items()]


def _request(call: Call, name: str) -> Any:
    """Return the request for moto: the host that AWS has, and account and region as we found them."""
    from .protocol import moto_request

    incoming = call.incoming
    host = incoming.headers.get("host", "")
    if not host.partition(":")[0].endswith(".amazonaws.com"):
        host = _HOSTS.get(name, name + ".{region}.amazonaws.com").format(region=call.region)
    given = {
        "host": host,
        "user-agent": f"sandbox region/{call.region}",
        "x-moto-account-id": call.account,
    }
    headers = {**incoming.headers, **given}
    return moto_request(Incoming(incoming.method, incoming.path, incoming.query, headers, incoming.body))
