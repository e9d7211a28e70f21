"""DeleteObjects: up to 1,000 objects by one call, each allowed or refused by itself.

Source: "DeleteObjects" (S3 API reference). moto's own asks no permission, and ignores the ETag of an entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import faults
from ..authorize import authorize
from ..failures import FailureKind, Refusal, Reply, resolve
from ..protocol import reply_of
from ..service import Call
from .permissions import bypasses_governance, deletion_checks
from .preconditions import require_match
from .stored import backend_of, current_object, get_bucket

MAX_OBJECTS = 1000
_LOCKED = "Access Denied because object protected by object lock."


def delete_objects(call: Call) -> Reply:
    """Answer DeleteObjects; called while no other call can change objects. Raises :class:`Refusal` (MalformedXML)."""
    request: Mapping[str, Any] = call.params["Delete"]
    objects: list[dict[str, Any]] = request.get("Objects") or []
    if not 0 < len(objects) <= MAX_OBJECTS:
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        raise Refusal(FailureKind.MALFORMED_BODY, message)
    bucket = get_bucket(call.params["Bucket"])
    deleted: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for entry in objects:
        try:
            deleted.append(_delete(call, bucket, entry))
        except Refusal as refusal:
            code, _, message = resolve(refusal, "rest-xml")
            errors.append({**_named(entry), "Code": code, "Message": message})
    result = {"Errors": errors} if request.get("Quiet") else {"Deleted": deleted, "Errors": errors}
    return reply_of(call.operation, result, call.request_id)


def _delete(call: Call, bucket: Any, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Delete one object or version; returns its row of the answer, raises :class:`Refusal` with the reason."""
    from moto.s3.exceptions import AccessDeniedByLock

    key, version = str(entry["Key"]), entry.get("VersionId")
    for check in deletion_checks(call, bucket.name, key, version=version, etag=entry.get("ETag")):
        faults.authorization(call, check)
        authorize(call, check)
    require_match(current_object(bucket, key), entry.get("ETag"), key)
    try:
        _, headers = backend_of(bucket).delete_object(
            bucket.name, key, version_id=version, bypass=bypasses_governance(call)
        )
    except AccessDeniedByLock:
        raise Refusal(FailureKind.DENIED, _LOCKED) from None
    return {**_named(entry), **dict(_marker(headers, version))}


def _marker(headers: Mapping[str, Any], version: str | None) -> Iterator[tuple[str, Any]]:
    """Yield what the answer says of a delete marker that was made, or that was the version deleted."""
    if headers.get("delete-marker") == "true":
        yield "DeleteMarker", True
        yield "DeleteMarkerVersionId", headers["version-id"] if version is None else version


def _named(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("Key", "VersionId") if entry.get(name)}
