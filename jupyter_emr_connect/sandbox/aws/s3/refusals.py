"""S3's own refusals, with the codes and words of "Error responses" (S3 API reference)."""

from __future__ import annotations

from ..failures import Refusal

IF_MATCH, IF_NONE_MATCH = "If-Match", "If-None-Match"
COPY_SOURCE_IF_MATCH = "x-amz-copy-source-If-Match"

MAX_KEY_BYTES = 1024

_KEY_TOO_LONG = "KeyTooLongError"
_NO_SUCH_BUCKET = "NoSuchBucket"
_NO_SUCH_KEY = "NoSuchKey"
_WRONG_REGION = "AuthorizationHeaderMalformed"
_PRECONDITION_FAILED = "PreconditionFailed"
_NOT_IMPLEMENTED = "NotImplemented"
_INVALID_ARGUMENT = "InvalidArgument"


def no_such_bucket(name: str) -> Refusal:
    """Return the refusal for a bucket that does not exist."""
    return Refusal(_NO_SUCH_BUCKET, "The specified bucket does not exist", status=404, BucketName=name)


def no_such_key(key: str) -> Refusal:
    """Return the refusal for an object that does not exist."""
    return Refusal(_NO_SUCH_KEY, "The specified key does not exist.", status=404, Key=key)


def wrong_region(signed: str, region: str) -> Refusal:
    """Return the refusal for a request that was signed for another region than its bucket's."""
    message = f"The authorization header is malformed; the region '{signed}' is wrong; expecting '{region}'"
    return Refusal(_WRONG_REGION, message, status=400, Region=region)


def precondition_failed(condition: str) -> Refusal:
    """Return the refusal for a condition (the header's name) that does not hold."""
    message = "At least one of the pre-conditions you specified did not hold"
    return Refusal(_PRECONDITION_FAILED, message, status=412, Condition=condition)


def not_implemented(header: str) -> Refusal:
    """Return the refusal for a header that S3 knows, but not with this operation or value."""
    message = "A header you provided implies functionality that is not implemented"
    return Refusal(_NOT_IMPLEMENTED, message, status=501, Header=header)


def invalid_argument(message: str, name: str, value: str) -> Refusal:
    """Return the refusal for the value of a header or query parameter."""
    return Refusal(_INVALID_ARGUMENT, message, ArgumentName=name, ArgumentValue=value)


def check_key(key: str) -> None:
    """Raise :class:`Refusal` for a key of more than 1,024 bytes ("Naming Amazon S3 objects", S3 user guide)."""
    size = len(key.encode())
    if size > MAX_KEY_BYTES:
        raise Refusal(_KEY_TOO_LONG, "Your key is too long", MaxSizeAllowed=str(MAX_KEY_BYTES), Size=str(size))
