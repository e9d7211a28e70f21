"""A request as it came in, and what it asks for: service, region, action. Called by the app before anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from .failures import FailureKind, Refusal

MAX_BODY_BYTES = 8 * 1024 * 1024
"""Bytes that a control-plane call may have (AWS's own limits are lower; S3's stands in :data:`MAX_OBJECT_BYTES`)."""
MAX_OBJECT_BYTES = 256 * 1024 * 1024

RAW_HEADERS = "jupyter_emr_connect.raw_headers"
"""Environ key under which the server hands the headers as they came: WSGI cannot tell ``a-b`` from ``a_b``."""

_REGION = re.compile(r"[a-z]{2}(-[a-z]+){1,2}-\d")
_HOSTS = (
    re.compile(
        r"(?:.*\.)?(?P<service>[a-z0-9-]+)\.(?P<region>[a-z]{2}(?:-[a-z]+){1,2}-\d)\.(?:amazonaws\.com|api\.aws)"
    ),
    # The older form of some services, which botocore still has for EMR.
    re.compile(r"(?P<region>[a-z]{2}(?:-[a-z]+){1,2}-\d)\.(?P<service>[a-z0-9-]+)\.amazonaws\.com"),
    re.compile(r"(?:.*\.)?(?P<service>s3|iam|sts)\.amazonaws\.com"),
)
_CREDENTIAL = re.compile(r"Credential=[^/,&]+/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/")


@dataclass(frozen=True)
class Incoming:
    """The bare HTTP request. ``path`` and ``query`` are percent-encoded as sent; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    secure: bool = False
    source: str = "127.0.0.1"
    environ: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def arguments(self) -> dict[str, str]:
        """The query string's first value of each name."""
        return {name: values[0] for name, values in parse_qs(self.query, keep_blank_values=True).items()}

    @property
    def form(self) -> dict[str, str]:
        """The first value of each field of a form-encoded body (the query protocol), with the query string's."""
        if "x-www-form-urlencoded" not in self.headers.get("content-type", ""):
            return self.arguments
        text = self.body.decode("utf-8", "replace")
        return {**self.arguments, **{n: v[0] for n, v in parse_qs(text, keep_blank_values=True).items()}}

    @property
    def target(self) -> tuple[str, str]:
        """The JSON protocol's ``X-Amz-Target`` as (prefix, action)."""
        prefix, _, action = self.headers.get("x-amz-target", "").rpartition(".")
        return prefix, action


def read(environ: dict[str, Any]) -> Incoming:
    """Return the request of a WSGI environ, its body read; raises :class:`Refusal` where it is too large or broken."""
    raw = environ.get(RAW_HEADERS)
    pairs = raw if raw is not None else list(_environ_headers(environ))
    headers: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    uri = str(environ.get("RAW_URI") or environ.get("PATH_INFO", "/")).encode("latin-1").decode("utf-8", "replace")
    if "://" in uri.split("?", 1)[0]:
        uri = "/" + uri.split("://", 1)[1].partition("/")[2]
    path, _, query = uri.partition("?")
    return Incoming(
        method=environ["REQUEST_METHOD"],
        path=path or "/",
        query=query,
        headers=headers,
        body=_body(environ),
        secure=environ.get("wsgi.url_scheme") == "https",
        source=environ.get("REMOTE_ADDR", "127.0.0.1"),
        environ=environ,
    )


def _environ_headers(environ: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [(k[5:].replace("_", "-"), v) for k, v in environ.items() if k.startswith("HTTP_")]
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found.append((name.replace("_", "-"), environ[name]))
    return found


def _body(environ: Mapping[str, Any]) -> bytes:
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise Refusal(FailureKind.MALFORMED_BODY, "The Content-Length header is not a number.") from None
    if length > MAX_OBJECT_BYTES:
        raise Refusal(FailureKind.TOO_LARGE)
    body: bytes = environ["wsgi.input"].read(length) if length else b""
    if len(body) != length:
        raise Refusal(FailureKind.MALFORMED_BODY, "The body is shorter than Content-Length says.")
    return body


def locate(incoming: Incoming, scope: tuple[str, str] | None) -> tuple[str, str]:
    """Return the signing name of the service and the region that the request is for.

    ``scope`` is (region, service) of the credential scope where the request is signed. Without one, the host name
    counts, then what can be read of a malformed credential, the target header, and the form's ``Version``; what remains
    is S3's (an anonymous GET).
    """
    if scope:
        region, service = scope
        if not _REGION.fullmatch(region):
            raise Refusal(
                FailureKind.MALFORMED_AUTH, f"Credential should be scoped to a valid region, not '{region[:40]}'."
            )
        return service, region
    name = incoming.headers.get("host", "").partition(":")[0]
    for host in filter(None, (pattern.fullmatch(name) for pattern in _HOSTS)):
        return host["service"], host.groupdict().get("region") or "us-east-1"
    claimed = _CREDENTIAL.search(incoming.headers.get("authorization", "") or unquote(incoming.query))
    if claimed:
        return claimed["service"], claimed["region"]
    if incoming.headers.get("x-amz-target", "").startswith("ElasticMapReduce."):
        return "elasticmapreduce", "us-east-1"
    versions = {"2011-06-15": "sts", "2010-05-08": "iam", "2016-11-15": "ec2"}
    return versions.get(incoming.form.get("Version", ""), "s3"), "us-east-1"
