"""AWS's own refusals: one name each here, and their code, status and words in each wire protocol.

Raised as :class:`Refusal` anywhere in the pipeline, turned into bytes by :func:`render`. Codes and texts are those of
AWS's "Common Error Types" pages and of S3's "Error responses" page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any
from xml.sax.saxutils import escape

Protocol = str
"""``json``, ``rest-json``, ``query``, ``ec2`` or ``rest-xml``."""


class FailureKind(Enum):
    """The refusals that every service has; a service's own errors go by their code instead."""

    MISSING_AUTH = "missing-auth"
    MALFORMED_AUTH = "malformed-auth"
    OLD_SIGNATURE = "old-signature"
    UNKNOWN_KEY = "unknown-key"
    INVALID_TOKEN = "invalid-token"  # noqa: S105 - a name
    EXPIRED_TOKEN = "expired-token"  # noqa: S105 - a name
    BAD_SIGNATURE = "bad-signature"
    SKEWED_CLOCK = "skewed-clock"
    EXPIRED_URL = "expired-url"
    PAYLOAD_MISMATCH = "payload-mismatch"
    THROTTLED = "throttled"
    DENIED = "denied"
    INTERNAL = "internal"
    UNKNOWN_OPERATION = "unknown-operation"
    NOT_EMULATED = "not-emulated"
    MALFORMED_BODY = "malformed-body"
    TOO_LARGE = "too-large"
    INVALID_PARAMETER = "invalid-parameter"
    INCOMPLETE_BODY = "incomplete-body"


class Refusal(Exception):
    """The request is refused; ``kind`` is a service's own error code where it is a string."""

    def __init__(
        self, kind: FailureKind | str, message: str = "", *, status: int | None = None, **members: str
    ) -> None:
        super().__init__(message or str(kind))
        self.kind = kind
        self.message = message
        self.status = status
        self.members = members


class Down(Exception):
    """The service is down: the server closes the connection without an answer."""


@dataclass(frozen=True)
class Reply:
    """One HTTP answer of the AWS front, as its server sends it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Row:
    """One refusal: ``(code, status)`` for the JSON, the query and the S3 protocol, and the default message."""

    json: tuple[str, int]
    query: tuple[str, int]
    s3: tuple[str, int]
    message: str
    s3_message: str = ""


_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - a sentence

COMMON: Mapping[FailureKind, _Row] = {
    FailureKind.MISSING_AUTH: _Row(
        ("MissingAuthenticationTokenException", 400),
        ("MissingAuthenticationToken", 403),
        ("AccessDenied", 403),
        "Request is missing Authentication Token",
        "Access Denied",
    ),
    FailureKind.MALFORMED_AUTH: _Row(
        ("IncompleteSignatureException", 400),
        ("IncompleteSignature", 400),
        ("AuthorizationHeaderMalformed", 400),
        "The request signature does not conform to AWS standards.",
    ),
    FailureKind.OLD_SIGNATURE: _Row(
        ("IncompleteSignatureException", 400),
        ("IncompleteSignature", 400),
        ("InvalidRequest", 400),
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    ),
    FailureKind.UNKNOWN_KEY: _Row(
        ("UnrecognizedClientException", 400),
        ("InvalidClientTokenId", 403),
        ("InvalidAccessKeyId", 403),
        _INVALID_TOKEN,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    FailureKind.INVALID_TOKEN: _Row(
        ("UnrecognizedClientException", 400),
        ("InvalidClientTokenId", 403),
        ("InvalidToken", 400),
        _INVALID_TOKEN,
        "The provided token is malformed or otherwise invalid.",
    ),
    FailureKind.EXPIRED_TOKEN: _Row(
        ("ExpiredTokenException", 400),
        ("ExpiredToken", 403),
        ("ExpiredToken", 400),
        "The security token included in the request is expired",
        "The provided token has expired.",
    ),
    FailureKind.BAD_SIGNATURE: _Row(
        ("InvalidSignatureException", 400),
        ("SignatureDoesNotMatch", 403),
        ("SignatureDoesNotMatch", 403),
        _SIGNATURE,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    ),
    FailureKind.SKEWED_CLOCK: _Row(
        ("InvalidSignatureException", 400),
        ("SignatureDoesNotMatch", 403),
        ("RequestTimeTooSkewed", 403),
        "Signature expired.",
        "The difference between the request time and the current time is too large.",
    ),
    FailureKind.EXPIRED_URL: _Row(
        ("InvalidSignatureException", 400),
        ("SignatureDoesNotMatch", 403),
        ("AccessDenied", 403),
        "Signature expired.",
        "Request has expired",
    ),
    FailureKind.PAYLOAD_MISMATCH: _Row(
        ("InvalidSignatureException", 400),
        ("SignatureDoesNotMatch", 403),
        ("XAmzContentSHA256Mismatch", 400),
        _SIGNATURE,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
    FailureKind.THROTTLED: _Row(("ThrottlingException", 400), ("Throttling", 400), ("SlowDown", 503), "Rate exceeded"),
    FailureKind.DENIED: _Row(
        ("AccessDeniedException", 400), ("AccessDenied", 403), ("AccessDenied", 403), "Access Denied"
    ),
    FailureKind.INTERNAL: _Row(
        ("InternalFailure", 500),
        ("InternalFailure", 500),
        ("InternalError", 500),
        "The request processing has failed because of an unknown error, exception or failure.",
        "We encountered an internal error. Please try again.",
    ),
    FailureKind.UNKNOWN_OPERATION: _Row(
        ("UnknownOperationException", 400),
        ("InvalidAction", 400),
        ("MethodNotAllowed", 405),
        "",
        "The specified method is not allowed against this resource.",
    ),
    FailureKind.NOT_EMULATED: _Row(
        ("UnknownOperationException", 501),
        ("InvalidAction", 501),
        ("NotImplemented", 501),
        "The sandbox does not emulate this operation.",
    ),
    FailureKind.MALFORMED_BODY: _Row(
        ("SerializationException", 400), ("MalformedInput", 400), ("MalformedXML", 400), "The request is malformed."
    ),
    FailureKind.TOO_LARGE: _Row(
        ("RequestEntityTooLargeException", 413),
        ("RequestEntityTooLarge", 413),
        ("EntityTooLarge", 400),
        "The request is larger than this service takes.",
    ),
    FailureKind.INCOMPLETE_BODY: _Row(
        ("SerializationException", 400),
        ("MalformedInput", 400),
        ("IncompleteBody", 400),
        "The request body terminated unexpectedly",
    ),
    FailureKind.INVALID_PARAMETER: _Row(
        ("ValidationException", 400), ("ValidationError", 400), ("InvalidArgument", 400), "The input is not valid."
    ),
}

_AUTH_FAILURE = ("AuthFailure", 401)
_REQUEST_EXPIRED = ("RequestExpired", 400)
EC2: Mapping[FailureKind, tuple[str, int]] = {
    FailureKind.MISSING_AUTH: _AUTH_FAILURE,
    FailureKind.UNKNOWN_KEY: _AUTH_FAILURE,
    FailureKind.INVALID_TOKEN: _AUTH_FAILURE,
    FailureKind.BAD_SIGNATURE: _AUTH_FAILURE,
    FailureKind.EXPIRED_TOKEN: _REQUEST_EXPIRED,
    FailureKind.SKEWED_CLOCK: _REQUEST_EXPIRED,
    FailureKind.THROTTLED: ("RequestLimitExceeded", 503),
    FailureKind.DENIED: ("UnauthorizedOperation", 403),
    FailureKind.INTERNAL: ("InternalError", 500),
    FailureKind.INVALID_PARAMETER: ("InvalidParameterValue", 400),
}
"""EC2's own codes, where they differ from those of the query protocol ("Error codes for the Amazon EC2 API")."""


def resolve(refusal: Refusal, protocol: Protocol) -> tuple[str, int, str]:
    """Return the refusal's code, HTTP status and message in ``protocol``."""
    if isinstance(refusal.kind, str):
        return refusal.kind, refusal.status or 400, refusal.message
    row = COMMON[refusal.kind]
    if protocol == "rest-xml":
        code, status = row.s3
        return code, refusal.status or status, refusal.message or row.s3_message or row.message
    code, status = row.query if protocol in ("query", "ec2") else row.json
    if protocol == "ec2":
        code, status = EC2.get(refusal.kind, row.query)
    if protocol == "rest-json" and status == 400 and refusal.kind in _FORBIDDEN:
        status = 403
    return code, refusal.status or status, refusal.message or row.message


_FORBIDDEN = frozenset(COMMON) - {
    FailureKind.THROTTLED,
    FailureKind.MALFORMED_BODY,
    FailureKind.UNKNOWN_OPERATION,
    FailureKind.INVALID_PARAMETER,
}
"""The rows that the REST-JSON services answer with 403 where the JSON ones say 400."""


def render(refusal: Refusal, protocol: Protocol, request_id: str) -> Reply:
    """Return the refusal as the answer that AWS sends in ``protocol``; called by the app for every refused request."""
    code, status, message = resolve(refusal, protocol)
    if protocol == "rest-json" and refusal.kind is FailureKind.THROTTLED:
        status = 429
    if protocol == "rest-xml":
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>{_members(refusal)}"
        body += f"<RequestId>{request_id}</RequestId><HostId>sandbox</HostId></Error>"
        answer = _xml(status, body)
        region = refusal.members.get("Region")  # HEAD has no body to say it in
        return replace(answer, headers={**answer.headers, "x-amz-bucket-region": region}) if region else answer
    if protocol == "query":
        fault = "Sender" if status < 500 else "Receiver"
        error = f"<Error><Type>{fault}</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return _xml(status, f"<ErrorResponse>{error}<RequestId>{request_id}</RequestId></ErrorResponse>")
    if protocol == "ec2":
        error = f"<Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
        return _xml(status, f"<Response>{error}<RequestID>{request_id}</RequestID></Response>")
    return _json(status, code, message, refusal, protocol)


def _json(status: int, code: str, message: str, refusal: Refusal, protocol: Protocol) -> Reply:
    if protocol == "rest-json":
        body: dict[str, Any] = {"message": message, **refusal.members}
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
        return Reply(status, json.dumps(body).encode(), headers)
    # The services' own errors carry "Message" as their models say; the front end's common ones carry "message".
    name = "message" if isinstance(refusal.kind, FailureKind) else "Message"
    body = {"__type": code, name: message, **refusal.members}
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/x-amz-json-1.1"})


def _xml(status: int, body: str) -> Reply:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return Reply(status, text.encode(), {"Content-Type": "text/xml"})


def _members(refusal: Refusal) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in refusal.members.items())
