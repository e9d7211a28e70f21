"""Which HTTP status a failure has, and the JSON body of every one.

A hop behind this server that failed is 424, not 502 or 504: those mean that Jupyter itself is down, and proxies replace
their bodies, with the cause and the fix in them, by pages of their own.
"""

from __future__ import annotations

from http.client import responses
from typing import Any

from tornado.web import HTTPError

from ...errors import (
    AccessDenied,
    AmbiguousCompute,
    AmbiguousRole,
    AttachmentNotFound,
    AWSError,
    BackupConflict,
    BackupsOff,
    ComputeNotFound,
    ConfigurationError,
    EMRConnectError,
    FileInMotion,
    GatewayError,
    KerberosFailed,
    KernelGone,
    KernelInUse,
    KernelStartCancelled,
    KernelUnknown,
    LivyError,
    LoginRequired,
    MalformedRole,
    NotAttachable,
    NotAttached,
    NotebookError,
    ObjectChanged,
    ObjectNotFound,
    PathError,
    PathNotFound,
    RequestError,
    RoleDenied,
    RoleNotFound,
    RoleRequired,
    RoleUnsupported,
    SandboxRefused,
    StoreError,
    Throttled,
)

# The nearest class above an error's own counts.
STATUSES: dict[type[EMRConnectError], int] = {
    RequestError: 400,
    PathError: 400,
    MalformedRole: 400,
    AccessDenied: 403,
    RoleDenied: 403,
    NotAttached: 404,
    AttachmentNotFound: 404,
    PathNotFound: 404,
    ComputeNotFound: 404,
    AmbiguousCompute: 409,
    RoleNotFound: 404,
    AmbiguousRole: 409,
    NotAttachable: 409,
    RoleRequired: 409,
    LoginRequired: 409,
    KerberosFailed: 424,
    RoleUnsupported: 409,
    ConfigurationError: 424,
    ObjectNotFound: 404,
    ObjectChanged: 409,
    AWSError: 424,
    GatewayError: 424,
    LivyError: 424,
    KernelUnknown: 404,
    KernelGone: 409,
    KernelInUse: 409,
    KernelStartCancelled: 409,
    Throttled: 429,
    BackupsOff: 409,
    BackupConflict: 409,
    FileInMotion: 409,
    NotebookError: 409,
    SandboxRefused: 409,
    StoreError: 503,
    EMRConnectError: 500,
}

# status -> (code, what to do), for failures that no class of ours stands for.
HTTP_FAILURES = {
    400: ("bad-request", "Correct the request; openapi.yaml describes it."),
    401: ("unauthorized", "Log in to Jupyter, or send its token."),
    403: (
        "forbidden",
        "Log in to Jupyter and send its token or _xsrf, or ask the administrator for the right.",
    ),
    404: ("not-found", "GET openapi.yaml describes the routes there are."),
    405: ("method-not-allowed", "The header Allow names those that are."),
    413: ("too-large", "Send at most 64 KiB."),
}
UNEXPECTED = ("error", "The server's log has the details.")


def status_of(error: BaseException | None, default: int) -> int:
    """Return the status for an error of ours; ``default`` (tornado's word) for any other."""
    for cls in type(error).__mro__:
        if cls in STATUSES:
            return STATUSES[cls]
    return default


def body_of(error: BaseException | None, status: int) -> dict[str, Any]:
    """Return the contract's body for any failure; nothing of an unexpected error is shown but its class."""
    if isinstance(error, EMRConnectError):
        return error.to_json()
    reason = responses.get(status, "Error")
    code, fix = HTTP_FAILURES.get(status, UNEXPECTED)
    message = f"{reason}."
    if isinstance(error, HTTPError) and status < 500 and error.log_message:
        message = error.log_message % error.args if error.args else error.log_message
    elif error is not None and not isinstance(error, HTTPError):
        message = f"Something unexpected happened: {type(error).__name__}."
    return {"message": message[:1000], "reason": reason, "code": code, "fix": fix}
