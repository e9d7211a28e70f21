"""What S3's refusals mean for whoever keeps files there, and what to do about each.

Called by :mod:`.s3` for errors that :mod:`.errors` has translated already. Codes: "Error responses" (S3 API reference).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from ..errors import AccessDenied, AWSError, BucketNotFound, ObjectChanged, ObjectNotFound
from .errors import error_code
from .session import AWSSession

CHANGED = {"PreconditionFailed", "412", "ConditionalRequestConflict"}
MISSING = {"NoSuchKey", "NoSuchVersion", "NotFound", "404", "MethodNotAllowed", "405"}
"""A delete marker, asked for by its version, answers 405."""
ELSEWHERE = {"PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
WRITES = {"PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}
ENCRYPTION_HEADER = "x-amz-server-side-encryption"
_ON_RESOURCE = re.compile(r"on resource: (.+?) (?:because|with) ", re.DOTALL)
_FIXES = {
    "KeyTooLongError": "Shorten the file's path or the prefix: S3 takes keys of 1,024 bytes at most.",
    "InvalidObjectState": "A lifecycle rule has archived it. Restore the object in S3 first, then try again.",
    "NotImplemented": "This store has no conditional writes, without which other people's work could be overwritten.",
    "KMS.NotFoundException": "Check the KMS key's id and its region: it must be the bucket's region.",
    "KMS.DisabledException": "Ask your administrator to enable the KMS key.",
    "KMS.KMSInvalidStateException": "Ask your administrator to enable the KMS key, or not to delete it.",
    "EntityTooLarge": "Leave the file out of the backup (EMRConnect.backup_exclude).",
    "InvalidBucketName": "Correct EMRConnect.backup_location: s3://bucket/prefix.",
}


def explained(error: AWSError, session: AWSSession, operation: str, bucket: str, key: str) -> AWSError:
    """Return the error for a call of S3 that failed; with the bucket and key in its words."""
    code, place = error_code(error), f"s3://{bucket}/{key}" if key else f"s3://{bucket}"
    if code in CHANGED:
        message = f"{place} is not as it was when it was last read or written here: somebody else has changed it."
        return ObjectChanged(message, fix="Nothing was overwritten. Compare both and choose.")
    if code == "NoSuchBucket":
        message = f"There is no bucket {bucket!r}."
        return BucketNotFound(message, fix="Correct EMRConnect.backup_location, or make the bucket.")
    if code in MISSING:
        return ObjectNotFound(f"{place} does not exist (any more).", fix="List what there is.")
    if code in ELSEWHERE:
        message = f"The bucket {bucket!r} is not in {session.region}{_told_region(error)}."
        return AWSError(
            message, fix="Set the bucket's region in the profile of the backup.", iam_action=error.iam_action
        )
    if isinstance(error, AccessDenied):
        return _denied(error, session, operation, bucket, key)
    if code in _FIXES:
        return AWSError(f"{error.message} ({place})", fix=_FIXES[code], iam_action=error.iam_action)
    return error


def demanded_headers(policy: str) -> Iterator[tuple[str, str]]:
    """Yield each encryption header that a bucket policy's ``Deny`` demands, with the value that it must have.

    The value is empty where any will do. Read from the usual forms of such statements: ``StringNotEquals`` and
    ``StringNotLike`` with the value, ``Null`` for the presence ("Using server-side encryption", S3 user guide).
    """
    document = json.loads(policy)
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if statement.get("Effect") != "Deny":
            continue
        for operator, pairs in (statement.get("Condition") or {}).items():
            yield from _demanded(operator, pairs)


def _demanded(operator: str, pairs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    negative = operator.removeprefix("ForAnyValue:").removesuffix("IfExists")
    for name, value in pairs.items():
        header = name.lower().removeprefix("s3:")
        if not header.startswith(ENCRYPTION_HEADER):
            continue
        values = value if isinstance(value, list) else [value]
        if negative in ("StringNotEquals", "StringNotLike", "StringNotEqualsIgnoreCase", "ArnNotEquals", "ArnNotLike"):
            yield header, " or ".join(map(str, values))
        elif negative == "Null" and str(values[0]).lower() == "true":
            yield header, ""


def _denied(error: AccessDenied, session: AWSSession, operation: str, bucket: str, key: str) -> AccessDenied:
    """Return the refusal with the resource, and with the header that the bucket's policy demands, where it does."""
    said = _ON_RESOURCE.search(_answer(error).get("Message", ""))
    resource = said[1].strip('"') if said else ""
    if not resource or ":s3:::" in resource:  # AWS's words end where a key has such words in its name
        partition = resource.split(":")[1] if resource else "aws"
        of_bucket = not key or "ListBucket" in (error.iam_action or "")
        resource = f"arn:{partition}:s3:::{bucket}" if of_bucket else f"arn:{partition}:s3:::{bucket}/{key}"
    message = error.message.replace(
        f"may not call {error.iam_action}", f"may not call {error.iam_action} on {resource}"
    )
    fix = error.fix
    if operation in WRITES and "explicit deny" in error.message and (error.iam_action or "").startswith("s3:"):
        message, fix = (
            f"{message}{_demand(session, bucket)}",
            (
                "Set EMRConnect.backup_encryption (AES256 or aws:kms) and, for a key of your own, "
                "EMRConnect.backup_kms_key to what the bucket's policy demands."
            ),
        )
    return AccessDenied(message, fix=fix, iam_action=error.iam_action)


def _demand(session: AWSSession, bucket: str) -> str:
    """Return a sentence about the headers that a bucket's policy demands; a guess where it may not be read."""
    try:
        policy = session.call("s3", "GetBucketPolicy", Bucket=bucket)["Policy"]
        headers = list(dict.fromkeys(demanded_headers(policy)))
    except (AWSError, KeyError, ValueError, AttributeError):
        return f" The bucket's policy may demand the header {ENCRYPTION_HEADER}."
    named = " and ".join(f"{name}: {value}" if value else name for name, value in headers)
    return f" The bucket's policy demands the header {named}." if named else ""


def _answer(error: AWSError) -> Mapping[str, Any]:
    cause = error.__cause__
    return cause.response.get("Error", {}) if isinstance(cause, ClientError) else {}


def _told_region(error: AWSError) -> str:
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return ""
    headers = cause.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or _answer(error).get("Region")
    return f" but in {region}" if region else ""
