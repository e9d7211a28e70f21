"""Conditional requests that change objects: If-Match and If-None-Match on writes, copies and deletes.

Sources: "Add preconditions to S3 operations with conditional requests" (S3 user guide), the API reference of each
operation, and what was measured against S3 where these are silent (an object that is not there is 404 also for
``If-Match: *``; a version and a condition together are not implemented).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from ..service import Call
from .refusals import COPY_SOURCE_IF_MATCH, IF_MATCH, IF_NONE_MATCH, no_such_key, not_implemented, precondition_failed
from .stored import current_object, find_bucket, get_bucket

WRITES = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload"})
_DIRECTORY_BUCKETS_ONLY = ("x-amz-if-match-last-modified-time", "x-amz-if-match-size")


def check_preconditions(call: Call) -> None:
    """Refuse a write, copy or delete whose condition does not hold; called while no other call can change objects.

    Raises :class:`Refusal`: ``PreconditionFailed`` (412), ``NoSuchKey`` (404), ``NotImplemented`` (501).
    """
    headers = call.incoming.headers
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if call.action == "DeleteObject":
        _check_delete_headers(call, match)
    elif call.action not in WRITES:
        return
    elif none_match not in (None, "*"):
        raise not_implemented(IF_NONE_MATCH)
    current = current_object(get_bucket(call.params["Bucket"]), call.params["Key"])
    if not _is_repeated_completion(call, current):
        require_match(current, match, call.params["Key"])
        if none_match and current is not None and call.action in WRITES:
            raise precondition_failed(IF_NONE_MATCH)
    _check_copy_source(call)


def require_match(current: Any | None, wanted: str | None, key: str) -> None:
    """Raise :class:`Refusal` unless the object is there and has the wanted ETag (``*``: any; None: no condition)."""
    if wanted is None:
        return
    if current is None:
        raise no_such_key(key)
    if wanted != "*" and not _same(wanted, current.etag):
        raise precondition_failed(IF_MATCH)


def _check_delete_headers(call: Call, match: str | None) -> None:
    for name in _DIRECTORY_BUCKETS_ONLY:
        if name in call.incoming.headers:
            raise not_implemented(name)
    if match is not None and "versionId" in call.incoming.arguments:
        raise not_implemented(IF_MATCH)


def _is_repeated_completion(call: Call, current: Any | None) -> bool:
    """Tell whether this upload has already become the current object: completing it again changes nothing."""
    if call.action != "CompleteMultipartUpload" or current is None or not current.multipart:
        return False
    return bool(current.multipart.id == call.params["UploadId"])


def _check_copy_source(call: Call) -> None:
    wanted = call.incoming.headers.get("x-amz-copy-source-if-match")
    if call.action != "CopyObject" or wanted is None:
        return
    bucket, key, version = copy_source(call)
    stored = find_bucket(bucket)
    versions = stored.keys.getlist(key, default=[]) if stored is not None else []
    source = next((each for each in reversed(versions) if version in ("", each.version_id)), None)
    if source is not None and not _same(wanted, getattr(source, "etag", "")):
        raise precondition_failed(COPY_SOURCE_IF_MATCH)


def copy_source(call: Call) -> tuple[str, str, str]:
    """Return bucket, key and version of a copy's source; empty strings where the call copies nothing."""
    path, _, query = call.incoming.headers.get("x-amz-copy-source", "").partition("?")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    return bucket, key, query.partition("versionId=")[2]


def _same(wanted: str, etag: str) -> bool:
    return wanted.strip('"') == etag.strip('"')
